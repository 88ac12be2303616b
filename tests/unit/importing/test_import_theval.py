"""THEval's files as results: prose under the table, paths with commas, collected tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from liveact_eval.errors import UserError
from liveact_eval.importing.given import NO_CLIP_VALUES, results_of
from liveact_eval.importing.theval import read_theval
from liveact_eval.measure.intervals import StatisticsConfig
from liveact_eval.results.checks import problems
from liveact_eval.results.schema import ResultRow, Results

LIP = "Video Path,Mean_Difference\nv/a.mp4,0.2\nv/b, c.mp4,0.4\nv/d.mp4,NaN\n\n=== Summary ===\n"
LIP += "Average Mean Difference: 0.3000\n"
HEAD = (
    "Video Path,Pitch Smoothness,Yaw Smoothness,Roll Smoothness,Head Motion Dynamics\n"
    "v/a.mp4,1,2,3,0.5\n\n=== Evaluation Summary ===\nMean head motion dynamics: 0.700000\n"
)
SILENT = "Video Path,Silent MAD\r\nv/a.mp4,0.0100\r\n\r\nAverage Silent MAD:,0.0100\r\n"
TABLE = "Model,Global aesthetic,Lip sync\nours,5.1,0.25\nGT,5.5,0.20\n"


def write(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


def imported(*files: Path, name: str | None = None) -> Results:
    results = results_of(read_theval(list(files), name), StatisticsConfig(resamples=100))
    assert problems(results) == []
    return results


def row(results: Results, metric: str, model: str = "theirs") -> ResultRow:
    (found,) = [row for row in results.rows if (row.metric, row.model) == (metric, model)]
    return found


def test_files_of_metrics_are_one_model(tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    files = [
        write(folder, "lip_sync.txt", LIP),
        write(folder, "head.csv", HEAD),
        write(folder, "silent.csv", SILENT),
        write(folder, "face_quality.csv", "Video Path,Quality_Score\nv/a.mp4,0.7\n"),
    ]
    results = imported(*files)
    assert results.clips == ["a", "b, c", "d"]
    lip = row(results, "theval_lip_sync")
    assert lip.value == pytest.approx(0.3)
    assert (lip.n, lip.failures) == (2, {"not_finite": 1})
    assert lip.ci_low == pytest.approx(0.2)
    assert (lip.direction, lip.note) == ("none", None)
    head = row(results, "theval_head_motion_dynamics")
    assert (head.value, head.n, head.n_total) == (0.5, 1, 3)
    assert head.note == "the total that was given is 0.7, the mean over its videos is shown"
    assert row(results, "theval_silent_lip_stability").value == pytest.approx(0.01)
    assert row(results, "theval_face_quality").value == pytest.approx(0.7)
    assert results.protocol.startswith("imported-theval@1:")
    assert imported(files[0], name="Other").models[0].name == "other"


def test_a_collected_table_has_totals_only(tmp_path: Path) -> None:
    results = imported(write(tmp_path, "raw.csv", TABLE))
    assert [model.name for model in results.models] == ["ours", "gt"]
    found = row(results, "theval_lip_sync", "ours")
    assert (found.value, found.n, found.ci_low, found.note) == (0.25, 0, None, NO_CLIP_VALUES)
    assert {item.metric for item in results.rows} == {"theval_global_aesthetic", "theval_lip_sync"}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("q.csv", "Video Path,Quality_Score\na.mp4,1\n", "holds `face` or `mouth`"),
        ("q.csv", "Video Path,Beauty\na.mp4,1\n", "no metric of THEval has the column 'Beauty'"),
        ("q.csv", "Video Path,Mean_Difference\n\n=== Summary ===\n", "no video below its head"),
        ("q.csv", "Video Path,Mean_Difference\na.mp4,x\n", "'x' is no number"),
        ("q.csv", "Video Path,Mean_Difference\na.mp4\n", "1 columns, expected 2"),
        ("q.csv", "Video Path,Mean_Difference\na.mp4,1\na.mp4,2\n", "is there twice"),
        ("q.csv", "Name,Score\na,1\n", "neither a file of one THEval metric"),
        ("q.csv", "Model,Lip sync\na,1\na,2\n", "Give each model once"),
        ("q.csv", "", "empty"),
        ("q.csv", "Video Path,Mean_Difference\na.mp4,1\n\nb.mp4,2\n", "Take the empty line out"),
        ("q.csv", "Video Path,Mean_Difference\na.mp4,1_000\n", "'1_000' is no number"),
        ("q.csv", "Model,Lip sync\n ,0.5\n", "names no model"),
    ],
)
def test_other_files_are_refused(name: str, text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        read_theval([write(tmp_path, name, text)], None)
    assert said in str(caught.value)


def test_a_metric_comes_once(tmp_path: Path) -> None:
    files = [write(tmp_path, "a.csv", LIP), write(tmp_path, "b.csv", LIP)]
    with pytest.raises(UserError, match="Give each metric once"):
        read_theval(files, None)
    with pytest.raises(UserError, match="cannot be read"):
        read_theval([tmp_path / "no.csv"], None)


def test_models_share_clips_whatever_their_folders(tmp_path: Path) -> None:
    one = write(tmp_path / "one", "lip.csv", "Video Path,Mean_Difference\nout/one/a.mp4,0.2\n")
    two = write(tmp_path / "two", "lip.csv", "Video Path,Mean_Difference\nout/two/a.mp4,0.4\n")
    results = imported(one, two)
    assert results.clips == ["a"]
    assert [row(results, "theval_lip_sync", model).n for model in ("one", "two")] == [1, 1]


def test_a_model_without_numbers_keeps_its_row(tmp_path: Path) -> None:
    results = imported(write(tmp_path, "raw.csv", "Model,Lip sync\nours,nan\nGT,0.2\n"))
    found = row(results, "theval_lip_sync", "ours")
    assert (found.value, found.value_reason, found.note) == (None, "not_given", "THEval gave no number")


def test_a_metric_of_a_model_is_not_replaced(tmp_path: Path) -> None:
    files = [write(tmp_path / "ours", "lip.csv", LIP), write(tmp_path, "raw.csv", TABLE)]
    with pytest.raises(UserError, match="in a file of its own and in a collected table"):
        read_theval(files, None)
