"""VBench's result files as results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from liveact_eval.errors import UserError
from liveact_eval.importing import reading
from liveact_eval.importing.given import NO_CLIP_VALUES, clip_ids, results_of
from liveact_eval.importing.vbench import read_vbench
from liveact_eval.measure.intervals import StatisticsConfig
from liveact_eval.results.checks import problems
from liveact_eval.results.schema import ResultRow, Results

CONTENT = {
    "temporal_flickering": [
        0.97,
        [
            {"video_path": "out/a.mp4", "video_results": 0.96},
            {"video_path": "out/b.mp4", "video_results": 0.98},
        ],
    ],
    "imaging_quality": [
        0.6,
        [
            {"video_path": "out/a.mp4", "video_results": 50.0},
            {"video_path": "out/b.mp4", "video_results": 70.0},
        ],
    ],
    "dynamic_degree": [
        0.5,
        [
            {"video_path": "out/a.mp4", "video_results": True},
            {"video_path": "out/b.mp4", "video_results": False},
        ],
    ],
    "subject_consistency": [0.95, [{"video_path": "out/a.mp4", "video_results": 0.93}]],
    "object_class": [0.4, []],
}


def write(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def imported(*files: Path, name: str | None = None) -> Results:
    results = results_of(read_vbench(list(files), name), StatisticsConfig(resamples=100))
    assert problems(results) == []
    return results


def row(results: Results, metric: str, model: str = "theirs") -> ResultRow:
    (found,) = [row for row in results.rows if (row.metric, row.model) == (metric, model)]
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "theirs_eval_results.json", CONTENT)


def test_values_per_video_bring_n_and_an_interval(file: Path) -> None:
    results = imported(file)
    found = row(results, "temporal_flickering")
    assert found.value == pytest.approx(0.97)
    assert (found.n, found.n_total) == (2, 2)
    assert found.ci_low == pytest.approx(0.96)
    assert found.ci_high == pytest.approx(0.98)
    assert found.recipe == "imported-vbench@1"
    assert found.protocol.startswith("imported-vbench@1:")
    assert found.note is None
    assert results.clips == ["a", "b"]
    assert [model.kind for model in results.models] == ["imported"]
    assert results.provenance["imported"]["kind"] == "VBench"


def test_percent_and_truth_values_become_shares(file: Path) -> None:
    results = imported(file)
    assert row(results, "imaging_quality").value == pytest.approx(0.6)
    assert row(results, "dynamic_degree").value == pytest.approx(0.5)
    values = {v.clip: v.value for v in results.clip_values if v.metric == "imaging_quality"}
    assert values == {"a": pytest.approx(0.5), "b": pytest.approx(0.7)}


def test_a_total_that_is_another_mean_is_said(file: Path) -> None:
    found = row(imported(file), "subject_consistency")
    assert found.value == pytest.approx(0.93)
    assert found.note == "the total that was given is 0.95, the mean over its videos is shown"
    assert found.failures == {"not_given": 1}
    assert (found.ci_low, found.ci_high) == (None, None)


def test_a_total_alone_has_no_interval(file: Path) -> None:
    found = row(imported(file), "object_class")
    assert (found.value, found.n, found.ci_low) == (0.4, 0, None)
    assert found.note == NO_CLIP_VALUES
    alone = imported(write(file.with_name("alone.json"), {"object_class": 0.4}))
    assert (alone.clips, alone.rows[0].value, alone.rows[0].n) == ([], 0.4, 0)


def test_two_models_of_the_same_clips(file: Path) -> None:
    other = write(
        file.with_name("other_eval_results.json"),
        {"temporal_flickering": [0.9, [{"video_path": "x/b.mp4", "video_results": 0.9}]]},
    )
    results = imported(file, other)
    assert [model.name for model in results.models] == ["theirs", "other"]
    assert row(results, "temporal_flickering", "other").failures == {"not_given": 1}
    assert row(results, "object_class", "other").value_reason == "not_given"


def test_the_same_clips_give_the_same_protocol(file: Path, tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    again = write(tmp_path / "again" / "new_eval_results.json", CONTENT)
    assert imported(file).protocol == imported(again).protocol
    fewer = write(tmp_path / "fewer.json", {"subject_consistency": CONTENT["subject_consistency"]})
    assert imported(fewer).protocol != imported(file).protocol


def test_a_value_that_is_no_number_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "x_eval_results.json"
    path.write_text(
        '{"temporal_flickering": [NaN, [{"video_path": "a.mp4", "video_results": NaN},'
        ' {"video_path": "b.mp4", "video_results": 1}]]}',
        encoding="utf-8",
    )
    found = imported(path).rows[0]
    assert (found.value, found.n, found.failures) == (1.0, 1, {"not_finite": 1})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([], "expected the"),
        ({"a": "x"}, "dimension 'a'"),
        ({"a": []}, "dimension 'a'"),
        ({"a": [None]}, "no number"),
    ],
)
def test_other_files_are_refused(content: Any, said: str, tmp_path: Path) -> None:
    path = write(tmp_path / "x.json", content)
    with pytest.raises(UserError) as caught:
        read_vbench([path], None)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_names(file: Path, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    same = write(tmp_path / "b" / file.name, CONTENT)
    with pytest.raises(UserError, match="Two files would be the model 'theirs'"):
        read_vbench([file, same], None)
    with pytest.raises(UserError, match="--name 'x' names one model"):
        read_vbench([file, same], "x")
    assert imported(file, name="My Model").models[0].name.startswith("my_model")
    with pytest.raises(UserError, match="cannot be read"):
        read_vbench([tmp_path / "no.json"], None)


def test_clip_ids_are_short_and_unique() -> None:
    assert clip_ids(["x/a.mp4", "y/b.c.mp4"]) == {"x/a.mp4": "a", "y/b.c.mp4": "b.c"}
    assert clip_ids(["x/a.mp4", "y/a.mp4"]) == {"x/a.mp4": "x/a", "y/a.mp4": "y/a"}
    assert clip_ids(["a.mp4", "a.mov"]) == {"a.mp4": "a.mp4", "a.mov": "a.mov"}


def test_two_values_of_a_video_are_refused(tmp_path: Path) -> None:
    videos = [{"video_path": "a.mp4", "video_results": value} for value in (0.5, 0.5)]
    path = write(tmp_path / "x.json", {"motion_smoothness": [0.5, videos]})
    assert row(imported(path), "motion_smoothness", "x").n == 1
    videos[1]["video_results"] = 0.6
    write(path, {"motion_smoothness": [0.5, videos]})
    with pytest.raises(UserError, match=r"has two values for 'a\.mp4'"):
        read_vbench([path], None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1, "a": 2}', "'a' is there twice"),
        ('{"../../a\\n": 1}', "is no name of a dimension"),
        ("[" * 100_000, "not JSON"),
        ('{"a": ' + "9" * 400 + "}", "has no number"),
    ],
)
def test_hostile_files_are_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        read_vbench([path], None)
    assert said in str(caught.value)


def test_nothing_is_left_out_in_silence(tmp_path: Path) -> None:
    entries = [{"video_path": "a.mp4", "video_results": 0.5}, {"video_results": 0.9}, "b.mp4"]
    found = row(
        imported(write(tmp_path / "x.json", {"motion_smoothness": [0.5, entries]})), "motion_smoothness", "x"
    )
    assert (found.n, found.note) == (1, "2 entries of the file name no video and are left out")


def test_files_are_known_by_content_not_by_place(file: Path) -> None:
    (source,) = read_vbench([file], None).source["files"]
    assert (source["name"], len(source["sha256"])) == (file.name, 64)
    with pytest.raises(UserError, match="Two files would be the model"):
        read_vbench([file, file], None)


def test_what_is_no_small_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="Give files, not folders"):
        read_vbench([tmp_path], None)
    monkeypatch.setattr(reading, "LARGEST_BYTES", 1)
    with pytest.raises(UserError, match="expected 0 MiB at most"):
        read_vbench([write(tmp_path / "x.json", CONTENT)], None)
