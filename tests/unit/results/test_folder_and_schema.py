"""The run folder's claims, and reading results of other versions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from liveact_eval.errors import NewerFileError, UserError
from liveact_eval.execution.run import remove_leftovers
from liveact_eval.results.folder import Layout, RunFolder
from liveact_eval.results.provenance import gather, gpus, revision
from liveact_eval.results.schema import Results, json_schema, read_results


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with RunFolder(tmp_path / "run") as folder:
        assert json.loads((tmp_path / "run" / ".holder.json").read_text("utf-8"))["pid"] > 0
        with pytest.raises(UserError, match=r"is in use \(process \d+, since .*--out"):
            RunFolder(tmp_path / "run")
        folder.claim("talkers", {})
    assert not (tmp_path / "run" / ".holder.json").exists()
    with RunFolder(tmp_path / "run") as folder:
        folder.claim("talkers", {})


def test_claim(tmp_path: Path) -> None:
    with RunFolder(tmp_path) as folder:
        folder.claim("talkers", {"a": "ü"})
        first = (tmp_path / "run.json").stat().st_mtime_ns
        folder.claim("talkers", {"a": "ü"})
        assert (tmp_path / "run.json").stat().st_mtime_ns == first
        created = json.loads((tmp_path / "run.json").read_text("utf-8"))["created"]
        folder.claim("talkers", {"a": "changed"})
        again = json.loads((tmp_path / "run.json").read_text("utf-8"))
        assert (again["created"], again["a"]) == (created, "changed")
        with pytest.raises(UserError, match=r"a run over 'talkers', this one is over 'hdtf'.*--out"):
            folder.claim("hdtf", {})


def test_layout_keeps_names_apart(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    names = ["a b", "a_b", "a/b", "a\nb", "-a", ".a", "ü", "ö", "x" * 300, "x" * 301, ""]
    paths = [layout.video("m", name) for name in names]
    assert len(set(paths)) == len(names)
    assert all(path.parent == tmp_path / "videos" / "m" for path in paths)
    assert all(len(path.name) < 100 and path.name[0] not in ".-" for path in paths)


def test_leftovers(tmp_path: Path) -> None:
    for folder in ("videos/model", "elsewhere"):
        (tmp_path / folder).mkdir(parents=True)
    gone = [
        tmp_path / ".run.1.part.json",
        tmp_path / "videos" / "model" / ".a.b.22.part.mp4",
        tmp_path / "..results-key.3.part",
    ]
    kept = [
        tmp_path / "elsewhere" / ".run.1.part.json",
        tmp_path / "a.1.part.mp4",
        tmp_path / ".a.part.mp4",
        tmp_path / ".a.1.parts",
    ]
    for path in gone + kept:
        path.touch()
    assert remove_leftovers(Layout(tmp_path)) == 3
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(kept)


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        (None, UserError, "No results at"),
        ("{", UserError, "not valid JSON"),
        ("[]", UserError, "results.json"),
        ('{"schema_version": 1}', UserError, "field `rows`"),
        ('{"schema_version": 2}', NewerFileError, "schema version 2.*at most 1.*pip install -U"),
    ],
)
def test_results_that_cannot_be_read(
    content: str | None, kind: type[UserError], message: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "results.json").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=message) as caught:
        read_results(tmp_path / "results.json")
    assert type(caught.value) is kind


def test_schema_describes_every_row() -> None:
    schema = json_schema()
    assert schema["$schema"].endswith("2020-12/schema")
    required = set(schema["$defs"]["ResultRow"]["required"])
    assert required >= {
        "value",
        "ci_low",
        "ci_high",
        "n",
        "n_total",
        "protocol",
        "recipe",
        "tier",
        "failures",
    }
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == set(Results.model_fields)


def test_provenance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = gather()
    assert json.dumps(found)
    assert all(found["packages"].values())
    assert found["machine"]["cores"] >= 1
    assert revision(tmp_path) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpus() == [], "without nvidia-smi there is no GPU"
