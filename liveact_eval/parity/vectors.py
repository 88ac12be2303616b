"""One file of reference vectors: what is read from it, what is compared with it, and the verdict."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from liveact_eval.errors import UserError

TOLERANCE = 5e-5
"""Largest absolute difference allowed in float32 where nothing else is said."""

_NOT_FINITE = "{} holds numbers that are not finite"


@dataclass(frozen=True)
class Difference:
    """How far one of our tensors is from its vector."""

    key: str
    """Name of the tensor."""
    largest: float
    """Largest absolute difference; infinite where the two cannot be compared."""
    tolerance: float
    """Largest absolute difference allowed."""
    problem: str | None = None
    """Why the two cannot be compared: another shape, numbers that are not finite."""

    @property
    def passed(self) -> bool:
        """Within tolerance. Written so that NaN does not pass."""
        return self.problem is None and self.largest <= self.tolerance


@dataclass(frozen=True)
class FileResult:
    """The verdict on one file."""

    file: str
    """Name of the file in its folder."""
    differences: tuple[Difference, ...] = ()
    """One per compared tensor."""
    loaded: int = 0
    """Tensors that were inputs, or weights that the model took in without one left over."""
    unreplayed: tuple[str, ...] = ()
    """Tensors that were neither an input nor compared: a file with such a tensor does not pass."""
    problem: str | None = None
    """Why the file could not be replayed at all."""

    @property
    def worst(self) -> Difference | None:
        """The tensor that exceeds its tolerance most, or comes nearest to it."""

        def excess(difference: Difference) -> float:
            if difference.problem is not None or math.isnan(difference.largest):
                return math.inf
            if difference.tolerance > 0:
                return difference.largest / difference.tolerance
            return math.inf if difference.largest > 0 else 0.0

        return max(self.differences, key=excess, default=None)

    @property
    def worst_tensor(self) -> str | None:
        """Name of the worst tensor; `None` where none was compared."""
        return self.worst.key if self.worst else None

    @property
    def largest_difference(self) -> float | None:
        """Its largest absolute difference."""
        return self.worst.largest if self.worst else None

    @property
    def tolerance(self) -> float | None:
        """Its tolerance."""
        return self.worst.tolerance if self.worst else None

    @property
    def checked(self) -> int:
        """Tensors compared."""
        return len(self.differences)

    @property
    def passed(self) -> bool:
        """Every tensor was an input or agrees, and there was at least one."""
        complete = self.problem is None and not self.unreplayed and self.checked + self.loaded > 0
        return complete and all(difference.passed for difference in self.differences)

    def judged(self, tolerance: float) -> FileResult:
        """The same result under one tolerance for all tensors; what must be equal stays so."""
        differences = tuple(
            Difference(d.key, d.largest, tolerance if d.tolerance > 0 else 0.0, d.problem)
            for d in self.differences
        )
        return FileResult(self.file, differences, self.loaded, self.unreplayed, self.problem)


class Checks:
    """Collects comparisons of one file that is no file of tensors."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.differences: list[Difference] = []

    def equal(self, key: str, ours: object, expected: object) -> None:
        """Both must be the same, as text, names and shapes are."""
        if ours == expected:
            self.differences.append(Difference(key, 0.0, 0.0))
        else:
            self.differences.append(Difference(key, math.inf, 0.0, f"{ours!r} instead of {expected!r}"))

    def result(self) -> FileResult:
        """The verdict."""
        return FileResult(self.file, tuple(self.differences))


class VectorFile:
    """A file of named tensors that keeps account of which of them were used and how well ours agree.

    Args:
        folder: folder of the vectors.
        name: file in it, `.safetensors` or `.npz`; a name without ending is a `.safetensors` file.

    Raises:
        UserError: the file is missing, truncated or of another format.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.file = name if name.endswith((".safetensors", ".npz")) else f"{name}.safetensors"
        self._tensors = load_tensors(folder / self.file)
        self._read: set[str] = set()
        self._differences: dict[str, Difference] = {}

    def keys(self) -> tuple[str, ...]:
        """Names of all tensors, sorted."""
        return tuple(sorted(self._tensors))

    def __iter__(self) -> Iterator[str]:
        """Names of all tensors, sorted."""
        return iter(self.keys())

    def read(self, key: str) -> Tensor:
        """An input: a copy of the stored tensor, on the CPU.

        Raises:
            UserError: there is no tensor of that name.
        """
        expected = self._stored(key)
        self._read.add(key)
        return expected.clone()

    def peek(self, key: str) -> Tensor:
        """A copy of a tensor whose shape or values are needed without counting it as an input."""
        return self._stored(key).clone()

    def check(self, key: str, ours: Tensor, tolerance: float = TOLERANCE) -> None:
        """Compare our tensor with the stored one: same shape, finite, and within tolerance, on any device.

        Raises:
            UserError: there is no tensor of that name.
        """
        self._differences[key] = compare(key, ours, self._stored(key), tolerance)

    def read_texts(self, key: str) -> tuple[str, ...]:
        """An input that is a row of texts, as `.npz` files can hold.

        Raises:
            UserError: there is no array of that name.
        """
        codes = self.read(key)
        return tuple(
            "".join(chr(code) for code in row if code) for row in codes.view(-1, codes.shape[-1]).tolist()
        )

    def use_all(self) -> dict[str, Tensor]:
        """Everything, for weights that are loaded strictly: the loader has refused what it does not know."""
        self._read.update(self._tensors)
        for key, tensor in self._tensors.items():
            if not _finite(tensor):
                self._differences[key] = Difference(
                    key, math.inf, TOLERANCE, _NOT_FINITE.format("the vector")
                )
        return dict(self._tensors)

    def result(self) -> FileResult:
        """The verdict; call it last."""
        untouched = self._tensors.keys() - self._read - self._differences.keys()
        return FileResult(
            self.file,
            tuple(self._differences[key] for key in sorted(self._differences)),
            len(self._read - self._differences.keys()),
            tuple(sorted(untouched)),
        )

    def _stored(self, key: str) -> Tensor:
        if key not in self._tensors:
            some = ", ".join(self.keys()[:6])
            raise UserError(
                f"{self.file} holds no tensor {key!r}; it holds {len(self._tensors)}: {some}, ..."
            )
        return self._tensors[key]


def compare(key: str, ours: Tensor, expected: Tensor, tolerance: float) -> Difference:
    """The largest absolute difference of two tensors, taken in float64."""
    ours = ours.detach().cpu()
    if ours.shape != expected.shape:
        shapes = f"shape {list(ours.shape)} instead of {list(expected.shape)}"
        return Difference(key, math.inf, tolerance, shapes)
    for whose, tensor in (("ours", ours), ("the vector", expected)):
        if not _finite(tensor):
            return Difference(key, math.inf, tolerance, _NOT_FINITE.format(whose))
    gap = (ours.double() - expected.double()).abs()
    return Difference(key, float(gap.max()) if gap.numel() else 0.0, tolerance)


def load_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a `.safetensors` or `.npz` file.

    Raises:
        UserError: the file is missing, truncated or of another format.
    """
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as stored:
                return {key: torch.from_numpy(_numbers(np.array(stored[key]))) for key in stored.files}
        return dict(load_file(path))
    except FileNotFoundError:
        raise UserError(
            f"The vectors lack {path.name}; expected in {path.parent}. Copy the whole folder."
        ) from None
    except (SafetensorError, zipfile.BadZipFile, OSError, ValueError, EOFError) as error:
        raise UserError(
            f"Cannot read {path}: {error}. The file is damaged or incomplete: copy it again."
        ) from error


def _numbers(array: NDArray[Any]) -> NDArray[Any]:
    """Texts as the numbers of their characters, along a further axis; all else as it is."""
    if array.dtype.kind != "U":
        return array
    return array.astype(array.dtype.newbyteorder("=")).reshape(*array.shape, 1).view(np.int32)


def _finite(tensor: Tensor) -> bool:
    return not tensor.is_floating_point() or bool(torch.isfinite(tensor.float()).all())
