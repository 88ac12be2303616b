"""The Wan 2.1 video VAE: pictures to normalised latents and back, causal in time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKLWan
from diffusers.models.autoencoders.autoencoder_kl_wan import unpatchify
from torch import Tensor, nn

from liveact_eval.liveact.config import VAEConfig
from liveact_eval.liveact.errors import LiveActError, WeightsError
from liveact_eval.liveact.vae_names import diffusers_names
from liveact_eval.liveact.weights import load_into, open_state

SPATIAL_STRIDE = 8
"""Pixels per latent, in rows and in columns."""
TEMPORAL_STRIDE = 4
"""Video frames per latent after the first, which has one."""


def build(config: VAEConfig) -> nn.Module:
    """The module, with weights not yet loaded; under `torch.device("meta")` it takes no memory."""
    sizes: dict[str, Any] = {
        "base_dim": config.base_dim,
        "z_dim": config.z_dim,
        "dim_mult": list(config.dim_mult),
        "num_res_blocks": config.num_res_blocks,
        "temperal_downsample": list(config.temporal_downsample),
    }
    if config.patch_size > 1:
        channels = 3 * config.patch_size**2
        sizes |= {"patch_size": config.patch_size, "in_channels": channels, "out_channels": channels}
    if config.latents_mean is not None:
        sizes["latents_mean"] = list(config.latents_mean)
    if config.latents_std is not None:
        sizes["latents_std"] = list(config.latents_std)
    module: nn.Module = AutoencoderKLWan(**sizes)
    return module.eval().requires_grad_(False)


def load(
    path: Path,
    config: VAEConfig,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> WanVAE:
    """Read the weights.

    Args:
        path: the official `Wan2.1_VAE.pth`, a safetensors file with either set of names, or a folder that
            diffusers wrote.
        config: the sizes; a folder's `config.json` must agree with them.
        device: where the module goes.
        dtype: floating-point type of its weights; what is stored in another type is cast.

    Raises:
        WeightsError: missing or damaged file, or other names or sizes.
    """
    with torch.device("meta"):
        module = build(config)
    if path.is_dir() and (path / "config.json").is_file():
        _check_folder(path, module)
    tensors = open_state(path).tensors()
    load_into(module, diffusers_names(tensors, config), device=device, dtype=dtype, what="VAE")
    return WanVAE(module, config)


class DecoderCache:
    """What the decoder remembers between latents: the last features before each of its convolutions."""

    def __init__(self) -> None:
        self.features: list[object] = []
        self.latents_seen = 0


class WanVAE:
    """Encodes and decodes in the module's precision; normalises with the channel constants, in float32.

    The official program rounds the constants to bfloat16 when it runs in bfloat16 (the scale is off by up to
    0.41 % there); here they keep their published values in every precision.

    Args:
        module: what `build` made, with weights in it.
        config: the sizes it was built from.
    """

    def __init__(self, module: nn.Module, config: VAEConfig) -> None:
        self.module = module
        self.config = config
        self._mean = torch.tensor(list(module.config.latents_mean), dtype=torch.float32, device="cpu")
        self._std = torch.tensor(list(module.config.latents_std), dtype=torch.float32, device="cpu")
        if len(self._mean) != config.z_dim or len(self._std) != config.z_dim:
            raise LiveActError(
                f"VAE with {config.z_dim} latent channels: {len(self._mean)} means and {len(self._std)} "
                "deviations; one of each per channel is needed"
            )
        # Diffusers runs one convolution per entry of the cache.
        self._slots = sum(isinstance(part, type(module.post_quant_conv)) for part in module.decoder.modules())

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.module.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """Type of the weights and of what comes out."""
        return next(self.module.parameters()).dtype

    def to(
        self,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        channels_last: bool = False,
    ) -> WanVAE:
        """Move the weights; `channels_last` lays out the kernels for GPUs that convolve faster so."""
        # Not the library's own `to`, which warns of a precision rule that this model does not have.
        nn.Module.to(self.module, device=device or self.device, dtype=dtype or self.dtype)
        if channels_last:
            for part in self.module.modules():
                if isinstance(part, nn.Conv3d):
                    part.to(memory_format=torch.channels_last_3d)
                elif isinstance(part, nn.Conv2d):
                    part.to(memory_format=torch.channels_last)
        return self

    @torch.no_grad()
    def encode(self, video: Tensor) -> Tensor:
        """Normalised latents: the posterior's mean, never a sample.

        Args:
            video: [1, 3, F, H, W] in [-1, 1]; F = 1 + 4k, H and W multiples of 8.

        Returns:
            [1, 16, 1 + k, H / 8, W / 8] in the module's type.

        Raises:
            LiveActError: another shape.
        """
        return self._normalise(self.posterior_mean(video))

    @torch.no_grad()
    def posterior_mean(self, video: Tensor) -> Tensor:
        """What `encode` returns before normalisation."""
        shape = tuple(video.shape)
        if len(shape) != 5 or shape[1] != 3 or shape[3] % SPATIAL_STRIDE or shape[4] % SPATIAL_STRIDE:
            raise LiveActError(
                f"Video of shape {list(shape)} given to the VAE; expected [1, 3, F, H, W] with H and W "
                f"multiples of {SPATIAL_STRIDE}"
            )
        if (shape[2] - 1) % TEMPORAL_STRIDE:
            raise LiveActError(f"{shape[2]} video frames given to the VAE; expected 1 + 4k: 1, 5, 9, ...")
        mean: Tensor = self.module.encode(video.to(self.device, self.dtype)).latent_dist.mode()
        return mean

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Frames of one stretch of video, remembering nothing of what was decoded before.

        Args:
            latents: [1, 16, n, h, w], normalised.

        Returns:
            [1, 3, 4n - 3, 8h, 8w] in [-1, 1], in the module's type.

        Raises:
            LiveActError: another shape.
        """
        return torch.cat(list(self.decode_steps(latents)), dim=2)

    @torch.no_grad()
    def decode_steps(
        self, latents: Tensor, cache: DecoderCache | None = None, *, clamp: bool = True
    ) -> Iterator[Tensor]:
        """As `decode`, but one latent at a time, each as soon as it is asked for.

        Args:
            latents: [1, 16, n, h, w], normalised.
            cache: memory of the latents before these, which is brought up to date; `None`: there are none.
            clamp: cut values to [-1, 1].

        Yields:
            [1, 3, 4, 8h, 8w], and one frame only for the first latent that a cache sees.

        Raises:
            LiveActError: another shape.
        """
        self.check_latents(latents)
        cache = DecoderCache() if cache is None else cache
        if not cache.features:
            cache.features = [None] * self._slots
        raw = self._denormalise(latents)
        for index in range(raw.shape[2]):
            hidden = self.module.post_quant_conv(raw[:, :, index : index + 1])
            frames: Tensor = self.module.decoder(
                hidden, feat_cache=cache.features, feat_idx=[0], first_chunk=cache.latents_seen == 0
            )
            cache.latents_seen += 1
            if self.config.patch_size > 1:
                frames = unpatchify(frames, self.config.patch_size)
            yield frames.clamp(-1.0, 1.0) if clamp else frames

    def check_latents(self, latents: Tensor) -> None:
        """Refuse what cannot be decoded.

        Raises:
            LiveActError: not [1, 16, n, h, w] with n at least 1.
        """
        if latents.ndim != 5 or latents.shape[1] != self.config.z_dim or latents.shape[2] < 1:
            raise LiveActError(
                f"Latents of shape {list(latents.shape)} given to the VAE; expected "
                f"[1, {self.config.z_dim}, n, h, w] with n at least 1"
            )

    def _normalise(self, raw: Tensor) -> Tensor:
        mean, std = self._constants(raw.device)
        return ((raw.float() - mean) * (1.0 / std)).to(raw.dtype)

    def _denormalise(self, latents: Tensor) -> Tensor:
        latents = latents.to(self.device)
        mean, std = self._constants(latents.device)
        return (latents.float() / (1.0 / std) + mean).to(self.dtype)

    def _constants(self, device: torch.device) -> tuple[Tensor, Tensor]:
        shape = (1, -1, 1, 1, 1)
        return self._mean.to(device).view(shape), self._std.to(device).view(shape)


def _check_folder(path: Path, module: nn.Module) -> None:
    """A folder's own description must say the same as the configuration it is read with."""
    try:
        written = json.loads((path / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"Cannot read {path / 'config.json'}: {error}. Fetch the folder again.") from error
    for name in (
        "base_dim",
        "z_dim",
        "dim_mult",
        "num_res_blocks",
        "temperal_downsample",
        "latents_mean",
        "latents_std",
    ):
        ours = module.config[name]
        if name in written and written[name] != (list(ours) if isinstance(ours, (list, tuple)) else ours):
            raise WeightsError(
                f"{path / 'config.json'}: {name} is {written[name]}, the configuration says {ours}. "
                "Take the weights of this configuration, or the configuration of these weights."
            )
