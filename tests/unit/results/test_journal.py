"""The journal: durable, whole, and honest about what it cannot read."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from liveact_eval.errors import BrokenEnvironmentError, UserError
from liveact_eval.results.journal import JOURNAL_VERSION, Journal, Unit

UNIT = Unit(key="k", model="m", clip="c", stage="generate", payload={"x": [1, None]}, seconds=0.5)


def test_what_is_recorded_is_read(tmp_path: Path) -> None:
    curve = np.array([1.0, 2.5, np.nan])
    failed = Unit(
        key="f",
        model="m",
        clip="ü\n",
        stage="measure",
        failed=True,
        reason="corrupt",
        message="…",
        payload={},
    )
    with Journal(tmp_path / "j") as journal:
        journal.record([UNIT, failed], {("k", "psnr"): (25.0, curve)})
    with Journal(tmp_path / "j") as journal:
        assert journal.units() == {"k": UNIT, "f": failed}
        ((fps, values),) = journal.curves("k").values()
        assert fps == 25.0
        np.testing.assert_array_equal(values, curve)
        assert journal.curves("f") == {}


def test_a_unit_takes_its_old_curves_along(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        journal.record([UNIT], {("k", "old"): (25.0, np.ones(2))})
        journal.record([UNIT], {("k", "new"): (25.0, np.ones(2))})
        assert set(journal.curves("k")) == {"new"}


def test_transactions_are_whole(tmp_path: Path) -> None:
    bad = Unit(key="b", model="m", clip="c", stage="s", payload={"x": float("nan")})
    with Journal(tmp_path / "j") as journal:
        with pytest.raises(ValueError, match="JSON"):
            journal.record([UNIT, bad])
        assert journal.units() == {}
        journal.record([UNIT])
        assert set(journal.units()) == {"k"}


def test_every_unit_is_on_the_disk_at_once(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        journal.record([UNIT])
        with sqlite3.connect(f"file:{tmp_path / 'j'}?mode=ro", uri=True) as other:
            assert other.execute("SELECT count(*) FROM units").fetchone() == (1,)
        assert journal._db.execute("PRAGMA synchronous").fetchone() == (2,)
        assert journal._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_opening_writes_nothing(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        journal.record([UNIT])
    before = (tmp_path / "j").read_bytes()
    with Journal(tmp_path / "j") as journal:
        journal.units()
    assert (tmp_path / "j").read_bytes() == before


def test_fingerprints_are_remembered_while_a_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / os.fsdecode(b"video-\xe9")
    path.write_bytes(b"one")
    read: list[Path] = []

    def hashed(path: Path) -> str:
        read.append(path)
        return path.read_text(encoding="utf-8")

    monkeypatch.setattr("liveact_eval.results.journal.sha256_of", hashed)
    with Journal(tmp_path / "j") as journal:
        assert [journal.fingerprint(path), journal.fingerprint(path)] == ["one", "one"]
        path.write_bytes(b"two")
        os.utime(path, ns=(1, 1))
        assert journal.fingerprint(path) == "two"
    assert len(read) == 2


def test_newer_journal(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "j") as db:
        db.execute(f"PRAGMA user_version={JOURNAL_VERSION + 1}")
    with pytest.raises(UserError, match=r"newer liveact-eval.*pip install -U liveact-eval"):
        Journal(tmp_path / "j")


@pytest.mark.parametrize("first", [0, 4096])
def test_damaged_journal(first: int, tmp_path: Path) -> None:
    path = tmp_path / "j"
    with Journal(path) as journal:
        journal.record(
            [Unit(key=str(n), model="m", clip="c", stage="s", payload={"x": "y" * 500}) for n in range(50)]
        )
    whole = path.read_bytes()
    path.write_bytes(whole[:first] + b"\x55" * (len(whole) - first))
    expected = r"the run journal cannot be used.*its videos are kept"
    with pytest.raises(BrokenEnvironmentError, match=expected), Journal(path) as journal:
        journal.units()


def test_folder_in_place_of_a_journal(tmp_path: Path) -> None:
    with pytest.raises(BrokenEnvironmentError, match="cannot be used"):
        Journal(tmp_path)
