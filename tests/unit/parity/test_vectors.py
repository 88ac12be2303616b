"""One file of vectors: what counts as replayed, and what counts as equal."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from liveact_eval.errors import UserError
from liveact_eval.parity.vectors import Checks, FileResult, VectorFile


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_file(
        {"a": torch.ones(3), "b": torch.zeros(2, 2), "n": torch.tensor([math.nan])},
        tmp_path / "x.safetensors",
    )
    np.savez(tmp_path / "y.npz", a=np.arange(3))
    return tmp_path


def test_all_read_or_checked_passes(folder: Path) -> None:
    vectors = VectorFile(folder, "y.npz")
    assert vectors.keys() == ("a",)
    vectors.check("a", vectors.read("a"))
    result = vectors.result()
    assert result.passed
    assert (result.file, result.checked, result.loaded, result.unreplayed) == ("y.npz", 1, 0, ())
    assert result.largest_difference == 0.0


def test_what_is_left_over_fails(folder: Path) -> None:
    vectors = VectorFile(folder, "x")
    vectors.read("a")
    vectors.peek("b")
    result = vectors.result()
    assert result.file == "x.safetensors"
    assert result.unreplayed == ("b", "n")
    assert not result.passed


def test_reading_gives_a_copy(folder: Path) -> None:
    vectors = VectorFile(folder, "x")
    vectors.read("a").zero_()
    assert vectors.read("a").sum() == 3


@pytest.mark.parametrize(
    ("key", "ours", "problem"),
    [
        ("a", torch.ones(4), "shape [4] instead of [3]"),
        ("a", torch.ones(1, 3), "shape [1, 3] instead of [3]"),
        ("a", torch.tensor([1.0, math.nan, 1.0]), "ours holds numbers that are not finite"),
        ("n", torch.tensor([math.nan]), "ours holds numbers that are not finite"),
        ("n", torch.zeros(1), "the vector holds numbers that are not finite"),
    ],
)
def test_what_cannot_be_compared_fails(folder: Path, key: str, ours: torch.Tensor, problem: str) -> None:
    vectors = VectorFile(folder, "x")
    vectors.check(key, ours, tolerance=1e9)
    found = vectors.result().differences[0]
    assert (found.problem, found.passed) == (problem, False)


def test_tolerance_is_inclusive_and_the_worst_is_relative_to_it(folder: Path) -> None:
    vectors = VectorFile(folder, "x")
    vectors.check("a", torch.full((3,), 1.25), tolerance=0.25)
    vectors.check("b", torch.full((2, 2), 0.125), tolerance=0.5)
    vectors.read("n")
    result = vectors.result()
    assert result.passed
    assert (result.worst_tensor, result.largest_difference, result.tolerance) == ("a", 0.25, 0.25)
    assert not result.judged(0.2).passed
    assert result.judged(0.3).tolerance == 0.3


def test_weights_with_nan_fail(folder: Path) -> None:
    vectors = VectorFile(folder, "x")
    vectors.use_all()
    result = vectors.result()
    assert (result.loaded, result.worst_tensor, result.passed) == (2, "n", False)


def test_equality_knows_no_tolerance() -> None:
    checks = Checks("names.json")
    checks.equal("same", [1, 2], [1, 2])
    assert checks.result().passed
    checks.equal("text", "a", "b")
    result = checks.result().judged(10.0)
    assert not result.passed
    assert result.worst is not None
    assert result.worst.problem == "'a' instead of 'b'"


def test_an_empty_file_is_no_success() -> None:
    assert not FileResult("nothing.safetensors").passed


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.safetensors", None, "lack gone.safetensors"),
        ("cut.safetensors", b"\x10\x00\x00\x00\x00\x00\x00\x00{}", "damaged or incomplete"),
        ("empty.safetensors", b"", "damaged or incomplete"),
        ("cut.npz", b"PK\x03\x04 no archive", "damaged or incomplete"),
    ],
)
def test_damaged_files(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        VectorFile(tmp_path, name)


def test_an_unknown_tensor_is_named(folder: Path) -> None:
    vectors = VectorFile(folder, "x")
    for use in (vectors.read, vectors.peek, lambda key: vectors.check(key, torch.zeros(1))):
        with pytest.raises(UserError, match=r"x\.safetensors holds no tensor 'c'; it holds 3: a, b, n"):
            use("c")
