"""Speech in the DiT: windows of features, the projector to audio tokens, and attention to them.

Shapes: B batch, F video frames, W window, L layers and C channels of the speech encoder, T latent frames,
A audio tokens per latent frame, S tokens per latent frame.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from liveact_eval.liveact.config import DiTConfig
from liveact_eval.liveact.layers import IMAGE_EPS, LayerNorm


def audio_windows(embedding: Tensor, start: int, count: int, window: int) -> Tensor:
    """The features around each of `count` video frames from frame `start`, clamped to the ends of the embedding.

    Args:
        embedding: speech features [F, L, C], one per video frame.
        start: first video frame.
        count: number of video frames.
        window: features per window, odd; the middle one is the frame's own.

    Returns:
        [1, count, window, L, C].
    """
    device = embedding.device
    reach = window // 2
    centres = torch.arange(start, start + count, device=device)
    around = torch.arange(-reach, reach + 1, device=device)
    index = (centres[:, None] + around).clamp(0, len(embedding) - 1)
    return embedding[index][None]


class AudioProjector(nn.Module):
    """Turns windows of speech features into audio tokens, one group per latent frame.

    Latent frame 0 shows one video frame and takes that frame's window. Each later one shows `temporal_stride`
    video frames and takes the features from its first frame's window start to its last frame's window end.
    """

    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        feature = config.audio_layers * config.audio_channels
        spanned = config.audio_window + config.temporal_stride - 1
        self.window = config.audio_window
        self.stride = config.temporal_stride
        self.tokens = config.audio_tokens
        self.proj1 = nn.Linear(config.audio_window * feature, config.audio_hidden)
        self.proj1_vf = nn.Linear(spanned * feature, config.audio_hidden)
        self.proj2 = nn.Linear(config.audio_hidden, config.audio_hidden)
        self.proj3 = nn.Linear(config.audio_hidden, config.audio_tokens * config.audio_dim)
        self.norm = LayerNorm(config.audio_dim, eps=IMAGE_EPS)

    def forward(self, windows: Tensor) -> Tensor:
        """Audio tokens [B, 1 + (F-1)/stride, A, audio_dim] of windows [B, F, W, L, C]."""
        first = F.relu(self.proj1(windows[:, :1].flatten(2)))
        later = F.relu(self.proj1_vf(self._spans(windows[:, 1:]).flatten(2)))
        hidden = F.relu(self.proj2(torch.cat([first, later], dim=1)))
        tokens: Tensor = self.norm(self.proj3(hidden).unflatten(-1, (self.tokens, -1)))
        return tokens

    def _spans(self, windows: Tensor) -> Tensor:
        """Consecutive features [B, T, W + stride - 1, L, C] over each group of `stride` frames."""
        groups = windows.unflatten(1, (-1, self.stride))
        centre = self.window // 2
        head = groups[:, :, 0, : centre + 1]
        middle = groups[:, :, 1:-1, centre]
        tail = groups[:, :, -1, centre:]
        return torch.cat([head, middle, tail], dim=2)


class AudioCrossAttention(nn.Module):
    """Each latent frame's tokens attend to that frame's audio tokens only. No norm of queries or keys, no RoPE."""

    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        self.num_heads = config.num_heads
        self.q_linear = nn.Linear(config.dim, config.dim)
        self.kv_linear = nn.Linear(config.audio_dim, 2 * config.dim)
        self.proj = nn.Linear(config.dim, config.dim)

    def forward(self, x: Tensor, audio: Tensor) -> Tensor:
        """Attend from x [B, T, S, dim] to audio [B, T, A, audio_dim]; gives [B, T, S, dim]."""
        batch, frames = x.shape[:2]
        q = self._heads(self.q_linear(x))
        k, v = (self._heads(part) for part in self.kv_linear(audio).chunk(2, dim=-1))
        out = F.scaled_dot_product_attention(q, k, v)
        out = out.transpose(1, 2).flatten(2).unflatten(0, (batch, frames))
        projected: Tensor = self.proj(out)
        return projected

    def _heads(self, x: Tensor) -> Tensor:
        """[B, T, N, dim] as [B*T, H, N, D]."""
        return x.flatten(0, 1).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
