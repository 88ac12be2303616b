"""Runs as archives, and what is refused of one that somebody else has made."""

from __future__ import annotations

import json
import re
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from liveact_eval.errors import UserError
from liveact_eval.html_report.source import open_source
from liveact_eval.results.archive import MANIFEST, export_run, unpack
from liveact_eval.results.checks import problems
from liveact_eval.results.folder import RunFolder
from liveact_eval.results.listing import list_row, remove, run_folders, shown_run, validated
from liveact_eval.results.schema import Results
from tests.made_runs import Table, made_results, made_run

CLIPS = ["a/b", "c"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    table: Table = {"high": {"real": [9.0, 9.0], "one": [1.0, None]}}
    return made_run(tmp_path_factory.mktemp("runs") / "run", made_results(table, clips=CLIPS), seconds=0.2)


@pytest.fixture
def archive(run: Path, tmp_path: Path) -> Path:
    export_run(run, tmp_path / "run.zip", videos=False)
    return tmp_path / "run.zip"


def test_there_and_back(run: Path, tmp_path: Path) -> None:
    export_run(run, tmp_path / "all.zip", videos=True)
    unpack(tmp_path / "all.zip", tmp_path / "back")
    for name in ("results.json", "run.json", "results.parquet", "curves.parquet", "tables/results.md"):
        assert (tmp_path / "back" / name).read_bytes() == (run / name).read_bytes()
    # A report finds the videos of an archive that has no journal.
    assert len(open_source(tmp_path / "back").videos) == 4
    assert len(list((tmp_path / "back" / "thumbnails").rglob("*.jpg"))) == 4
    assert validated(tmp_path / "back", None) == []


def test_without_videos(archive: Path, tmp_path: Path) -> None:
    names = zipfile.ZipFile(archive).namelist()
    assert not [name for name in names if name.startswith("videos/") or "sqlite" in name]
    assert sum(name.startswith("thumbnails/") for name in names) == 4


def test_the_same_run_gives_the_same_archive(run: Path, archive: Path, tmp_path: Path) -> None:
    export_run(run, tmp_path / "again.zip", videos=False)
    assert (tmp_path / "again.zip").read_bytes() == archive.read_bytes()


def changed(archive: Path, change: Callable[[zipfile.ZipFile, list[dict[str, object]]], None]) -> Path:
    """A copy with another file in it, which the manifest knows of as far as `change` says so."""
    target = archive.with_name("changed.zip")
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        manifest = json.loads(old.read(MANIFEST))
        for entry in old.infolist():
            if entry.filename != MANIFEST:
                new.writestr(entry, old.read(entry))
        change(new, manifest["files"])
        new.writestr(MANIFEST, json.dumps(manifest))
    return target


def add(name: str, content: bytes = b"x", mode: int = 0) -> Callable[..., None]:
    def change(new: zipfile.ZipFile, files: list[dict[str, object]]) -> None:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = mode << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        new.writestr(entry, content)
        files.append({"path": name, "bytes": len(content), "sha256": "0" * 64})

    return change


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (add("../evil.csv"), "is no file of a run"),
        (add("/etc/evil.csv"), "is no file of a run"),
        (add("tables/../../evil.csv"), "is no file of a run"),
        (add("tables\\evil.csv"), "is no file of a run"),
        (add("tables/C:evil.csv"), "is no file of a run"),
        (add("tables/evil.py"), "is no file of a run"),
        (add("tables/deep/evil.csv"), "is no file of a run"),
        (add("journal.sqlite"), "is no file of a run"),
        (add("tables/link.csv", mode=stat.S_IFLNK | 0o777), "is a link"),
        (add("tables/RESULTS.md"), "is there twice"),
        (add("tables/bomb.csv", b"\0" * (8 << 20)), "unpacks to more than"),
        (add("tables/other.csv"), "not what the manifest says"),
        (lambda new, files: new.writestr("tables/unlisted.csv", "x"), "differ: tables/unlisted.csv"),
        (lambda new, files: files.pop(), "differ"),
        (lambda new, files: files[0].update(sha256="0" * 64), "not what the manifest says"),
    ],
)
def test_what_is_refused(archive: Path, tmp_path: Path, change: Callable[..., None], why: str) -> None:
    bad = changed(archive, change)
    (problem,) = validated(bad, tmp_path / "into")
    assert why in problem
    with pytest.raises(UserError, match=re.escape(why)):
        unpack(bad, tmp_path / "into")
    assert not (tmp_path / "into").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["changed.zip", "run.zip"]


def test_no_archive(tmp_path: Path) -> None:
    (tmp_path / "text.zip").write_text("text")
    assert "cannot be opened as an archive" in validated(tmp_path / "text.zip", None)[0]
    with pytest.raises(UserError, match="Nothing at"):
        validated(tmp_path / "none.zip", None)


def test_newer_archive(archive: Path) -> None:
    target = archive.with_name("newer.zip")
    with zipfile.ZipFile(target, "w") as new:
        new.writestr(MANIFEST, '{"archive_version": 2}')
    assert "understands at most 1" in validated(target, None)[0]


def test_valid_archive_is_unpacked(archive: Path, tmp_path: Path) -> None:
    assert validated(archive, tmp_path / "into") == []
    assert (tmp_path / "into" / "results.json").is_file()
    with pytest.raises(UserError, match="exists"):
        validated(archive, tmp_path / "into")


def results() -> Results:
    return made_results({"high": {"real": [9.0, 9.0], "one": [1.0, None]}}, clips=CLIPS)


def test_made_results_have_no_problems() -> None:
    assert problems(results()) == []


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("n", 1, "n 1 and failures 0 are not n_total 2"),
        ("n_total", 3, "n_total is 3; the run has 2 clips"),
        ("ci_low", 99.0, "is above ci_high"),
        ("ci_low", None, "one end of the interval is null"),
        ("value", float("inf"), "value is inf"),
        ("value", None, "value is null without a reason"),
        ("protocol", "other@1:00000000", "protocol or tier is not that of the run"),
        ("recipe", "other@1", "recipe, unit or direction"),
        ("model", "nobody", "is not among models and metrics"),
    ],
)
def test_what_does_not_fit_is_named(field: str, value: object, said: str) -> None:
    made = results()
    rows = [made.rows[0].model_copy(update={field: value}), *made.rows[1:]]
    assert said in "\n".join(problems(made.model_copy(update={"rows": rows})))


def test_a_clip_value_that_was_taken_out_is_missed() -> None:
    made = results()
    assert "n is 2; 1 clips have a number" in "\n".join(
        problems(made.model_copy(update={"clip_values": made.clip_values[1:]}))
    )


def test_listing_and_removing(run: Path, tmp_path: Path) -> None:
    made = made_run(tmp_path / "runs" / "mine", results())
    (tmp_path / "runs" / "other").mkdir()
    begun = tmp_path / "runs" / "begun"
    begun.mkdir()
    (begun / "run.json").write_text("{}")
    rows = {row["run"]: row for row in map(list_row, run_folders(tmp_path / "runs"))}
    assert rows[str(made)]["state"] == "finished"
    assert (rows[str(made)]["models"], rows[str(made)]["clips"]) == (2, 2)
    assert rows[str(begun)]["state"] == "unfinished"
    assert len(rows) == 2
    assert shown_run(made)["models"] == {"real": "Real", "one": "One"}
    with pytest.raises(UserError, match="is no run folder"):
        remove(tmp_path / "runs" / "other")
    with RunFolder(made), pytest.raises(UserError, match="is in use"):
        remove(made)
    assert (made / "results.json").is_file()
    remove(made)
    assert not made.exists()
