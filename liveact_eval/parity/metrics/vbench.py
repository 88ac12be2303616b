"""Replays VBench's arithmetic: `vbench.npz`, `vbench_dynamic_degree.json`, `vbench_aggregate.json`."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from liveact_eval.metrics import _vbench_scores as scores
from liveact_eval.metrics._vbench_consistency import consistency, frame_weighted
from liveact_eval.metrics._vbench_dynamics import (
    fast_motion,
    kept_frames,
    moves,
    sampling_interval,
    thresholds,
)
from liveact_eval.metrics._vbench_sampling import frames_per_second, middle_frames
from liveact_eval.metrics._vbench_smoothness import compared_frames, frame_errors, given_frames, smoothness
from liveact_eval.metrics._vbench_transforms import clip_input, dino_input, imaging_input
from liveact_eval.metrics.base import Batch, ClipContext, Missing
from liveact_eval.metrics.temporal_flickering import TemporalFlickering
from liveact_eval.parity.metrics._frames import frames
from liveact_eval.parity.run import attempt, read_json
from liveact_eval.parity.vectors import Checks, Difference, FileResult, VectorFile

SCORE = 1e-6
LEVELS = 1e-5
"""Of mean differences in levels 0..255, which are stored in float32."""
TRANSFORM = 1e-4
EXACT = 0.0
AGGREGATE = 1e-12


def replay(folder: Path, salt: str) -> Iterator[FileResult]:  # noqa: ARG001 - one signature for all
    """Replay the files of this family that the folder holds, one result each; no weights are drawn here."""
    files: dict[str, Callable[[Path, str], FileResult]] = {
        "vbench.npz": _numbers,
        "vbench_dynamic_degree.json": _dynamic_degree,
        "vbench_aggregate.json": _aggregate,
    }
    for name, replay_file in files.items():
        if (folder / name).is_file():
            yield attempt(name, functools.partial(replay_file, folder, name))


def _numbers(folder: Path, name: str) -> FileResult:
    vectors = VectorFile(folder, name)
    _consistency(vectors)
    if "flicker_frames_u8" in vectors:
        _flickering(vectors)
        _smoothness(vectors)
    if any(key.startswith(("tf_", "iq_")) for key in vectors):
        _transforms(vectors, frames(folder))
    for key in vectors:
        if match := re.fullmatch(r"frame_idx_middle_(\d+)_of_(\d+)", key):
            vectors.check(key, torch.tensor(middle_frames(int(match[1]), int(match[2]))), EXACT)
        elif match := re.fullmatch(r"frame_idx_fps(\d+)_of_(\d+)_at(\d+)", key):
            rate, count, fps = (int(number) for number in match.groups())
            vectors.check(key, torch.tensor(frames_per_second(rate, count, fps)), EXACT)
        elif match := re.fullmatch(r"(dd_flow\w*)_top5", key):
            vectors.check(key, torch.tensor(fast_motion(vectors.read(match[1]))[0]), SCORE)
    return vectors.result()


def _consistency(vectors: VectorFile) -> None:
    names = [key for key in vectors if re.fullmatch(r"cons_v\d+_feats", key)]
    videos = sorted(names, key=lambda key: int(key[len("cons_v") : -len("_feats")]))
    values = [consistency(vectors.read(key).numpy())[0] for key in videos]
    for key in vectors:
        if re.fullmatch(r"cons_\w+_per_video", key):
            vectors.check(key, torch.tensor([value.mean() for value in values]), SCORE)
        elif re.fullmatch(r"cons_\w+_overall", key):
            total, count = np.sum([frame_weighted(value) for value in values], axis=0)
            vectors.check(key, torch.tensor(total / count), SCORE)


def _flickering(vectors: VectorFile) -> None:
    pictures = vectors.read("flicker_frames_u8")
    metric = TemporalFlickering()

    def errors(step: int) -> Tensor:
        kept = pictures[::step]
        return torch.as_tensor(
            metric.features("pairs", Batch(windows=torch.stack([kept[:-1], kept[1:]], dim=1)))
        )

    found = []
    for key in vectors:
        if key == "flicker_mae_seq":
            vectors.check(key, errors(1), LEVELS)
        elif match := re.fullmatch(r"flicker_score_(?:all|every(\d+))", key):
            rows = {"pairs": errors(int(match[1] or 1)).numpy()[:, None]}
            value = metric.score(rows, ClipContext(fps=25.0, truth=None)).values[metric.name]
            found.append(math.nan if isinstance(value, Missing) else value)
            vectors.check(key, torch.tensor(found[-1], dtype=torch.float64), SCORE)
    if "flicker_avg" in vectors:
        vectors.check("flicker_avg", torch.tensor(found, dtype=torch.float64).mean(), SCORE)


def _smoothness(vectors: VectorFile) -> None:
    """In place of the network stands the mean of both neighbours, cut to whole levels."""
    pictures = vectors.read("flicker_frames_u8")
    for key in vectors:
        match = re.fullmatch(r"ms_T(\d+)_(input_idx|mean_absdiff|score)", key)
        if not match:
            continue
        count = int(match[1])
        if match[2] == "input_idx":
            vectors.check(key, torch.tensor(given_frames(count)), EXACT)
            continue
        middle = torch.tensor(compared_frames(count))
        made = ((pictures[middle - 1].int() + pictures[middle + 1].int()) // 2).byte()
        errors = frame_errors(pictures[middle], made).numpy()
        value = errors.mean() if match[2] == "mean_absdiff" else smoothness(errors)
        vectors.check(key, torch.tensor(value), LEVELS if match[2] == "mean_absdiff" else SCORE)


def _transforms(vectors: VectorFile, pictures: dict[str, Tensor]) -> None:
    makers: dict[str, Callable[[Tensor], Tensor]] = {"dino": dino_input, "clip": clip_input}
    for key in vectors:
        made: Tensor | None = None
        if key == "iq_input_note_upsampled_shape":
            made = pictures["up"].permute(0, 3, 1, 2)
        elif match := re.fullmatch(r"tf_(\w+)_(dino|clip)_(shape|s\d+)", key):
            if match[1] in pictures:
                made = makers[match[2]](pictures[match[1]])
        elif match := re.fullmatch(r"iq_(longer|shorter|shorter_centercrop|None)_(shape|s\d+)", key):
            made = imaging_input(pictures["up"], match[1])  # type: ignore[arg-type]
        if made is not None and key.endswith("_shape"):
            vectors.check(key, torch.tensor(made.shape), EXACT)
        elif made is not None:
            stride = int(key.rpartition("_s")[2])
            vectors.check(key, made[..., ::stride, ::stride], TRANSFORM)


def _dynamic_degree(folder: Path, name: str) -> FileResult:
    checks = Checks(name)
    for index, case in enumerate(read_json(folder, name)):
        kept = len(kept_frames(case["total_frames"], case["fps"]))
        limit = thresholds(kept, case["height"], case["width"])
        ours = {
            "interval": sampling_interval(case["fps"]),
            "sampled": kept,
            "thres": limit.motion,
            "count_num": limit.pairs,
            "moves": moves(case["scores"], limit),
        }
        inputs = {"fps", "height", "width", "total_frames", "scores"}
        for key in sorted(case.keys() - inputs):
            checks.equal(f"{index}: {key}", ours.get(key), case[key])
    return checks.result()


def _aggregate(folder: Path, name: str) -> FileResult:
    stored = read_json(folder, name)
    checks = Checks(name)
    for index, case in enumerate(stored["cases"]):
        board = scores.leaderboard({_ours(key): value for key, value in case["raw"].items()})
        _close(checks, f"{index}: quality", board.quality, case["quality"])
        _close(checks, f"{index}: semantic", board.alignment, case["semantic"])
        _close(checks, f"{index}: total", board.total, case["total"])
        for key, value in case["weighted_normalised"].items():
            _close(checks, f"{index}: {key}", board.weighted.get(_ours(key)), value)
    checks.equal("quality_weight", scores.QUALITY_WEIGHT, stored["quality_weight"])
    checks.equal("semantic_weight", scores.SEMANTIC_WEIGHT, stored["semantic_weight"])
    checks.equal("quality_list", sorted(scores.QUALITY), _sorted(stored["quality_list"]))
    checks.equal("semantic_list", sorted(scores.SEMANTIC), _sorted(stored["semantic_list"]))
    checks.equal("i2v: quality_list", sorted(scores.I2V_QUALITY), _sorted(stored["i2v"]["quality_list"]))
    tables = {
        "": (scores.SCALES, stored["normalise"], stored["weights"]),
        "i2v: ": (scores.I2V_SCALES, stored["i2v"]["norm"], stored["i2v"]["weight"]),
    }
    for prefix, (ours, ranges, weights) in tables.items():
        checks.equal(f"{prefix}dimensions", sorted(ours), _sorted(ranges))
        for key, extent in ranges.items():
            scale = ours.get(_ours(key))
            numbers = (scale.lowest, scale.highest, scale.weight) if scale else None
            checks.equal(f"{prefix}{key}", numbers, (extent["Min"], extent["Max"], weights[key]))
    return checks.result()


def _close(checks: Checks, key: str, ours: float | None, expected: float) -> None:
    gap = math.inf if ours is None else abs(ours - expected)
    checks.differences.append(Difference(key, gap, AGGREGATE, None if ours is not None else "missing"))


def _ours(dimension: str) -> str:
    """VBench's names of dimensions hold spaces, those of VBench-I2V capitals and dashes as well."""
    return re.sub(r"[ -]", "_", dimension.lower())


def _sorted(dimensions: Any) -> list[str]:
    return sorted(_ours(key) for key in dimensions)
