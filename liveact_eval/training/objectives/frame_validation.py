"""How good a frame network is on speakers that it never saw: mouth, identity, and both in degraded pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from liveact_eval.datasets.talkers import TalkerSpec, draw_specs, render
from liveact_eval.datasets.talkers.stream import render_window
from liveact_eval.metrics._network_batches import device_of
from liveact_eval.networks.mini_frame import AT_ONCE, FrameReading, MiniFrame, to_mini_frames
from liveact_eval.training.degradations import DEGRADATIONS, degrade
from liveact_eval.training.draws import generator_of

_CLIPS = 8
"""Of as many speakers, whose mouths are read."""
_SPEAKERS = 64
"""Speakers who are told apart, each from two pictures out of different clips."""


@torch.no_grad()
def validate_frame_network(network: MiniFrame) -> dict[str, float]:
    """What the network says of test speakers.

    Returns:
        `opening_correlation`: Pearson correlation of the mouth's opening with the script, mean over clips of 5 s;
        `identity_same` and `identity_different`: mean cosine of two pictures of one speaker and of two speakers;
        `identity_auc`: how often the former is larger. The same with the name of a degradation behind it, where each
        clip, or the second picture of each pair, is degraded so.
    """
    clips = [render(spec) for spec in draw_specs("test", _CLIPS, speakers=_CLIPS)]
    device = device_of(network)
    clean = [to_mini_frames(torch.from_numpy(clip.frames).to(device)) for clip in clips]
    scripts = [torch.from_numpy(clip.truth.mouth_opening).float() for clip in clips]
    first, second = (pictures.to(device) for pictures in _pairs())
    known = _read(network, first).identity
    found: dict[str, float] = {}
    for index, name in enumerate((None, *DEGRADATIONS)):
        draws = generator_of(index)

        def shown(pictures: Tensor, index: int = index, draws: torch.Generator = draws) -> Tensor:
            kinds = torch.full((len(pictures),), index - 1)
            return pictures if index == 0 else degrade(pictures, draws, kinds)[0]

        openings = [_read(network, shown(pictures)).mouth[:, 0].cpu() for pictures in clean]
        likeness = [correlation(seen, script) for seen, script in zip(openings, scripts, strict=True)]
        behind = "" if name is None else f"_{name}"
        found[f"opening_correlation{behind}"] = sum(likeness) / len(likeness)
        told = told_apart(known, _read(network, shown(second)).identity)
        found |= {f"identity_{what}{behind}": value for what, value in told.items()}
    return found


def told_apart(first: Tensor, second: Tensor) -> Mapping[str, float]:
    """Cosines of pairs of one speaker, of pairs of two, and how often the former are larger.

    Args:
        first: identity vectors (N, D) of length 1.
        second: of the same speakers, from other pictures.
    """
    cosines = first @ second.T
    itself = torch.eye(len(first), dtype=torch.bool, device=first.device)
    same, different = cosines[itself], cosines[~itself]
    larger = (same[:, None] > different).float().mean()
    return {"same": float(same.mean()), "different": float(different.mean()), "auc": float(larger)}


def correlation(x: Tensor, y: Tensor) -> float:
    """Pearson correlation of two curves; 0 where one of them does not move."""
    value = torch.corrcoef(torch.stack([x.float(), y.float()]))[0, 1]
    return float(value.nan_to_num(0.0))


def _read(network: MiniFrame, pictures: Tensor) -> FrameReading:
    parts = [network(part) for part in pictures.split(AT_ONCE)]
    return FrameReading(*(torch.cat(columns) for columns in zip(*parts, strict=True)))


def _pairs() -> tuple[Tensor, Tensor]:
    """Two pictures of each of many speakers, of other words, expressions and moments."""
    specs = draw_specs("test", 2 * _SPEAKERS, speakers=_SPEAKERS)
    return _moments(specs[:_SPEAKERS], 20), _moments(specs[_SPEAKERS:], 70)


def _moments(specs: list[TalkerSpec], frame: int) -> Tensor:
    window = range(frame, frame + 1)
    drawn = [render_window(replace(spec, seconds=5.0), window, sound=False).frames for spec in specs]
    return to_mini_frames(torch.cat([torch.from_numpy(frames) for frames in drawn]))
