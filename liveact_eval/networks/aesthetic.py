"""LAION's aesthetic predictor: a linear head on CLIP ViT-L/14, behind VBench's aesthetic quality.

    features of `clip_visual.build_clip_vitl14`, (B, 768)  ->  (B,), a mark of about 1..10, by ten

Source: LAION-AI/aesthetic-predictor (MIT); weights `sa_0_4_vit_l_14_linear.pth`, whose names are those of `nn.Linear`.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from liveact_eval.networks.clip_visual import VIT_L14


def build_aesthetic_head() -> nn.Linear:
    """The head without trained weights, in evaluation mode, frozen."""
    return nn.Linear(VIT_L14.features, 1).eval().requires_grad_(False)


def aesthetic_score(head: nn.Linear, features: Tensor) -> Tensor:
    """Marks of pictures by ten, as VBench counts them: (B, 768) features of any length to (B,)."""
    return head(F.normalize(features.float(), dim=-1))[:, 0] / 10
