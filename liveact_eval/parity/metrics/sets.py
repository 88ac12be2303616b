"""Replays the set metrics: Fréchet distance, KID, resizes, FID Inception and I3D."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from liveact_eval.errors import UserError
from liveact_eval.metrics._fid_resize import RESIZES, to_inception_levels
from liveact_eval.metrics._frechet import distance, summarise
from liveact_eval.metrics._kid import SUBSET_SIZE, SUBSETS, kid_subsets
from liveact_eval.networks.i3d import build_i3d
from liveact_eval.networks.inception import build_inception
from liveact_eval.parity.metrics._frames import read_picture
from liveact_eval.parity.metrics._seeded_manifest import check_seeded_manifest
from liveact_eval.parity.metrics._set_networks import check_i3d, check_inception, check_moments
from liveact_eval.parity.run import attempt
from liveact_eval.parity.vectors import FileResult, VectorFile, load_tensors

LEVELS = 1e-3
"""Of resized pictures, in levels 0..255, and of features of FID Inception."""
FRECHET = (1e-5, 1e-4)
"""Relative and absolute, added; of the Fréchet distance."""
VIDEOGPT = 1e-2
"""Absolute, of the value by a float32 root, whose own error is of that size."""
KID = 1e-6
_MOMENTS_STORED = 1e-4
"""Mean and standard deviation of a whole resized picture, in levels."""
_RESIZED = "cleanfid_resize.npz"
_PICTURE = "resize_in_{}.png"


def replay(folder: Path, salt: str) -> Iterator[FileResult]:
    """Replay the files of this family that the folder holds, one result each."""
    files: dict[str, Callable[[], FileResult]] = {
        "frechet.npz": functools.partial(_frechet, folder),
        "kid.npz": functools.partial(_kid, folder),
        _RESIZED: functools.partial(_resizes, folder),
        "inception.npz": functools.partial(check_inception, folder, salt),
        "inception_bn.safetensors": lambda: check_moments(folder, "inception", build_inception()),
        "inception_manifest.json": lambda: check_seeded_manifest(
            folder, "inception_manifest.json", build_inception(), "inception", salt
        ),
        "i3d.npz": functools.partial(check_i3d, folder, salt),
        "i3d_bn.safetensors": lambda: check_moments(folder, "i3d", build_i3d()),
        "i3d_manifest.json": lambda: check_seeded_manifest(
            folder, "i3d_manifest.json", build_i3d(), "i3d", salt
        ),
    }
    for path in sorted(folder.glob(_PICTURE.format("*"))):
        files[path.name] = functools.partial(_picture, folder, path.name)
    for name, replay_file in files.items():
        if (folder / name).is_file():
            yield attempt(name, replay_file)


def _frechet(folder: Path) -> FileResult:
    vectors = VectorFile(folder, "frechet.npz")
    for case in _cases(vectors, r"(\w+)_a"):
        a, b = (summarise(vectors.read(f"{case}_{side}").numpy()) for side in "ab")
        ours = torch.tensor(distance(a, b), dtype=torch.float64)
        for key in vectors:
            if key.startswith(f"{case}__"):
                value = abs(float(vectors.peek(key)))
                close = FRECHET[0] * value + FRECHET[1]
                vectors.check(key, ours, max(close, VIDEOGPT) if key.endswith("__videogpt_fvd") else close)
    return vectors.result()


def _kid(folder: Path) -> FileResult:
    vectors = VectorFile(folder, "kid.npz")
    for case in _cases(vectors, r"(\w+)_a"):
        a, b = (vectors.read(f"{case}_{side}").numpy() for side in "ab")
        for key in vectors:
            form = re.fullmatch(rf"{case}_value(?:_seed(\d+))?(?:_n(\d+)_m(\d+))?", key)
            if form:
                seed, subsets, size = (int(text) if text else None for text in form.groups())
                value = kid_subsets(
                    a, b, seed=seed or 0, subsets=subsets or SUBSETS, size=size or SUBSET_SIZE
                )
                vectors.check(key, torch.tensor(value, dtype=torch.float64), KID)
    return vectors.result()


def _resizes(folder: Path) -> FileResult:
    vectors = VectorFile(folder, _RESIZED)
    for name in _cases(vectors, r"(\w+)_clean(?:_s\d+)?"):
        picture = torch.from_numpy(read_picture(folder, _PICTURE.format(name)))[None]
        for recipe in RESIZES:
            ours = to_inception_levels(picture, recipe)[0].permute(1, 2, 0)
            for key in vectors:
                part = re.fullmatch(rf"{name}_{recipe}(?:_(?:s(\d+)|(mean|std)))?", key)
                if part and part[2]:
                    moment = np.mean if part[2] == "mean" else np.std
                    found = moment(ours.double().numpy(), axis=(0, 1))
                    vectors.check(key, torch.from_numpy(np.asarray(found)), _MOMENTS_STORED)
                elif part:
                    stride = int(part[1] or 1)
                    vectors.check(key, ours[::stride, ::stride], LEVELS)
    return vectors.result()


def _picture(folder: Path, name: str) -> FileResult:
    """A picture counts as an input where the resizes of it are stored."""
    case = name.removeprefix("resize_in_").removesuffix(".png")
    read_picture(folder, name)
    if not any(key.startswith(f"{case}_clean") for key in load_tensors(folder / _RESIZED)):
        raise UserError(
            f"{_RESIZED} holds no resize of {name}, expected {case}_clean_s4. Copy both files again."
        )
    return FileResult(name, loaded=1)


def _cases(vectors: VectorFile, pattern: str) -> list[str]:
    return sorted(
        {match[1] for key in vectors if (match := re.fullmatch(pattern, key)) and "__" not in match[1]}
    )
