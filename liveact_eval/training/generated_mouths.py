"""How well the mouths of generated clips follow the script: what a transformer in training is judged by.

Clips of test speakers are made from their first frame and their sound by a rollout, as `generate` makes them, and the
mouth is read off the frames by the frame network of the mini tier. The same reading of the drawn clips is the ceiling.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from liveact_eval.datasets.talkers import FPS, SAMPLE_RATE, Talker, draw_specs, render
from liveact_eval.liveact import vae
from liveact_eval.liveact.config import LiveActConfig
from liveact_eval.liveact.encoders import image, speech, text
from liveact_eval.liveact.encoders.tokenizer import open_tokenizer
from liveact_eval.liveact.models import Models, RolloutFactory
from liveact_eval.liveact.pipeline import LiveActPipeline
from liveact_eval.liveact.request import GenerationOptions
from liveact_eval.networks.mini_frame import AT_ONCE, to_mini_frames
from liveact_eval.training.objectives.neighbor import Conditioned

_SPEAKERS = 8
"""Test speakers, one clip each."""


@dataclass(frozen=True)
class _Drawn:
    """A clip to be made again."""

    picture: NDArray[np.uint8]
    """First frame."""
    prompt: str
    """What happens."""
    samples: NDArray[np.int16]
    """Sound."""
    opening: NDArray[np.float32]
    """Mouth opening of each frame, by the script."""
    frames: NDArray[np.uint8]
    """The drawn frames."""


class GeneratedMouths:
    """Makes clips of test speakers and compares their mouths with the script.

    Args:
        config: sizes.
        vae_in_use: decodes.
        speech_in_use: hears.
        reader: reads mouths.
        rollouts: makes the forcing strategy of one video.
        options: how videos are made.
        frames: length of a clip.
        size: height and width in pixels.
    """

    def __init__(
        self,
        config: LiveActConfig,
        vae_in_use: vae.WanVAE,
        speech_in_use: speech.SpeechEncoder,
        reader: nn.Module,
        *,
        rollouts: RolloutFactory,
        options: GenerationOptions,
        frames: int,
        size: int,
    ) -> None:
        self._config, self._vae, self._speech, self._reader = config, vae_in_use, speech_in_use, reader
        self._rollouts, self._options = rollouts, options
        self._size = size
        specs = draw_specs("test", _SPEAKERS, speakers=_SPEAKERS, size=size, seconds=frames / FPS)
        self._clips = [_drawn(render(spec), spec.prompt) for spec in specs]

    def __call__(self, module: Conditioned) -> Mapping[str, float]:
        """Make all clips with a transformer, its text and its image encoder, and read them, all on its device.

        Returns:
            `mouth_correlation` and `mouth_correlation_drawn`, Pearson correlation of the opening with the script,
            mean over generated and over drawn clips; `mouth_motion`, deviation of the opening over that in drawn
            clips; `frame_error`, mean absolute difference to the drawn frames in levels.
        """
        device = module.dit.device
        self._vae.to(device)
        for part in (self._speech.module, self._reader):
            part.to(device)
        pipeline = LiveActPipeline(
            self._models(module), self._rollouts, self._options, origin="in training", device=device
        )
        likeness, ceiling, motion, error = [], [], [], []
        for clip in self._clips:
            made = self._make(pipeline, clip)
            seen, real = self._read(made), self._read(clip.frames)
            likeness.append(correlation(seen, clip.opening))
            ceiling.append(correlation(real, clip.opening))
            motion.append(float(seen.std() / real.std()))
            error.append(float(np.abs(made.astype(np.float32) - clip.frames).mean()))
        return {
            "mouth_correlation": float(np.mean(likeness)),
            "mouth_correlation_drawn": float(np.mean(ceiling)),
            "mouth_motion": float(np.mean(motion)),
            "frame_error": float(np.mean(error)),
        }

    def _models(self, module: Conditioned) -> Models:
        config = self._config
        return Models(
            config=config,
            dit=module.dit,
            vae=self._vae,
            text=text.TextEncoder(module.text, config.text, open_tokenizer(config.text, None)),
            image=image.ImageEncoder(module.image, config.image),
            speech=self._speech,
        )

    def _make(self, pipeline: LiveActPipeline, clip: _Drawn) -> NDArray[np.uint8]:
        stream = pipeline.stream(
            clip.picture,
            prompt=clip.prompt,
            size=(self._size, self._size),
            fps=Fraction(FPS),
            frames=len(clip.frames),
        )
        stream.feed(clip.samples, SAMPLE_RATE)
        stream.close()
        return np.concatenate([block.frames for block in stream.blocks()])

    @torch.no_grad()
    def _read(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        pictures = to_mini_frames(torch.from_numpy(frames).to(self._vae.device))
        opening = torch.cat([self._reader(part).mouth[:, 0] for part in pictures.split(AT_ONCE)])
        read: NDArray[np.float32] = opening.cpu().numpy()
        return read


def correlation(seen: NDArray[np.float32], script: NDArray[np.float32]) -> float:
    """Pearson correlation of two curves; 0 where one of them does not move."""
    if seen.std() < 1e-6 or script.std() < 1e-6:
        return 0.0
    return float(np.corrcoef(seen, script)[0, 1])


def _drawn(clip: Talker, prompt: str) -> _Drawn:
    opening = clip.truth.mouth_opening.astype(np.float32)
    return _Drawn(clip.frames[0], prompt, clip.samples, opening, clip.frames)
