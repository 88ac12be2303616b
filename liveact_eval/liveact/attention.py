"""Self-attention over the KV memory, and cross-attention to text and image.

Shapes: B batch, T latent frames of the block, S tokens per latent frame (S' on this rank), H heads, D head width.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from liveact_eval.liveact.backends import AttentionBackend
from liveact_eval.liveact.compression import KernelPair
from liveact_eval.liveact.conditions import ContextKV
from liveact_eval.liveact.config import DiTConfig
from liveact_eval.liveact.layers import RMSNorm
from liveact_eval.liveact.memory import LayerMemory
from liveact_eval.liveact.parallel import TokenExchange
from liveact_eval.liveact.rope import RopeTable, apply_rope


@dataclass(frozen=True)
class Geometry:
    """What self-attention needs to know of a block, the same for all layers."""

    tokens: int
    """Tokens per latent frame (S), over all ranks."""
    query: RopeTable
    """Rotation of the block's own tokens."""
    key: RopeTable
    """Rotation of all tokens that are attended to."""
    mask: Tensor | None
    """[queries, keys], true where a token may look; `None`: everywhere."""
    attend: AttentionBackend
    """The kernel."""
    exchange: TokenExchange
    """How tokens lie on the ranks."""


class SelfAttention(nn.Module):
    """A block's tokens attend to the block itself and to the memory of its denoising step."""

    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        dim, taps = config.dim, config.memory_kernel
        self.heads = (config.num_heads, config.head_dim)
        self.q = nn.Linear(dim, dim)
        self.k = nn.Linear(dim, dim)
        self.v = nn.Linear(dim, dim)
        self.o = nn.Linear(dim, dim)
        self.norm_q = RMSNorm(dim, config.eps)
        self.norm_k = RMSNorm(dim, config.eps)
        self.memory_proj_k = nn.Conv1d(dim, dim, taps, stride=taps, groups=dim, bias=False)
        self.memory_proj_v = nn.Conv1d(dim, dim, taps, stride=taps, groups=dim, bias=False)

    def forward(self, x: Tensor, geometry: Geometry, memory: LayerMemory | None) -> Tensor:
        """Attend from x [B, T, S', dim]; gives the same shape. Without a memory the block sees itself alone."""
        frames = x.shape[1]
        q = self._whole(self.norm_q(self.q(x)), geometry)
        k = self._whole(self.norm_k(self.k(x)), geometry)
        v = self._whole(self.v(x), geometry)
        if memory is not None:
            k, v = memory.append(k, v)
        q, k = apply_rope(q, geometry.query), apply_rope(k, geometry.key)
        out = geometry.attend(q, k, v, geometry.mask).unflatten(1, (frames, geometry.tokens))
        mixed: Tensor = self.o(geometry.exchange.to_tokens(out).flatten(3))
        return mixed

    def _whole(self, x: Tensor, geometry: Geometry) -> Tensor:
        """All tokens of this rank's heads: [B, T*S, H, D]."""
        heads = x.unflatten(-1, self.heads)
        return geometry.exchange.to_heads(heads, geometry.tokens).flatten(1, 2)

    def kernels(self) -> tuple[Tensor, Tensor]:
        """The ConvKV kernels of keys and values, [taps, H, D] each."""
        key, value = (
            conv.weight.squeeze(1).t().unflatten(1, self.heads)
            for conv in (self.memory_proj_k, self.memory_proj_v)
        )
        return key, value


def kernel_pair(kernels: tuple[Tensor, Tensor], *, share: bool) -> KernelPair:
    """The kernels that a memory policy applies: the key kernel to both if `share`, as the official program does."""
    key, value = kernels
    return KernelPair(key=key, value=key if share else value)


class CrossAttention(nn.Module):
    """Attention to the text and, apart from it, to the image; both results are summed before the output projection."""

    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        dim = config.dim
        self.heads = (config.num_heads, config.head_dim)
        self.q = nn.Linear(dim, dim)
        self.k = nn.Linear(dim, dim)
        self.v = nn.Linear(dim, dim)
        self.o = nn.Linear(dim, dim)
        self.norm_q = RMSNorm(dim, config.eps)
        self.norm_k = RMSNorm(dim, config.eps)
        self.k_img = nn.Linear(dim, dim)
        self.v_img = nn.Linear(dim, dim)
        self.norm_k_img = RMSNorm(dim, config.eps)

    def forward(self, x: Tensor, context: ContextKV, attend: AttentionBackend) -> Tensor:
        """Attend from x [B, T, S', dim]; gives the same shape."""
        q = self.norm_q(self.q(x)).flatten(1, 2).unflatten(-1, self.heads)
        text = attend(q, context.text_key, context.text_value, None)
        image = attend(q, context.image_key, context.image_value, None)
        mixed: Tensor = self.o((text + image).flatten(2).view_as(x))
        return mixed

    def keys_and_values(self, text: Tensor, image: Tensor) -> ContextKV:
        """Keys and values of text tokens [B, N, dim] and image tokens [B, M, dim]."""
        parts = (
            self.norm_k(self.k(text)),
            self.v(text),
            self.norm_k_img(self.k_img(image)),
            self.v_img(image),
        )
        return ContextKV(*(part.unflatten(-1, self.heads) for part in parts))
