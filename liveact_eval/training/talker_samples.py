"""Drawn clips as training samples: sample n is the same whenever, wherever and in whatever order it is made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from liveact_eval.datasets.talkers import ACTIONS, EMOTIONS, TalkerSpec
from liveact_eval.datasets.talkers.script import BLOCK_SECONDS
from liveact_eval.datasets.talkers.stream import BLOCK_FRAMES, render_window
from liveact_eval.training.recipe import DataConfig

PROMPT_BYTES = 192
"""Room for a prompt in UTF-8; what is longer is cut."""
_UTTERANCES = 1000


@dataclass(frozen=True)
class Place:
    """What a sample shows."""

    spec: TalkerSpec
    """The clip."""
    block: int
    """Which of its blocks of 5 s."""
    first: int
    """First frame of the sample in the block."""


class TalkerSamples(Dataset[dict[str, Tensor]]):
    """Samples of the split `train`.

    A sample holds `mouth_box` float32 [F, 4] in pixels, `mouth` float32 [F, 3] (opening,
    width and rounding, 0..1), `phoneme` int64 [F], `prompt` uint8 [192] (UTF-8, zeros behind it), with
    pictures `frames` uint8 [F, H, W, 3], and with sound `samples` int16 [F * 640].

    Args:
        config: what is drawn.
        count: number of samples.
    """

    def __init__(self, config: DataConfig, count: int) -> None:
        self._config, self._count = config, count

    def __len__(self) -> int:
        return self._count

    def place(self, index: int) -> Place:
        """What sample `index` shows, by its number and the seed alone."""
        config = self._config
        random = np.random.default_rng((config.seed, index))
        blocks = -(-config.frames // BLOCK_FRAMES)
        spec = TalkerSpec(
            split="train",
            speaker=int(random.integers(config.speakers)),
            utterance=int(random.integers(_UTTERANCES)),
            emotion=EMOTIONS[int(random.integers(len(EMOTIONS)))],
            action=ACTIONS[int(random.integers(len(ACTIONS)))],
            size=config.size,
            seconds=BLOCK_SECONDS * blocks,
            seed=config.seed,
        )
        spare = BLOCK_FRAMES * blocks - config.frames
        return Place(spec, 0, int(random.integers(spare + 1)))

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """Sample `index`."""
        place = self.place(index)
        window = range(place.first, place.first + self._config.frames)
        drawn = render_window(place.spec, window, pictures=self._config.pictures, sound=self._config.sound)
        truth = drawn.truth
        mouth = np.stack([truth.mouth_opening, truth.mouth_width, truth.mouth_rounding], axis=-1)
        words = np.zeros(PROMPT_BYTES, np.uint8)
        encoded = np.frombuffer(place.spec.prompt.encode()[:PROMPT_BYTES], np.uint8)
        words[: len(encoded)] = encoded
        sample = {
            "mouth_box": truth.mouth_box.astype(np.float32),
            "mouth": mouth.astype(np.float32),
            "phoneme": truth.phoneme,
            "prompt": words,
        }
        if self._config.pictures:
            sample["frames"] = drawn.frames
        if self._config.sound:
            sample["samples"] = drawn.samples
        return {name: torch.from_numpy(value) for name, value in sample.items()}


def batches(
    config: DataConfig, *, batch: int, steps: range, rank: int = 0, ranks: int = 1
) -> Iterator[dict[str, Tensor]]:
    """Batches of the steps of a range: step k shows samples k * batch to (k + 1) * batch - 1.

    Args:
        config: what is drawn.
        batch: samples of a step over all ranks; a multiple of `ranks`.
        steps: steps that are still to be done.
        rank: this process.
        ranks: processes that share a step.
    """
    samples = TalkerSamples(config, steps.stop * batch)
    share = batch // ranks
    order = [range(step * batch + rank * share, step * batch + (rank + 1) * share) for step in steps]
    loader = DataLoader(
        samples,
        batch_sampler=order,
        num_workers=config.workers,
        prefetch_factor=4 if config.workers else None,
        # Forked workers would inherit the thread pools of the training process, which have no threads there.
        multiprocessing_context="spawn" if config.workers else None,
    )
    yield from loader
