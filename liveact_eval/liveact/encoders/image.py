"""The CLIP vision tower: the reference picture to rows of features."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import CLIPVisionConfig, CLIPVisionModel

from liveact_eval.liveact.config import ImageConfig
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.weights import LazyTensor, load_into, open_state

MEAN = (0.48145466, 0.4578275, 0.40821073)
"""Mean of the training pictures, red, green, blue in [0, 1]."""
STD = (0.26862954, 0.26130258, 0.27577711)
"""Their standard deviation."""

_PREFIX = "vision_model."
"""What transformers below 5 puts before all names."""

_TOP = {
    "cls_embedding": "embeddings.class_embedding",
    "pos_embedding": "embeddings.position_embedding.weight",
    "patch_embedding.weight": "embeddings.patch_embedding.weight",
    "pre_norm.weight": "pre_layrnorm.weight",
    "pre_norm.bias": "pre_layrnorm.bias",
    "post_norm.weight": "post_layernorm.weight",
    "post_norm.bias": "post_layernorm.bias",
}
"""Official name without `visual.`, name in transformers; the spelling is the library's."""

_INSIDE = {
    "norm1": "layer_norm1",
    "norm2": "layer_norm2",
    "attn.proj": "self_attn.out_proj",
    "mlp.0": "mlp.fc1",
    "mlp.2": "mlp.fc2",
}
"""Parts of a block."""


def build(config: ImageConfig) -> nn.Module:
    """The tower without its last block, weights not yet loaded; under `torch.device("meta")` it takes no memory.

    What is used is the input of the last block, so that block is not built.
    """
    if config.num_layers < 2:
        raise LiveActError(f"Image encoder of {config.num_layers} blocks; at least 2, as the last is not run")
    module: nn.Module = CLIPVisionModel(
        CLIPVisionConfig(
            hidden_size=config.width,
            intermediate_size=config.width * config.mlp_ratio,
            num_hidden_layers=config.num_layers - 1,
            num_attention_heads=config.num_heads,
            image_size=config.image_size,
            patch_size=config.patch_size,
            # The class takes another GELU where nothing is said.
            hidden_act="gelu",
            layer_norm_eps=1e-5,
            attention_dropout=0.0,
            attn_implementation="sdpa",
        )
    )
    embeddings = getattr(module, "vision_model", module).embeddings
    if embeddings.position_ids.is_meta:
        # In no file, hence made here: loading cannot give it its numbers.
        positions = torch.arange(embeddings.num_positions, device="cpu").expand((1, -1))
        embeddings.register_buffer("position_ids", positions, persistent=False)
    return module.eval().requires_grad_(False)


def load(
    path: Path,
    config: ImageConfig,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> ImageEncoder:
    """Read the weights.

    Args:
        path: the official `models_clip_open-clip-xlm-roberta-large-vit-huge-14.pth`, whose text tower is skipped,
            or safetensors with either set of names.
        config: the sizes.
        device: where the module goes.
        dtype: floating-point type of its weights.

    Raises:
        WeightsError: missing or damaged file, or other names or sizes.
    """
    with torch.device("meta"):
        module = build(config)
    tensors = library_names(open_state(path).tensors(), config, prefix=names_prefix(module))
    load_into(module, tensors, device=device, dtype=dtype, what="image encoder")
    return ImageEncoder(module, config)


def names_prefix(module: nn.Module) -> str:
    """What the installed transformers puts before the names of this tower."""
    return _PREFIX if any(name.startswith(_PREFIX) for name in module.state_dict()) else ""


def library_names(
    tensors: Mapping[str, LazyTensor], config: ImageConfig, *, prefix: str
) -> dict[str, LazyTensor]:
    """The tower's tensors under the names of `CLIPVisionModel`, without the last block and the text tower."""
    renamed: dict[str, LazyTensor] = {}
    if not any(name.startswith("visual.") for name in tensors):
        last = f"encoder.layers.{config.num_layers - 1}."
        plain = {name.removeprefix(_PREFIX): tensor for name, tensor in tensors.items()}
        return {prefix + name: tensor for name, tensor in plain.items() if not name.startswith(last)}
    for name, tensor in tensors.items():
        if name.startswith("textual.") or name in ("log_scale", "visual.head"):
            continue
        inner = name.removeprefix("visual.")
        block = re.fullmatch(r"transformer\.(\d+)\.(.+)\.(weight|bias)", inner)
        if block is None:
            renamed[prefix + _TOP.get(inner, name)] = _without_batch(inner, tensor)
        elif int(block[1]) != config.num_layers - 1:
            place = f"{prefix}encoder.layers.{block[1]}."
            if block[2] == "attn.to_qkv":
                for part, letter in enumerate("qkv"):
                    renamed[f"{place}self_attn.{letter}_proj.{block[3]}"] = _third(tensor, part)
            else:
                renamed[f"{place}{_INSIDE.get(block[2], block[2])}.{block[3]}"] = tensor
    return renamed


def preprocess(image: Tensor, size: int = 224) -> Tensor:
    """Squash to a square and standardise, exactly so: no antialias, no clamp after the bicubic overshoot.

    Args:
        image: [B, 3, H, W] in [-1, 1].
        size: side of the square in pixels.

    Returns:
        [B, 3, size, size] float32.
    """
    square = F.interpolate(
        image.float(), size=(size, size), mode="bicubic", align_corners=False, antialias=False
    )
    mean = torch.tensor(MEAN, device=image.device).view(1, 3, 1, 1)
    std = torch.tensor(STD, device=image.device).view(1, 3, 1, 1)
    return (square * 0.5 + 0.5 - mean) / std


class ImageEncoder:
    """Encodes the reference picture as the generator's image attention wants it.

    Args:
        module: what `build` made, with weights in it.
        config: the sizes it was built from.
    """

    def __init__(self, module: nn.Module, config: ImageConfig) -> None:
        self.module = module
        self.config = config

    @torch.no_grad()
    def encode(self, image: Tensor) -> Tensor:
        """Output of the last block but one, class token first: [B, 257, width]. No norm follows.

        Args:
            image: [B, 3, H, W] in [-1, 1], cropped as for the generator.

        Raises:
            LiveActError: another shape.
        """
        if image.ndim != 4 or image.shape[1] != 3:
            raise LiveActError(
                f"Picture of shape {list(image.shape)} given to the image encoder; expected [B, 3, H, W]"
            )
        weight = next(self.module.parameters())
        pixels = preprocess(image.to(weight.device), self.config.image_size)
        # The pooled output has a norm, this one has none.
        hidden: Tensor = self.module(pixel_values=pixels.to(weight.dtype)).last_hidden_state
        return hidden


def _without_batch(inner: str, tensor: LazyTensor) -> LazyTensor:
    """The two embeddings are stored with leading sides of 1."""
    shape = {"cls_embedding": tensor.shape[2:], "pos_embedding": tensor.shape[1:]}.get(inner)
    if shape is None:
        return tensor
    return replace(tensor, shape=shape, get=lambda: tensor.get().reshape(shape))


def _third(tensor: LazyTensor, part: int) -> LazyTensor:
    """One of query, key and value, which are stored one below the other."""
    rows = tensor.shape[0] // 3
    return replace(
        tensor,
        shape=(rows, *tensor.shape[1:]),
        get=lambda: tensor.get()[part * rows : (part + 1) * rows],
    )
