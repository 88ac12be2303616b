"""Operations of one steady block of a native model, counted without weights and without a GPU.

The networks are built on the meta device, where tensors have shapes but no numbers, and the forcing strategy of the
card runs on them under PyTorch's counter. One multiply-add counts as two operations. Products of matrices, attention
products and convolutions are counted; norms, rotations, softmax, activations and other element-wise work are not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from liveact_eval.cards.model import ModelCard
from liveact_eval.errors import UserError

if TYPE_CHECKING:
    from liveact_eval.liveact.config import LiveActConfig

TERA = 1e12
SELF_PROJECTIONS = "self-attention projections"
"""Queries, keys, values and output of self-attention."""
SELF_PRODUCTS = "self-attention products"
"""Queries times keys, and weights times values."""
CROSS_PROJECTIONS = "cross-attention projections"
"""Queries and output of attention to text and image."""
CROSS_PRODUCTS = "cross-attention products"
"""Queries times keys of text and image, and weights times values."""
CONTEXT = "context keys and values"
"""Keys and values of text and image tokens."""
AUDIO = "audio"
"""Attention to speech, all parts, and the projector of its features."""
FEED_FORWARD = "feed-forward"
"""The two layers behind each attention."""
EMBEDDINGS = "embeddings and head"
"""Patch and time embedding, and the layer that makes patches."""
MEMORY = "memory compression"
"""ConvKV's filters over keys and values."""
DIT_PARTS = (
    SELF_PROJECTIONS,
    SELF_PRODUCTS,
    CROSS_PROJECTIONS,
    CROSS_PRODUCTS,
    CONTEXT,
    AUDIO,
    FEED_FORWARD,
    EMBEDDINGS,
    MEMORY,
)
"""Components of the transformer; all others lie outside it."""
VAE_DECODE = "VAE decode"
"""Latents of a block to frames, with what is decoded again to join it to the last one."""
SPEECH = "speech encoder"
"""The sound that a block looks at, encoded for it alone."""
TEXT, IMAGE, VAE_ENCODE = "text encoder", "image encoder", "VAE encode"
"""Once per video: the longest prompt, the reference picture, and the condition made of it."""

_RULE = (
    "one multiply-add is 2 operations, tera is 1e12; products of matrices, attention products and convolutions by "
    "PyTorch's counter on the meta device, ConvKV's filters by arithmetic; all model calls of one steady block, "
    "divided by the frames that it gives; text, image and VAE encoding, once per video, left out"
)


@dataclass(frozen=True, kw_only=True)
class OperationCount:
    """Operations of one steady block, in TFLOP (1e12, a multiply-add is two)."""

    components: dict[str, float]
    """TFLOP of one steady block by component: those of `DIT_PARTS`, `VAE_DECODE` and `SPEECH`."""
    frames_per_block: int
    """Video frames that a steady block gives."""
    nfe: float
    """Model calls of a steady block, guidance and cache passes included."""
    rule: str
    """What was counted and by what it was divided, for people."""
    once: dict[str, float] = field(default_factory=dict)
    """TFLOP of one video that do not grow with its length: text, image and VAE encoding."""

    @property
    def tflop_per_frame(self) -> float:
        """TFLOP per video frame of everything in `components`."""
        return sum(self.components.values()) / self.frames_per_block

    @property
    def dit_tflop_per_frame(self) -> float:
        """TFLOP per video frame of the transformer alone."""
        return sum(self.components[part] for part in DIT_PARTS) / self.frames_per_block

    def per_frame(self, component: str) -> float:
        """TFLOP per video frame of one component."""
        return self.components[component] / self.frames_per_block


def count_steady_block(
    card: ModelCard, size: tuple[int, int], *, context_once: bool = False
) -> OperationCount:
    """Count the operations of one steady block.

    Args:
        card: a card of kind native.
        size: width and height of the video in pixels, multiples of 16.
        context_once: keys and values of text and image are made once per prompt, as this package does, and cost a
            steady block nothing; the default makes them in every model call, as the authors' program does.

    Raises:
        UserError: no native card, a network or rollout that this version does not have, or another size.
    """
    from liveact_eval.generators.recipe import native_config, not_part_of_this_version
    from liveact_eval.liveact.errors import LiveActError
    from liveact_eval.liveact.request import check_size

    if card.native is None:
        raise UserError(
            f"{card.title} ({card.name}) is a card of kind {card.kind}: there are no networks here to count. "
            f"Take a native model, or see its published figures with: liveact-eval models show {card.name}"
        )
    config = native_config(card)
    if config is None:
        raise not_part_of_this_version(card)
    try:
        check_size(size)
        return _count(card, config, size, context_once)
    except LiveActError as error:
        raise UserError(str(error)) from error


def _count(
    card: ModelCard, config: LiveActConfig, size: tuple[int, int], context_once: bool
) -> OperationCount:
    from liveact_eval.efficiency.counting.meta import MetaModel

    assert card.native is not None
    model = MetaModel(config, card.native, size)
    steady = model.steady_block(context_once=context_once)
    components = dict.fromkeys(DIT_PARTS, 0.0) | steady.components
    components |= {VAE_DECODE: model.decode(), SPEECH: model.speech()}
    context = "made once per prompt" if context_once else "made anew in every model call"
    place = ""
    if model.grows:
        place = f"; the memory grows: block {model.steady} is the middle one of 21 latent frames"
    elif model.period > 1:
        place = (
            f"; costs repeat after {model.period} blocks: block {model.steady} is of middle cost among them"
        )
    return OperationCount(
        components={name: value / TERA for name, value in components.items()},
        frames_per_block=steady.frames,
        nfe=float(steady.calls),
        rule=f"{_RULE}; keys and values of text and image {context}{place}",
        once={name: value / TERA for name, value in model.once().items()},
    )
