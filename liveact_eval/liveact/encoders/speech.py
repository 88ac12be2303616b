"""The wav2vec 2.0 speech encoder: sound to one stack of features per video frame."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import Wav2Vec2Config, Wav2Vec2Model

from liveact_eval.liveact.config import SpeechConfig
from liveact_eval.liveact.encoders.speech_files import check_folder, library_names, weights_file
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.weights import load_into, open_state

SAMPLE_RATE = 16_000
"""Samples per second."""
FRAME_RATE = 25
"""Rows of features per second; video at another rate has its sound stretched to this one first."""


def build(config: SpeechConfig) -> nn.Module:
    """The module, with weights not yet loaded; under `torch.device("meta")` it takes no memory."""
    layers = {len(config.conv_dim), len(config.conv_kernel), len(config.conv_stride)}
    if len(layers) != 1:
        raise LiveActError(
            f"Speech encoder: {len(config.conv_dim)} channels, {len(config.conv_kernel)} kernels and "
            f"{len(config.conv_stride)} strides of convolutions; expected as many of each"
        )
    module: nn.Module = Wav2Vec2Model(
        Wav2Vec2Config(
            hidden_size=config.width,
            num_hidden_layers=config.num_layers,
            num_attention_heads=config.num_heads,
            intermediate_size=config.ffn_dim,
            conv_dim=list(config.conv_dim),
            conv_kernel=list(config.conv_kernel),
            conv_stride=list(config.conv_stride),
            conv_bias=config.conv_bias,
            num_conv_pos_embeddings=config.pos_kernel,
            num_conv_pos_embedding_groups=config.pos_groups,
            feat_extract_norm="group",
            do_stable_layer_norm=False,
            # No masking of stretches, which is for training; without it the module has no tensor for it.
            apply_spec_augment=False,
            mask_time_prob=0.0,
            mask_feature_prob=0.0,
            attn_implementation="eager",
        )
    )
    return module.eval().requires_grad_(False)


def load(
    path: Path,
    config: SpeechConfig,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> SpeechEncoder:
    """Read the weights.

    Args:
        path: a folder with `config.json` and `model.safetensors` or `pytorch_model.bin`, or such a weight file.
        config: the sizes; a folder's `config.json` must agree with them.
        device: where the module goes.
        dtype: floating-point type of its weights.

    Raises:
        WeightsError: missing or damaged file, or other names or sizes.
    """
    if path.is_dir():
        check_folder(path, config)
    with torch.device("meta"):
        module = build(config)
    tensors: Mapping[str, Any] = open_state(weights_file(path)).tensors()
    named = library_names(tensors, module.state_dict())
    load_into(module, named, device=device, dtype=dtype, what="speech encoder")
    return SpeechEncoder(module, config)


def frames_of(samples: int) -> int:
    """Video frames that so many samples cover.

    In the order of the official program: at some whole multiples, 29 frames for one, rounding makes it one less.
    """
    return int(samples / SAMPLE_RATE * FRAME_RATE)


def normalize(samples: Tensor) -> Tensor:
    """Zero mean and unit variance over all samples, [n] float32; silence stays silence."""
    return (samples - samples.mean()) / torch.sqrt(samples.var(unbiased=False) + 1e-7)


def interpolate(features: Tensor, frames: int) -> Tensor:
    """Features at another rate, linearly, first and last row kept: [T, C] to [frames, C]."""
    stretched = F.interpolate(features.T[None], size=frames, mode="linear", align_corners=True)
    return stretched[0].T


class SpeechEncoder:
    """Encodes sound at the rate of the video.

    Unlike the stock model, the convolutional features are brought to one per video frame before the transformer.

    Args:
        module: what `build` made, with weights in it.
        config: the sizes it was built from.
    """

    def __init__(self, module: nn.Module, config: SpeechConfig) -> None:
        self.module = module
        self.config = config

    @property
    def shortest(self) -> int:
        """Samples that the convolutions need at least for one row; 400 in the published model."""
        needed = 1
        for kernel, stride in zip(self.config.conv_kernel[::-1], self.config.conv_stride[::-1], strict=True):
            needed = (needed - 1) * stride + kernel
        return needed

    @torch.no_grad()
    def encode(self, samples: NDArray[np.float32] | Tensor, frames: int | None = None) -> Tensor:
        """Outputs of all transformer layers: [frames, layers, width]. Loudness has no effect.

        Args:
            samples: [n] at 16 kHz, one channel.
            frames: video frames that the sound covers; `None`: 25 per second, rounded down.

        Raises:
            LiveActError: more than one channel, numbers that are not finite, or too short.
        """
        if not isinstance(samples, Tensor):
            # A copy: decoded sound is often a read-only array.
            samples = torch.from_numpy(np.array(samples, dtype=np.float32))
        wave = samples.float()
        if wave.ndim != 1:
            raise LiveActError(
                f"Sound of shape {list(wave.shape)} given to the speech encoder; expected [samples], one channel"
            )
        frames = frames_of(len(wave)) if frames is None else frames
        if len(wave) < self.shortest or frames < 1:
            least = max(self.shortest, SAMPLE_RATE // FRAME_RATE)
            raise LiveActError(
                f"{len(wave)} samples of sound for {frames} frames are too short for the speech encoder: it needs "
                f"{least} samples and 1 frame at least. Take longer sound, or append silence."
            )
        if not torch.isfinite(wave).all():
            raise LiveActError("The sound holds samples that are not finite. Decode it again.")
        features = interpolate(self.conv_features(normalize(wave)), frames)
        return torch.stack(self.hidden_states(features)[1:], dim=1)

    @torch.no_grad()
    def conv_features(self, normalized: Tensor) -> Tensor:
        """Rows of the convolutions, about 50 per second: [n] to [T, conv channels]."""
        return conv_rows(self.module, normalized[None])[0]

    @torch.no_grad()
    def hidden_states(self, features: Tensor) -> list[Tensor]:
        """Input of the first transformer layer, then the output of each: [T, width] each."""
        return [state[0] for state in layer_states(self.module, features[None])]


def conv_rows(module: nn.Module, normalized: Tensor) -> Tensor:
    """Rows of the convolutions of sounds of equal length, [B, n] to [B, T, conv channels]; can be differentiated."""
    weight = next(module.parameters())
    features: Tensor = module.feature_extractor(normalized.to(weight))
    return features.transpose(1, 2)


def layer_states(module: nn.Module, features: Tensor) -> list[Tensor]:
    """Input of the first transformer layer, then the output of each, [B, T, width]; can be differentiated.

    The layers are run here one by one: what the library collects on request is empty in some versions.
    """
    encoder = module.encoder
    projected = module.feature_projection(features)
    hidden = projected[0] if isinstance(projected, tuple) else projected
    hidden = encoder.layer_norm(hidden + encoder.pos_conv_embed(hidden))
    states = [hidden]
    for layer in encoder.layers:
        given = layer(states[-1])
        states.append(given[0] if isinstance(given, tuple) else given)
    return states
