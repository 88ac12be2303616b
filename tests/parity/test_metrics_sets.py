"""Set metrics and their networks against numbers of the reference implementations."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from liveact_eval.metrics._fid_resize import to_inception_levels
from liveact_eval.metrics._frechet import distance, summarise
from liveact_eval.metrics._kid import kid_subsets
from liveact_eval.parity.metrics import sets
from liveact_eval.parity.vectors import FileResult

SALT = "lae-shared"
RESIZES = ("cleanfid_resize.npz", "resize_in_*.png")


@pytest.fixture
def replayed(shared: Path, tmp_path: Path) -> Callable[..., dict[str, FileResult]]:
    """Replays a folder that holds only some of the files, after a change to them."""

    def run(*patterns: str, change: Callable[[Path], None] = lambda folder: None) -> dict[str, FileResult]:
        for pattern in patterns:
            for path in (shared / "parity" / "metrics").glob(pattern):
                shutil.copyfile(path, tmp_path / path.name)
        change(tmp_path)
        return {result.file: result for result in sets.replay(tmp_path, SALT)}

    return run


@pytest.mark.parametrize(
    "patterns",
    [
        ("frechet.npz",),
        ("kid.npz",),
        RESIZES,
        ("inception*", "resize_in_*.png", "cleanfid_resize.npz"),
        ("i3d_manifest.json", "i3d_bn.safetensors"),
    ],
    ids=lambda patterns: patterns[0],
)
def test_every_vector_agrees(
    replayed: Callable[..., dict[str, FileResult]], shared: Path, patterns: tuple[str, ...]
) -> None:
    results = replayed(*patterns)
    assert {
        result.file: (result.problem, result.worst) for result in results.values() if not result.passed
    } == {}
    names = {path.name for pattern in patterns for path in (shared / "parity" / "metrics").glob(pattern)}
    assert results.keys() == names


@pytest.mark.parametrize(
    ("patterns", "file", "key", "amount"),
    [
        (("frechet.npz",), "frechet.npz", "d64_n20__clean_fid", 2e-3),
        (("kid.npz",), "kid.npz", "sub_value_seed0_n10_m100", 2e-6),
        (RESIZES, "cleanfid_resize.npz", "half_legacy_pytorch_s4", 2e-3),
        (RESIZES, "cleanfid_resize.npz", "checker_clean_std", 1e-3),
    ],
)
def test_a_damaged_array_fails(
    replayed: Callable[..., dict[str, FileResult]],
    patterns: tuple[str, ...],
    file: str,
    key: str,
    amount: float,
) -> None:
    result = replayed(*patterns, change=lambda folder: _damage(folder / file, key, amount))[file]
    assert [difference.key for difference in result.differences if not difference.passed] == [key]


def test_an_array_that_nothing_explains_fails(replayed: Callable[..., dict[str, FileResult]]) -> None:
    def add(folder: Path) -> None:
        with np.load(folder / "kid.npz") as stored:
            np.savez(folder / "kid.npz", **stored, stray=np.zeros(1))

    result = replayed("kid.npz", change=add)["kid.npz"]
    assert result.unreplayed == ("stray",)
    assert not result.passed


def test_a_picture_without_its_resize_fails(replayed: Callable[..., dict[str, FileResult]]) -> None:
    def add(folder: Path) -> None:
        shutil.copyfile(folder / "resize_in_half.png", folder / "resize_in_other.png")

    result = replayed(*RESIZES, change=add)["resize_in_other.png"]
    assert result.problem is not None
    assert "other_clean_s4" in result.problem


def test_running_moments_must_be_those_of_the_network(replayed: Callable[..., dict[str, FileResult]]) -> None:
    from safetensors.torch import load_file, save_file

    def drop(folder: Path) -> None:
        tensors = load_file(folder / "i3d_bn.safetensors")
        tensors["Mixed_3b.b9.bn.running_mean"] = tensors.pop("Mixed_3b.b0.bn.running_mean")
        save_file(tensors, folder / "i3d_bn.safetensors")

    result = replayed("i3d_bn.safetensors", change=drop)["i3d_bn.safetensors"]
    bad = [difference.key for difference in result.differences if not difference.passed]
    assert bad == ["Mixed_3b.b0.bn.running_mean", "Mixed_3b.b9.bn.running_mean"]


def test_other_cases_and_sizes_are_found_by_their_names(tmp_path: Path) -> None:
    stream = np.random.RandomState(4)
    a, b = stream.standard_normal((2, 9, 5)).astype(np.float32)
    value = distance(summarise(a), summarise(b))
    np.savez(tmp_path / "frechet.npz", mine_a=a, mine_b=b, mine__clean_fid=value)
    np.savez(
        tmp_path / "kid.npz", x_a=a, x_b=b, x_value_seed7_n3_m4=kid_subsets(a, b, seed=7, subsets=3, size=4)
    )
    picture = stream.randint(0, 256, (40, 31, 3), dtype=np.uint8)
    Image.fromarray(picture).save(tmp_path / "resize_in_tiny_one.png")
    levels = to_inception_levels(torch.from_numpy(picture)[None], "clean")[0].permute(1, 2, 0).numpy()
    np.savez(
        tmp_path / "cleanfid_resize.npz",
        tiny_one_clean_s7=levels[::7, ::7],
        tiny_one_clean_mean=levels.mean((0, 1)),
    )
    results = {result.file: result for result in sets.replay(tmp_path, "another")}
    assert len(results) == 4
    assert all(result.passed for result in results.values())


def _damage(path: Path, key: str, amount: float) -> None:
    with np.load(path) as stored:
        arrays = dict(stored)
    arrays[key] = np.array(arrays[key])
    arrays[key].flat[0] += amount
    np.savez(path, **arrays)
