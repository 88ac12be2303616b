"""Cases of the text encoder and of the image encoder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from liveact_eval.liveact.config import TextConfig
from liveact_eval.liveact.encoders import text
from liveact_eval.liveact.encoders.image import ImageEncoder, preprocess
from liveact_eval.liveact.encoders.text import TextEncoder, cut_rows, pad_rows
from liveact_eval.parity.vectors import VectorFile

_TRACED_SEQUENCE = 1
"""The sequence whose block outputs are stored."""


def check_text(vectors: VectorFile, encoder: TextEncoder) -> None:
    """Replay token numbers to features, features to rows, and the table of relative positions."""
    ids, mask = vectors.read("ids"), vectors.read("mask")
    with _outputs(list(encoder.module.encoder.block)) as blocks:
        hidden = encoder.encode_ids(ids, mask)
    vectors.check("hidden", hidden)
    rows = cut_rows(hidden, mask)
    for index, row in enumerate(rows):
        vectors.check(f"context.{index}", row)
    vectors.check("context_padded", pad_rows(rows, encoder.config.length))
    known, traced = set(vectors), min(_TRACED_SEQUENCE, len(ids) - 1)
    for index, output in enumerate(blocks):
        if f"trace.block.{index}" in known:
            vectors.check(f"trace.block.{index}", output[traced : traced + 1])
    reach = (len(vectors.peek("buckets")) - 1) // 2
    vectors.check("buckets", _buckets(encoder.config, reach))


def check_image(vectors: VectorFile, encoder: ImageEncoder, whole: ImageEncoder, stride: int) -> None:
    """Replay pictures to pixels to features.

    Args:
        vectors: cases.
        encoder: as it is used, without the last block.
        whole: with the last block.
        stride: every so many rows and columns of the pixels are stored.
    """
    for key in vectors:
        if not key.endswith(".image_u8"):
            continue
        name = key.removesuffix(".image_u8")
        picture = vectors.read(key).float().div(255.0).mul(2.0).sub(1.0)[None]
        pixels = preprocess(picture, encoder.config.image_size)
        vectors.check(f"{name}.pixels_sample", pixels[:, :, ::stride, ::stride])
        tower = getattr(encoder.module, "vision_model", encoder.module)
        with _outputs([tower.pre_layrnorm]) as normed:
            features = encoder.encode(picture)
        vectors.check(f"{name}.features", features)
        vectors.check(f"{name}.trace.pre_norm", normed[0])
        last = whole.encode(picture)
        vectors.check(f"{name}.not_used.last_block", last)
        with torch.no_grad():
            vectors.check(f"{name}.not_used.post_norm", tower.post_layernorm(features))


def _buckets(config: TextConfig, reach: int) -> Tensor:
    """Bucket of each relative position from `-reach` to `reach`, key minus query.

    Read off the library's table of biases: each bucket's bias is made its own number.
    """
    small = TextConfig(
        vocab=8, dim=1, dim_attn=1, dim_ffn=1, num_heads=1, num_layers=1,
        num_buckets=config.num_buckets, max_distance=config.max_distance,
    )  # fmt: skip
    attention = text.build(small).encoder.block[0].layer[0].SelfAttention
    with torch.no_grad():
        numbers = torch.arange(config.num_buckets, dtype=torch.float32)
        attention.relative_attention_bias.weight.copy_(numbers[:, None])
        biases: Tensor = attention.compute_bias(2 * reach + 1, 2 * reach + 1)
    return biases[0, 0, reach].round().to(torch.int64)


@contextmanager
def _outputs(modules: list[nn.Module]) -> Iterator[list[Tensor]]:
    """What the modules return while this is open, in the order of the calls."""
    found: list[Tensor] = []

    def keep(_module: nn.Module, _arguments: object, output: Tensor | tuple[Tensor, ...]) -> None:
        found.append(output[0] if isinstance(output, tuple) else output)

    handles = [module.register_forward_hook(keep) for module in modules]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()
