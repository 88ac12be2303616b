"""The video VAE on drawn clips: squared error, more of it at the mouth, and a light prior on latents."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from liveact_eval.datasets.talkers import draw_specs, render
from liveact_eval.liveact import vae
from liveact_eval.liveact.config import VAEConfig
from liveact_eval.metrics._network_batches import device_of
from liveact_eval.training.draws import normal
from liveact_eval.training.kit import Kit
from liveact_eval.training.objectives.base import Batch, Losses, Objective
from liveact_eval.training.objectives.configs import VAEChoice
from liveact_eval.training.pictures import box_mask, to_video

_CLIPS, _FRAMES = 8, 33
"""Of the test speakers, for validation."""
_FIRST_LOG_VARIANCE = -4.0
_STATISTICS = 32
"""Clips of as many training speakers, for the statistics of latents."""


class VAEObjective(Objective):
    """Trains encoder and decoder together.

    Args:
        config: sizes.
        choice: weights of the parts of the loss.
        size: height and width of pictures in pixels.
        kit: has the VAE to go on from, where `choice` says so.

    Raises:
        UserError: that has not been trained.
    """

    def __init__(self, config: VAEConfig, choice: VAEChoice, size: int, kit: Kit) -> None:
        self._config, self._choice, self._size = config, choice, size
        self.module = vae.build(config).requires_grad_(True)
        if choice.goes_on:
            kit.restore("vae", self.module)
            self.module.requires_grad_(True)
        else:
            _quieten(self.module)

    def players(self) -> Mapping[str, nn.Module]:
        """One: the whole VAE."""
        return {"vae": self.module}

    def loss(self, player: str, batch: Batch, draws: torch.Generator) -> Losses:
        """Error of a batch's windows, decoded from a sample of the posterior."""
        choice = self._choice
        video = _windows(to_video(batch["frames"]), choice.window)
        weight = 1 + choice.mouth_weight * _windows(box_mask(batch["mouth_box"], self._size), choice.window)
        posterior = self.module.encode(video).latent_dist
        mean, logvar = posterior.mean.float(), posterior.logvar.float()
        noise = normal(mean.shape, draws, mean.device)
        decoded = self.module.decode((mean + noise * (0.5 * logvar).exp()).to(video.dtype)).sample.float()
        squared = ((decoded - video).square() * weight).mean()
        absolute = (decoded - video).abs().mean()
        prior = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).mean()
        total = squared + choice.absolute_weight * absolute + choice.prior_weight * prior
        plain = (decoded.detach() - video).square().mean()
        return Losses(
            total, {"squared": squared, "absolute": absolute, "prior": prior, "psnr_db": _psnr(plain)}
        )

    @torch.no_grad()
    def validate(self) -> Mapping[str, float]:
        """PSNR in dB over clips of test speakers, decoded latent by latent as in a stream; overall and at the mouth."""
        wrapped = vae.WanVAE(self.module.eval(), self._config)
        errors, at_mouth = [], []
        for spec in draw_specs("test", _CLIPS, size=self._size, seconds=_FRAMES / 25):
            clip = render(spec)
            video = to_video(torch.from_numpy(clip.frames)[None]).to(wrapped.device)
            decoded = wrapped.decode(wrapped.encode(video)).float()
            squared = (decoded - video).square()
            boxes = torch.from_numpy(clip.truth.mouth_box).float()[None].to(wrapped.device)
            mask = box_mask(boxes, self._size).expand_as(squared)
            errors.append(squared.mean())
            at_mouth.append(squared[mask > 0].mean())
        self.module.train()
        return {
            "psnr_db": float(torch.stack([_psnr(error) for error in errors]).mean()),
            "mouth_psnr_db": float(torch.stack([_psnr(error) for error in at_mouth]).mean()),
        }

    def results(self) -> Mapping[str, nn.Module]:
        """The VAE, its latents brought to mean 0 and deviation 1 on training clips."""
        made = vae.build(self._config)
        made.load_state_dict(self.module.state_dict())
        wrapped = vae.WanVAE(made, self._config).to(device_of(self.module))
        means = [
            wrapped.posterior_mean(to_video(torch.from_numpy(render(spec).frames)[None]))
            for spec in draw_specs(
                "train", _STATISTICS, speakers=_STATISTICS, size=self._size, seconds=_FRAMES / 25
            )
        ]
        rows = torch.cat(means).transpose(0, 1).flatten(1)
        standardise(made, rows.mean(dim=1), rows.std(dim=1))
        return {"vae": made}


@torch.no_grad()
def _quieten(module: nn.Module) -> None:
    """Begin with little noise in the posterior: at deviation 1 the first steps would learn to shout over it."""
    into = module.quant_conv
    channels = len(into.bias) // 2
    into.bias[channels:] = _FIRST_LOG_VARIANCE
    into.weight[channels:] *= 0.1


@torch.no_grad()
def standardise(module: nn.Module, mean: Tensor, std: Tensor) -> None:
    """Fold channel statistics into the 1x1x1 convolutions on both sides of the latents.

    Args:
        module: a VAE; changed in place, so that its latents are (old - mean) / std and its pictures as before.
        mean: of each latent channel.
        std: of each latent channel.
    """
    into, out = module.quant_conv, module.post_quant_conv
    channels = len(mean)
    into.weight[:channels] /= std.view(-1, 1, 1, 1, 1)
    into.bias[:channels] = (into.bias[:channels] - mean) / std
    # The other half is the logarithm of the variance.
    into.bias[channels:] -= 2 * std.log()
    out.bias += torch.einsum("oi,i->o", out.weight[:, :, 0, 0, 0], mean)
    out.weight *= std.view(1, -1, 1, 1, 1)


def _windows(video: Tensor, length: int) -> Tensor:
    """[B, C, F, H, W] as [B * F / length, C, length, H, W]."""
    parts = video.unflatten(2, (-1, length)).transpose(1, 2)
    return parts.flatten(0, 1)


def _psnr(squared: Tensor) -> Tensor:
    """Of a mean squared error on a range of 2, in dB."""
    return 10 * torch.log10(4 / squared)
