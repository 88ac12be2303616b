"""The causal video DiT: from a noisy latent and its conditions to the predicted velocity.

The official parameter names are kept, so that the published checkpoint loads by name.

Shapes: B batch, T latent frames, S tokens per latent frame, C channels, h x w latent size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from liveact_eval.liveact.attention import CrossAttention, Geometry, SelfAttention
from liveact_eval.liveact.audio import AudioCrossAttention, AudioProjector
from liveact_eval.liveact.backends import AttentionBackend, sdpa
from liveact_eval.liveact.conditions import Context, ContextKV
from liveact_eval.liveact.config import DiTConfig
from liveact_eval.liveact.layers import ImageMLP, LayerNorm, modulate, sinusoid
from liveact_eval.liveact.memory import LayerMemory, Past, Positions
from liveact_eval.liveact.offload import BlockFeed, all_resident
from liveact_eval.liveact.parallel import OneRank, TokenExchange
from liveact_eval.liveact.rope_cache import RopeCache


class Block(nn.Module):
    """Self-attention, text and image, speech, feed-forward."""

    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        dim = config.dim
        self.norm1 = LayerNorm(dim, eps=config.eps, elementwise_affine=False)
        self.self_attn = SelfAttention(config)
        self.norm3 = LayerNorm(dim, eps=config.eps)
        self.cross_attn = CrossAttention(config)
        self.norm_x = LayerNorm(dim, eps=config.eps)
        self.audio_cross_attn = AudioCrossAttention(config)
        self.norm2 = LayerNorm(dim, eps=config.eps, elementwise_affine=False)
        self.ffn = nn.Sequential(
            nn.Linear(dim, config.ffn_dim), nn.GELU(approximate="tanh"), nn.Linear(config.ffn_dim, dim)
        )
        self.modulation = nn.Parameter(torch.zeros(1, 6, dim))

    def forward(
        self,
        x: Tensor,
        time: Tensor,
        context: ContextKV,
        audio: Tensor | None,
        mute_first: bool,
        geometry: Geometry,
        memory: LayerMemory | None,
    ) -> Tensor:
        """Update tokens x [B, T, S, dim].

        Args:
            x: tokens of this rank.
            time: projected time embedding, float32 [B, T or 1, 6, dim].
            context: this layer's keys and values of text and image.
            audio: audio tokens [B, T, A, audio_dim]; `None` leaves speech out.
            mute_first: whether speech leaves the first latent frame alone.
            geometry: positions, mask and kernel of self-attention.
            memory: this layer's past.
        """
        parts = (self.modulation.float() + time).unsqueeze(2).unbind(3)
        shift, scale, gate, ffn_shift, ffn_scale, ffn_gate = parts
        mixed = self.self_attn(modulate(self.norm1(x), shift, scale), geometry, memory)
        x = torch.addcmul(x.float(), mixed.float(), gate).to(x.dtype)
        x = x + self.cross_attn(self.norm3(x), context, geometry.attend)
        if audio is not None:
            heard = self.audio_cross_attn(self.norm_x(x), audio)
            if mute_first:
                heard = torch.cat([torch.zeros_like(heard[:, :1]), heard[:, 1:]], dim=1)
            x = x + heard
        mixed = self.ffn(modulate(self.norm2(x), ffn_shift, ffn_scale))
        return torch.addcmul(x.float(), mixed.float(), ffn_gate).to(x.dtype)


class Head(nn.Module):
    """From tokens to patches of velocity, modulated by the time embedding before its projection."""

    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        rows, columns = config.patch_size[1:]
        self.norm = LayerNorm(config.dim, eps=config.eps, elementwise_affine=False)
        self.head = nn.Linear(config.dim, rows * columns * config.out_dim)
        self.modulation = nn.Parameter(torch.zeros(1, 2, config.dim))

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """Patches [B, T, S, pixels * out_dim] of tokens x and the time embedding [B, T or 1, dim]."""
        shift, scale = (self.modulation.float() + time.unsqueeze(2)).unsqueeze(2).unbind(3)
        patches: Tensor = self.head(modulate(self.norm(x), shift, scale))
        return patches


@dataclass(frozen=True)
class ForwardCall:
    """A model call: the arguments of `CausalDiT.forward`, with positions worked out."""

    x: Tensor
    timestep: Tensor
    context: Context
    audio: Tensor | None
    mute_first: bool
    geometry: Geometry
    memory: Past | None


Executor = Callable[[Callable[[ForwardCall], Tensor], ForwardCall], Tensor]
"""Carries out a model call, given the function that computes it."""


class CausalDiT(nn.Module):
    """Predicts the velocity of a block of latents, given its conditions and the memory of its denoising step."""

    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        self.config = config
        dim = config.dim
        self.patch_embedding = nn.Conv3d(config.in_dim, dim, config.patch_size, stride=config.patch_size)
        self.text_embedding = nn.Sequential(
            nn.Linear(config.text_dim, dim), nn.GELU(approximate="tanh"), nn.Linear(dim, dim)
        )
        self.time_embedding = nn.Sequential(nn.Linear(config.freq_dim, dim), nn.SiLU(), nn.Linear(dim, dim))
        self.time_projection = nn.Sequential(nn.SiLU(), nn.Linear(dim, 6 * dim))
        self.img_emb = ImageMLP(config.image_dim, dim)
        self.audio_proj = AudioProjector(config)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.num_layers))
        self.head = Head(config)
        self.attend: AttentionBackend = sdpa
        self.exchange: TokenExchange = OneRank()
        self.feed: BlockFeed = all_resident
        self.executor: Executor | None = None
        self._rope = RopeCache()

    def encode_context(self, text: Tensor, image: Tensor, *, cache: bool = True) -> Context:
        """Conditions that hold for many blocks.

        Args:
            text: rows of the text encoder [N, text_dim] without padding; rows beyond `text_len` are cut.
            image: rows of the image encoder [image_tokens, image_dim].
            cache: compute each layer's keys and values now, instead of in every model call.
        """
        config, dtype = self.config, self.dtype
        rows = torch.zeros(1, config.text_len, config.text_dim, dtype=dtype, device=self.device)
        kept = min(len(text), config.text_len)
        rows[0, :kept] = text[:kept].to(rows)
        tokens = self.text_embedding(rows), self.img_emb(image[None].to(rows))
        layers = None
        if cache:
            layers = tuple(block.cross_attn.keys_and_values(*tokens) for block in self.feed(self.blocks))
        return Context(*tokens, layers)

    def forward(
        self,
        x: Tensor,
        timestep: Tensor,
        context: Context,
        audio: Tensor | None = None,
        *,
        positions: Positions | None = None,
        memory: Past | None = None,
        frame_mask: Tensor | None = None,
        mute_first: bool = False,
    ) -> Tensor:
        """Velocity [B, out_dim, T, h, w].

        Args:
            x: noisy latent, mask and condition latent, [B, in_dim, T, h, w].
            timestep: level of the block [B], or of each latent frame [B, T], in 0 to 1000.
            context: text and image.
            audio: audio tokens [B, T, A, audio_dim] of these latent frames; `None` leaves speech out.
            positions: temporal positions; by default 0, 1, ... without a memory.
            memory: the past, after it was told of this call: `begin_block` of a `Memory` gives `positions`.
            frame_mask: which latent frame may look at which [T, K], K being the frames of the keys' positions.
            mute_first: whether speech leaves the first latent frame alone.
        """
        frames, height, width = (n // p for n, p in zip(x.shape[2:], self.config.patch_size, strict=True))
        if positions is None:
            positions = Positions(tuple(range(frames)), tuple(range(frames)))
        geometry = self._geometry(positions, height, width, frame_mask, x.device)
        call = ForwardCall(x, timestep, context, audio, mute_first, geometry, memory)
        return self._compute(call) if self.executor is None else self.executor(self._compute, call)

    def _compute(self, call: ForwardCall) -> Tensor:
        context, timestep = call.context, call.timestep
        height, width = (n // p for n, p in zip(call.x.shape[3:], self.config.patch_size[1:], strict=True))
        tokens = self.patch_embedding(call.x).flatten(3).permute(0, 2, 3, 1)
        level = timestep if timestep.ndim == 2 else timestep[:, None]
        time = self.time_embedding(sinusoid(level, self.config.freq_dim).to(self.dtype))
        projected = self.time_projection(time).unflatten(-1, (6, -1)).float()
        tokens = self.exchange.split(tokens)
        for index, block in enumerate(self.feed(self.blocks)):
            kv = (
                context.layers[index]
                if context.layers is not None
                else block.cross_attn.keys_and_values(context.text, context.image)
            )
            past = None if call.memory is None else call.memory.layers[index]
            tokens = block(tokens, projected, kv, call.audio, call.mute_first, call.geometry, past)
        patches = self.exchange.join(self.head(tokens, time.float()), height * width)
        return self._unpatch(patches, height, width)

    def _geometry(
        self, positions: Positions, height: int, width: int, frame_mask: Tensor | None, device: torch.device
    ) -> Geometry:
        tables = [
            self._rope.table(frames, height, width, self.config.head_dim, device) for frames in positions
        ]
        size = height * width
        mask = None
        if frame_mask is not None:
            mask = frame_mask.repeat_interleave(size, 0).repeat_interleave(size, 1)
        return Geometry(size, tables[0], tables[1], mask, self.attend, self.exchange)

    def _unpatch(self, patches: Tensor, height: int, width: int) -> Tensor:
        rows, columns = self.config.patch_size[1:]
        grid = patches.unflatten(3, (rows, columns, -1)).unflatten(2, (height, width))
        # [B, T, height, width, rows, columns, C] -> [B, C, T, height * rows, width * columns]
        return grid.permute(0, 6, 1, 2, 4, 3, 5).flatten(5, 6).flatten(3, 4)

    @property
    def device(self) -> torch.device:
        """Device of the weights."""
        return self.head.modulation.device

    @property
    def dtype(self) -> torch.dtype:
        """Dtype of the weights."""
        return self.head.modulation.dtype
