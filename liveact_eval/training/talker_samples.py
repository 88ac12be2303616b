"""Drawn clips as training samples: sample n is the same whenever, wherever and in whatever order it is made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from liveact_eval.datasets.talkers import ACTIONS, EMOTIONS, Split, TalkerSpec
from liveact_eval.datasets.talkers.script import BLOCK_SECONDS
from liveact_eval.datasets.talkers.stream import BLOCK_FRAMES, render_window
from liveact_eval.training.recipe import DataConfig

PROMPT_BYTES = 192
"""Room for a prompt in UTF-8; what is longer is cut."""
_UTTERANCES = 1000


@dataclass(frozen=True)
class Place:
    """What a view of a sample shows."""

    spec: TalkerSpec
    """The clip."""
    block: int
    """Which of its blocks of 5 s."""
    first: int
    """First frame of the sample in the block."""


class TalkerSamples(Dataset[dict[str, Tensor]]):
    """Samples of one split of speakers.

    A sample holds `speaker` int64 (its number), `prompt` uint8 [192] of the first view (UTF-8, zeros behind it), and of
    F frames, which are those of all views, one view after the other: `mouth_box` and `face_box` float32 [F, 4] in
    pixels, `mouth` float32 [F, 3] (opening, width and rounding, 0..1), `pose` float32 [F, 5] (see `Truth.pose`),
    `blink` float32 [F], `emotion`, `action` and `phoneme` int64 [F] (index in `EMOTIONS`, `ACTIONS` and `PHONEMES`),
    with pictures `frames` uint8 [F, H, W, 3], and with sound `samples` int16 [F * 640].

    Args:
        config: what is drawn.
        count: number of samples.
        split: `test` for validation.
    """

    def __init__(self, config: DataConfig, count: int, split: Split = "train") -> None:
        self._config, self._count, self._split = config, count, split

    def __len__(self) -> int:
        return self._count

    def place(self, index: int) -> Place:
        """What the first view of sample `index` shows, by its number and the seed alone."""
        return self.places(index)[0]

    def places(self, index: int) -> list[Place]:
        """What the views of sample `index` show, all of them of one speaker."""
        config = self._config
        random = np.random.default_rng((config.seed, index))
        blocks = -(-config.frames // BLOCK_FRAMES)
        spare = BLOCK_FRAMES * blocks - config.frames
        speaker = int(random.integers(config.speakers))
        found = []
        for _ in range(config.views):
            spec = TalkerSpec(
                split=self._split,
                speaker=speaker,
                utterance=int(random.integers(_UTTERANCES)),
                emotion=EMOTIONS[int(random.integers(len(EMOTIONS)))],
                action=ACTIONS[int(random.integers(len(ACTIONS)))],
                size=config.size,
                seconds=BLOCK_SECONDS * blocks,
                seed=config.seed,
            )
            found.append(Place(spec, 0, int(random.integers(spare + 1))))
        return found

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """Sample `index`."""
        places = self.places(index)
        drawn = [self._drawn(place) for place in places]
        sample = {name: np.concatenate([view[name] for view in drawn]) for name in drawn[0]}
        spec = places[0].spec
        words = np.zeros(PROMPT_BYTES, np.uint8)
        encoded = np.frombuffer(spec.prompt.encode()[:PROMPT_BYTES], np.uint8)
        words[: len(encoded)] = encoded
        sample |= {"prompt": words, "speaker": np.array(spec.speaker, np.int64)}
        return {name: torch.from_numpy(value) for name, value in sample.items()}

    def _drawn(self, place: Place) -> dict[str, npt.NDArray[Any]]:
        """Pictures, sound and truth of a view."""
        window = range(place.first, place.first + self._config.frames)
        drawn = render_window(place.spec, window, pictures=self._config.pictures, sound=self._config.sound)
        truth = drawn.truth
        mouth = np.stack([truth.mouth_opening, truth.mouth_width, truth.mouth_rounding], axis=-1)
        view: dict[str, npt.NDArray[Any]] = {
            "mouth_box": truth.mouth_box.astype(np.float32),
            "face_box": truth.face_box.astype(np.float32),
            "mouth": mouth.astype(np.float32),
            "pose": truth.pose.astype(np.float32),
            "blink": truth.blink.astype(np.float32),
            "emotion": np.full(len(window), EMOTIONS.index(place.spec.emotion), np.int64),
            "action": np.full(len(window), ACTIONS.index(place.spec.action), np.int64),
            "phoneme": truth.phoneme,
        }
        if self._config.pictures:
            view["frames"] = drawn.frames
        if self._config.sound:
            view["samples"] = drawn.samples
        return view


def batches(
    config: DataConfig, *, batch: int, steps: range, rank: int = 0, ranks: int = 1, pinned: bool = False
) -> Iterator[dict[str, Tensor]]:
    """Batches of the steps of a range: step k shows samples k * batch to (k + 1) * batch - 1.

    Args:
        config: what is drawn.
        batch: samples of a step over all ranks; a multiple of `ranks`.
        steps: steps that are still to be done.
        rank: this process.
        ranks: processes that share a step.
        pinned: whether batches lie in pinned memory, from where a GPU fetches them itself.
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
        pin_memory=pinned,
    )
    yield from loader
