"""`liveact-eval parity` from outside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.helpers import call, refused
from tests.unit.parity.conftest import made, vectors
from tests.unit.parity.folder import damage

__all__ = ["made", "vectors"]


def test_agreement(made: Path) -> None:
    answer = call("parity", made)
    assert answer.code == 0
    assert "encoders: all agree" in answer.out
    assert "FAIL" not in answer.out
    assert "vae.safetensors: pass" in answer.err


def test_one_wrong_number(vectors: Path) -> None:
    damage(vectors / "t5.safetensors", "hidden")
    answer = call("parity", vectors)
    assert answer.code == 1
    assert "FAIL: hidden" in answer.out
    assert "encoders: 1 of 9 files do not agree" in answer.out
    assert "t5.safetensors: FAIL" in answer.err
    assert call("parity", vectors, "--tolerance", "0.01").code == 0


def test_json(vectors: Path) -> None:
    damage(vectors / "clip.safetensors", "wide.features", float("nan"))
    (vectors / "vae.safetensors").write_bytes(b"")
    answer = call("parity", vectors, "--json")
    assert answer.code == 1
    # Strict: no NaN, no Infinity.
    report = json.loads(answer.out, parse_constant=pytest.fail)
    assert (report["kind"], report["passed"]) == ("encoders", False)
    rows = {row["file"]: row for row in report["files"]}
    assert rows["t5.safetensors"]["passed"]
    assert rows["clip.safetensors"]["worst_tensor"] == "wide.features"
    assert rows["clip.safetensors"]["problem"] == "the vector holds numbers that are not finite"
    assert "damaged" in rows["vae.safetensors"]["problem"]


def test_what_is_no_folder_of_vectors(tmp_path: Path) -> None:
    refused(call("parity", tmp_path), "vectors.json", "Known kinds: encoders")
    refused(call("parity", tmp_path / "gone"), "No folder")


def test_help_shows_an_example() -> None:
    answer = call("parity", "--help")
    assert answer.code == 0
    assert "liveact-eval parity path/to/vectors" in answer.out
