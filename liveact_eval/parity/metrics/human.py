"""Replays the rules of VBench-2.0's human dimensions and the means of its groups (`vbench2_human.json`)."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from liveact_eval.errors import UserError
from liveact_eval.metrics._human_anatomy import Part, abnormal_persons, anatomy_score, square_crops
from liveact_eval.metrics._human_fidelity import GROUPS, clothes_value, group_score, set_score
from liveact_eval.metrics.base import Missing
from liveact_eval.parity.run import attempt, read_json
from liveact_eval.parity.vectors import Checks, FileResult

_FILE = "vbench2_human.json"
_SECTIONS = {"aggregate", "anatomy", "clothes", "human_fidelity_list"}
_ANATOMY = {"detections", "frame_size", "frames", "score", "square_crops", "thresholds"}


def replay(folder: Path, salt: str) -> Iterator[FileResult]:  # noqa: ARG001
    """Replay the file of this family where the folder holds it."""
    if (folder / _FILE).is_file():
        yield attempt(_FILE, functools.partial(_rules, folder))


def _rules(folder: Path) -> FileResult:
    stored = read_json(folder, _FILE)
    checks = Checks(_FILE)
    if not isinstance(stored, dict):
        raise UserError(
            f"{_FILE} is no table; expected the keys {', '.join(sorted(_SECTIONS))}. Copy it again."
        )
    checks.equal("sections", sorted(stored), sorted(_SECTIONS))
    checks.equal("human_fidelity_list", list(GROUPS["human_fidelity"]), stored["human_fidelity_list"])
    for i, case in enumerate(stored["aggregate"]):
        checks.equal(f"aggregate {i}: groups", sorted([*GROUPS, "raw"]), sorted(case))
        for group in sorted(GROUPS):
            _near(checks, f"aggregate {i}: {group}", group_score(group, case["raw"]), case[group])
    _clothes(checks, stored["clothes"])
    _anatomy(checks, stored["anatomy"])
    return checks.result()


def _clothes(checks: Checks, stored: dict[str, Any]) -> None:
    values = [clothes_value(*(bool(answer) for answer in three)) for three in stored["answers"].values()]
    per_video = [-1 if isinstance(value, Missing) else int(value) for value in values]
    checks.equal("clothes: per video", per_video, stored["per_video"])
    _near(checks, "clothes: score", set_score(values).value, stored["score"])


def _anatomy(checks: Checks, stored: dict[str, Any]) -> None:
    checks.equal("anatomy: parts", sorted(stored), sorted(_ANATOMY))
    thresholds, size = stored["thresholds"], tuple(stored["frame_size"])
    parts, boxes = [], []
    for frame in stored["frames"]:
        for person in frame["persons"]:
            for label, crops in person["scores"].items():
                for probability, box in crops:
                    parts.append(Part(frame["frame"], person["person"], label, probability))
                    boxes.append((frame["frame"], person["person"], label, tuple(box)))
    detections = [
        (d["frame_index"], d["person_index"], d["label"], tuple(d["bbox"])) for d in stored["detections"]
    ]
    checks.equal("anatomy: detections", sorted(boxes), sorted(detections))
    score, persons = anatomy_score(parts, thresholds), abnormal_persons(parts, thresholds)
    for frame in stored["frames"]:
        index = frame["frame"]
        counts = (frame["person_count"], frame["abnormal_count"])
        checks.equal(f"anatomy: frame {index}", score.by_frame.get(index, (0, 0)), counts)
        for person in frame["persons"]:
            key = (index, person["person"])
            checks.equal(f"anatomy: person {key}", persons.get(key), person["abnormal"])
    _near(checks, "anatomy: score", score.value, stored["score"])
    crops = square_crops(
        np.array([case["bbox"] for case in stored["square_crops"]], float).reshape(-1, 4), size
    )
    for crop, case in zip(crops.tolist(), stored["square_crops"], strict=True):
        checks.equal(f"anatomy: crop of {case['bbox']}", crop, case["crop_xyxy"])


def _near(checks: Checks, key: str, ours: float | Missing, expected: float) -> None:
    """Exact but for the last bits, which the order of a sum decides."""
    close = not isinstance(ours, Missing) and abs(ours - expected) <= 1e-12
    checks.equal(key, expected if close else ours, expected)
