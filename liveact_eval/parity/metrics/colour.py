"""Replays colour drift: CIELAB, CIEDE2000 with the published pairs, and both reductions (`deltae.npz`)."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path

import torch

from liveact_eval.metrics._ciede2000 import ciede2000, drift_rows, rgb_to_lab
from liveact_eval.parity.run import attempt
from liveact_eval.parity.vectors import FileResult, VectorFile

TOLERANCE = 1e-4


def replay(folder: Path, salt: str) -> Iterator[FileResult]:  # noqa: ARG001
    """Replay the file of this family where the folder holds it."""
    if (folder / "deltae.npz").is_file():
        yield attempt("deltae.npz", functools.partial(_drift, folder, "deltae.npz"))


def _drift(folder: Path, name: str) -> FileResult:
    vectors = VectorFile(folder, name)
    if "sharma" in vectors:
        pairs = vectors.read("sharma")
        found = ciede2000(pairs[:, :3], pairs[:, 3:6])
        # The last column is the published difference, rounded to four decimals.
        vectors.check("sharma", torch.cat([pairs[:, :6], found[:, None]], dim=1), TOLERANCE)
        vectors.check("sharma_skimage", found, TOLERANCE)
    for key in vectors:
        if match := re.fullmatch(r"rgb_(\w+)", key):
            vectors.check(f"lab_{match[1]}", rgb_to_lab(vectors.read(key)), TOLERANCE)
        elif match := re.fullmatch(r"deltae_(\w)(\w)", key):
            pair = (rgb_to_lab(vectors.read(f"rgb_{side}")) for side in match.groups())
            vectors.check(key, ciede2000(*pair), TOLERANCE)
    if "crops_u8" in vectors:
        crops = vectors.read("crops_u8")
        rows = drift_rows(crops, crops[0])
        curves = {"pixel_mean": rows[:, 0], "mean_colour": rows[:, 1]}
        for key in vectors:
            if match := re.fullmatch(r"(per_frame_of|per_frame|total|last(\d+)pct)_(\w+)", key):
                curve = curves[match[3]]
                if match[1] == "total":
                    curve = curve[1:].mean()
                elif match[2]:
                    curve = curve[-max(1, len(curve) * int(match[2]) // 100) :].mean()
                vectors.check(key, curve, TOLERANCE)
    return vectors.result()
