"""YOLO-World v2-XL: boxes of what a few words name. Here: people in a frame, faces and hands in a person.

    RGB (B, 3, H, W) in 0..1, sides multiples of 32, and texts (K, 512)  ->  scores (B, A, K), boxes (B, A, 4)

A are the places of three maps, at strides 8, 16 and 32, row by row; scores are 0..1, boxes x0, y0, x1, y1 in pixels of
the input. Texts are embeddings of CLIP ViT-B/32, of unit length; the weight file holds that text tower too, so that
nothing else is needed. Source: AILab-CVC/YOLO-World, arXiv:2401.17270, written from its description; weights
`yolo_world_v2_xl_obj365v1_goldg_cc3mlite_pretrain-5daf1395.pth` (GPL-3.0).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from liveact_eval.networks.yolo_layers import (
    TEXT_WIDTH,
    ConvNorm,
    GuidedCrossStage,
    TextContrast,
    stage,
    two_convs,
)

SIDE = 640
"""Height and width of the input that the network was made for, in pixels."""
STRIDES = (8, 16, 32)
_BINS = 16
"""Distances to a side that a place tells apart, in strides."""
_START, _END, _PAD = 49406, 49407, 49407
_WORDS: Mapping[str, tuple[int, ...]] = {"human": (2751,), "face": (1710,), "hand": (2463,), " ": ()}
"""Numbers of the words in CLIP's vocabulary (openai/CLIP, clip/bpe_simple_vocab_16e6.txt.gz)."""
PEOPLE = ("human", " ")
"""Texts of the search for people; the official program adds an empty one."""
PARTS = ("face", "hand", " ")
"""Texts of the search within a person."""
_OFFICIAL = (
    ("image_model.", "backbone.image_model."),
    ("neck.", "neck."),
    ("head.", "bbox_head.head_module."),
)
_TEXT_TOWER = "backbone.text_model.model."


@dataclass(frozen=True, kw_only=True)
class YoloSizes:
    """Channels and depths; the defaults are those of XL."""

    channels: tuple[int, int, int, int, int] = (96, 192, 384, 768, 768)
    """Of the stem and of the four stages."""
    depths: tuple[int, int, int, int] = (3, 6, 6, 3)
    """Blocks of the four stages."""
    neck_depth: int = 3
    """Blocks of each layer of the neck."""
    embeddings: tuple[int, int, int] = (192, 384, 384)
    """Channels in which places and texts are compared, by map."""
    heads: tuple[int, int, int] = (6, 12, 12)
    """Comparisons side by side, by map."""


class YoloWorld(nn.Module):
    """The detector, with the embeddings of the texts that Human Anatomy looks for."""

    people: Tensor
    parts: Tensor

    def __init__(self, sizes: YoloSizes | None = None) -> None:
        super().__init__()
        sizes = sizes or YoloSizes()
        self.image_model = _Backbone(sizes)
        self.neck = _Neck(sizes)
        self.head = _Head(sizes.channels[2:])
        self.register_buffer("people", torch.zeros(len(PEOPLE), TEXT_WIDTH))
        self.register_buffer("parts", torch.zeros(len(PARTS), TEXT_WIDTH))

    def forward(self, pictures: Tensor, texts: Tensor) -> tuple[Tensor, Tensor]:
        """Scores and boxes of every place: see the module.

        Raises:
            ValueError: a side is no multiple of 32.
        """
        if any(side % STRIDES[-1] for side in pictures.shape[-2:]):
            raise ValueError(
                f"pictures of shape {tuple(pictures.shape)}; sides that are multiples of {STRIDES[-1]} are expected"
            )
        return self.head(self.neck(self.image_model(pictures), texts), texts)


class _Backbone(nn.Module):
    def __init__(self, sizes: YoloSizes) -> None:
        super().__init__()
        widths, depths = sizes.channels, sizes.depths
        self.stem = ConvNorm(3, widths[0], 3, stride=2)
        self.stage1, self.stage2, self.stage3, self.stage4 = (
            stage(widths[i], widths[i + 1], depth, pooled=i == len(depths) - 1)
            for i, depth in enumerate(depths)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.stage1(self.stem(x))
        maps = [self.stage2(x)]
        maps.append(self.stage3(maps[-1]))
        maps.append(self.stage4(maps[-1]))
        return maps


class _Neck(nn.Module):
    """Down the pyramid and up again, with the texts at every step."""

    def __init__(self, sizes: YoloSizes) -> None:
        super().__init__()
        fine, middle, coarse = sizes.channels[2:]
        depth, embeddings, heads = sizes.neck_depth, sizes.embeddings, sizes.heads
        self.top_down_layers = nn.ModuleList(
            [
                GuidedCrossStage(coarse + middle, middle, depth, embeddings[1], heads[1]),
                GuidedCrossStage(middle + fine, fine, depth, embeddings[0], heads[0]),
            ]
        )
        self.downsample_layers = nn.ModuleList(
            [ConvNorm(fine, fine, 3, stride=2), ConvNorm(middle, middle, 3, stride=2)]
        )
        self.bottom_up_layers = nn.ModuleList(
            [
                GuidedCrossStage(fine + middle, middle, depth, embeddings[1], heads[1]),
                GuidedCrossStage(middle + coarse, coarse, depth, embeddings[2], heads[2]),
            ]
        )

    def forward(self, maps: Sequence[Tensor], texts: Tensor) -> list[Tensor]:
        fine, middle, coarse = maps
        middle = self.top_down_layers[0](torch.cat([_doubled(coarse), middle], dim=1), texts)
        fine = self.top_down_layers[1](torch.cat([_doubled(middle), fine], dim=1), texts)
        middle = self.bottom_up_layers[0](torch.cat([self.downsample_layers[0](fine), middle], dim=1), texts)
        coarse = self.bottom_up_layers[1](
            torch.cat([self.downsample_layers[1](middle), coarse], dim=1), texts
        )
        return [fine, middle, coarse]


class _Head(nn.Module):
    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        boxes, classes = max(16, channels[0] // 4, 4 * _BINS), max(channels[0], 80)
        self.cls_preds = nn.ModuleList(two_convs(width, classes, TEXT_WIDTH) for width in channels)
        self.reg_preds = nn.ModuleList(two_convs(width, boxes, 4 * _BINS) for width in channels)
        self.cls_contrasts = nn.ModuleList(TextContrast() for _ in channels)

    def forward(self, maps: Sequence[Tensor], texts: Tensor) -> tuple[Tensor, Tensor]:
        scores, boxes = [], []
        layers = zip(maps, STRIDES, self.cls_preds, self.reg_preds, self.cls_contrasts, strict=True)
        for x, stride, classify, regress, contrast in layers:
            scores.append(contrast(classify(x), texts).flatten(2).transpose(1, 2).sigmoid())
            # Each side is the mean of a distribution over whole strides.
            shares = regress(x).flatten(2).unflatten(1, (4, _BINS)).softmax(dim=2)
            bins = torch.arange(_BINS, device=x.device, dtype=x.dtype)
            sides = torch.einsum("bsna,n->bas", shares, bins) * stride
            centre = _centres(x.shape[-2], x.shape[-1], stride).to(x)
            boxes.append(torch.cat([centre - sides[..., :2], centre + sides[..., 2:]], dim=-1))
        return torch.cat(scores, dim=1), torch.cat(boxes, dim=1)


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="nearest")


def _centres(rows: int, columns: int, stride: int) -> Tensor:
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    return (torch.stack([x, y], dim=-1).flatten(0, 1) + 0.5) * stride


def build_yolo_world(sizes: YoloSizes | None = None) -> YoloWorld:
    """The network without trained weights, in evaluation mode, frozen."""
    network = YoloWorld(sizes).eval().requires_grad_(False)
    return network.to(memory_format=torch.channels_last)


def official_name(own: str) -> str:
    """Name of a tensor in the official file; embeddings of texts, which it does not hold, keep their own."""
    for mine, theirs in _OFFICIAL:
        if own.startswith(mine):
            return theirs + own.removeprefix(mine)
    return own


def own_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of the official file under the names used here, with the embeddings of the texts in place of CLIP.

    Raises:
        ValueError: the file holds no text tower, or another one than that of CLIP ViT-B/32.
    """
    tower, found = {}, {}
    for name, tensor in tensors.items():
        if name.startswith(_TEXT_TOWER):
            tower[name.removeprefix(_TEXT_TOWER)] = tensor
            continue
        mine = next(((a, b) for a, b in _OFFICIAL if name.startswith(b)), None)
        found[name if mine is None else mine[0] + name.removeprefix(mine[1])] = tensor
    if not tower:
        raise ValueError(f"no tensor is named {_TEXT_TOWER}*, so that nothing says what the words mean")
    return found | {"people": embed_texts(tower, PEOPLE), "parts": embed_texts(tower, PARTS)}


def embed_texts(tower: Mapping[str, Tensor], texts: Sequence[str]) -> Tensor:
    """Embeddings of unit length, (K, 512) float32, by the text tower of CLIP ViT-B/32.

    Args:
        tower: its tensors, by the names of `CLIPTextModelWithProjection`.
        texts: words of the list above.

    Raises:
        ValueError: tensors are missing or left over.
    """
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection

    with torch.device("meta"):
        model = CLIPTextModelWithProjection(CLIPTextConfig())
    # Older files hold the numbers of the positions too, 0, 1, 2 and so on.
    known = {name: tensor for name, tensor in tower.items() if not name.endswith("position_ids")}
    names = {name for name, _ in model.named_parameters()}
    if names != set(known):
        few = sorted(names ^ set(known))[:4]
        raise ValueError(
            f"the text tower is not that of CLIP ViT-B/32: {', '.join(few)} missing or left over"
        )
    model = CLIPTextModelWithProjection(CLIPTextConfig()).eval()
    model.load_state_dict(known, strict=False)
    rows = [[_START, *_WORDS[text], _END] for text in texts]
    longest = max(map(len, rows))
    numbers = torch.tensor([row + [_PAD] * (longest - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    with torch.inference_mode():
        vectors = model(input_ids=numbers, attention_mask=mask).text_embeds.float()
    return F.normalize(vectors, dim=-1).clone()
