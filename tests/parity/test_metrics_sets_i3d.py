"""I3D and FVD against numbers of the reference implementation."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from liveact_eval.parity.metrics import sets


@pytest.fixture
def folder(shared: Path, tmp_path: Path) -> Path:
    """Weights of the vectors, and room for clips."""
    shutil.copyfile(shared / "parity" / "metrics" / "i3d_bn.safetensors", tmp_path / "i3d_bn.safetensors")
    return tmp_path


def test_clips_of_all_shapes_agree(shared: Path, folder: Path) -> None:
    shutil.copyfile(shared / "parity" / "metrics" / "i3d.npz", folder / "i3d.npz")
    (result,) = (result for result in sets.replay(folder, "lae-shared") if result.file == "i3d.npz")
    assert result.passed, (result.problem, result.unreplayed, result.worst)
    assert (result.checked, result.loaded) == (18, 5)


def test_logits_of_the_wrong_range_do_not_pass(shared: Path, folder: Path) -> None:
    with np.load(shared / "parity" / "metrics" / "i3d.npz") as stored:
        kept = {key.replace("c0_", "c7_"): stored[key] for key in ("c0_u8", "c0_prep_s", "c0_logits")}
    # Logits of the range 0..1 in the place of those of -1..1.
    with np.load(shared / "parity" / "metrics" / "i3d.npz") as stored:
        np.savez(folder / "i3d.npz", **{**kept, "c7_logits": stored["c0_zero_one_range_logits"]})
    (result,) = (result for result in sets.replay(folder, "lae-shared") if result.file == "i3d.npz")
    assert [difference.key for difference in result.differences if not difference.passed] == ["c7_logits"]
