"""`metrics selftest`: the matrix, the gate, folders of videos, and what is kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from liveact_eval.errors import NewerFileError, UserError
from liveact_eval.selftest.schema import json_schema, read_selftest
from tests.cli.helpers import ROOT, Answer, call, fresh, make_clip, refused, units

FEW = ("--levels", "4", "--workers", "1", "--set", "statistics.resamples=200")
UPSIDE_DOWN = '''
"""Sharpness with the wrong sign."""

from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics.base import ClipScore, Metric, Output
from liveact_eval.metrics.registry import register


@register
class UpsideDown(Metric):
    """The more detail, the less."""

    name = "upside_down"
    outputs = (Output(name="sharpness", title="Upside down", direction="up"),)
    needs = {"frames": FrameNeed(colour="luma")}
    recipe = "upside-down@1"
    summary = "Wrong."
    source = "nowhere"

    def features(self, need, batch):
        """Detail of each frame."""
        return -batch.windows[:, 0].diff(dim=1).abs().flatten(1).mean(dim=1)

    def score(self, rows, clip):
        """Its mean."""
        return ClipScore(values={"sharpness": float(rows["frames"].mean())})
'''


def selftest(*arguments: str | Path) -> Answer:
    return call("metrics", "selftest", *FEW, *arguments)


def cell(content: dict[str, Any], output: str, distortion: str) -> dict[str, Any]:
    (found,) = [c for c in content["cells"] if (c["output"], c["distortion"]) == (output, distortion)]
    assert isinstance(found, dict)
    return found


@pytest.fixture(scope="module")
def done(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Answer, Path]:
    """A self-test over two drawn clips; not to be changed."""
    out = tmp_path_factory.mktemp("selftest") / "done"
    answer = selftest(
        *("--on", tiny, "--limit", "2", "--metrics", "psnr,temporal_flickering,av_offset,csim"),
        *("--distortions", "noise,freeze,audio_early", "--out", out),
    )
    assert answer.code == 0, answer.err
    return answer, out


def test_matrix_and_files(done: tuple[Answer, Path]) -> None:
    answer, out = done
    assert "PSNR ↑" in answer.out and "✓" in answer.out and "✗" not in answer.out.split("\n↑ ↓")[0]
    assert "liveact-eval metrics fetch csim" in answer.out
    content = json.loads((out / "selftest.json").read_text(encoding="utf-8"))
    assert content["passed"] and content["checked"] == 10 and content["broken"] == []
    noise = cell(content, "psnr_db", "noise")
    assert (noise["verdict"], noise["trend"], noise["expected"], noise["met"]) == (
        "monotone",
        "down",
        "down",
        True,
    )
    assert noise["rank_correlation"] == pytest.approx(-1) and (noise["n"], noise["n_total"]) == (2, 2)
    assert [level["strength"] for level in noise["levels"]] == [0, 2, 5.04, 12.7, 32]
    assert all(level["n"] == 2 for level in noise["levels"])
    still = cell(content, "temporal_flickering", "audio_early")
    assert (still["verdict"], still["expected"], still["met"]) == ("flat", "still", True)
    assert cell(content, "temporal_flickering", "freeze")["trend"] == "up"
    assert [lacking["metric"] for lacking in content["unavailable"]] == ["csim"]
    assert "metrics fetch iresnet50" in content["unavailable"][0]["reason"]
    assert (out / "selftest.md").read_text(encoding="utf-8").startswith("# Self-test of metrics\n\n**all 10")
    for picture in ("selftest.png", "selftest-curves.png"):
        assert (out / picture).read_bytes().startswith(b"\x89PNG")


def test_published_schema(done: tuple[Answer, Path]) -> None:
    published = json.loads((ROOT / "docs" / "schema" / "selftest-1.json").read_text(encoding="utf-8"))
    assert published == json_schema()
    jsonschema.validate(json.loads((done[1] / "selftest.json").read_text(encoding="utf-8")), published)


def test_reading_it_again(done: tuple[Answer, Path], tmp_path: Path) -> None:
    path = tmp_path / "selftest.json"
    assert read_selftest(done[1] / "selftest.json").passed
    with pytest.raises(UserError, match="No self-test at"):
        read_selftest(path)
    path.write_text('{"schema_version": 2}', encoding="utf-8")
    with pytest.raises(NewerFileError, match="schema version 2; this version understands at most 1"):
        read_selftest(path)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match="not valid JSON"):
        read_selftest(path)


def test_wrong_way_fails_the_gate_and_nothing_is_done_twice(tiny: Path, tmp_path: Path) -> None:
    metric, out = tmp_path / "upside down.py", tmp_path / "out"
    metric.write_text(UPSIDE_DOWN, encoding="utf-8")
    asked = (
        "--on",
        tiny,
        "--limit",
        "2",
        "--metrics",
        metric,
        "--distortions",
        "blur",
        "--out",
        out,
        "--json",
    )
    answer = selftest(*asked)
    assert answer.code == 1, answer.err
    content = answer.json
    assert not content["passed"]
    assert (cell(content, "sharpness", "blur")["verdict"], content["outputs"][0]["seeded"]) == (
        "wrong way",
        False,
    )
    assert (
        "Upside down (sharpness) under blur must fall, but it goes the wrong way: -" in content["broken"][0]
    )
    before = units(out)
    assert selftest(*asked).code == 1
    assert fresh(before, units(out)) == []
    again = selftest(*asked[:-1])
    assert again.code == 1 and "not met: Upside down" in again.out


def test_seeded_networks_are_shown_and_do_not_count(tiny: Path, tmp_path: Path) -> None:
    answer = selftest(
        *("--on", tiny, "--limit", "2", "--metrics", "lpips", "--distortions", "audio_late,noise"),
        *("--set", "networks.mode=seeded", "--set", "protocol.clip_seconds=0.16", "--out", tmp_path / "out"),
        "--json",
    )
    assert answer.code == 0, answer.err
    assert {output["seeded"] for output in answer.json["outputs"]} == {True}
    assert answer.json["checked"] == 0
    assert cell(answer.json, "lpips", "noise")["rank_correlation"] is not None


def test_folder_with_odd_names_and_a_bad_video(clips: Callable[[Path], Path], tmp_path: Path) -> None:
    folder = clips(tmp_path / "my videos")
    (folder / "a.mp4").rename(folder / "ä |'\"$x$ \n.mp4")
    (folder / "b.mp4").write_bytes(b"no video")
    (folder / "sub").mkdir()
    make_clip(folder / "sub" / "-d.mp4", speaker=4)
    out = tmp_path / "out"
    answer = selftest(
        *("--on", folder, "--metrics", "psnr", "--distortions", "noise,identity_swap", "--out", out, "--json")
    )
    assert answer.code == 3, answer.err
    content = answer.json
    noise = cell(content, "psnr_db", "noise")
    assert (noise["n"], noise["n_total"], noise["met"]) == (3, 4, True)
    assert all(level["failures"] == {"unreadable": 1} for level in noise["levels"])
    assert {failure["clip"] for failure in content["failed"] if failure["model"] == "noise-1"} == {"b"}
    # The clip before the bad one in the list is shown with the one after it only where that can be read.
    assert cell(content, "psnr_db", "identity_swap")["met"]
    assert (out / "selftest.png").is_file()


def test_refusals(tiny: Path, tmp_path: Path) -> None:
    out = ("--out", tmp_path / "out")
    refused(selftest("--distortions", "blurr", *out), "Unknown distortion 'blurr'", "Did you mean 'blur'")
    refused(selftest("--metrics", "psnrr", *out), "Unknown metric 'psnrr'")
    refused(selftest("--metrics", "csim", *out), "None of the metrics", "metrics fetch iresnet50")
    refused(selftest("--set", "models=still", *out), "takes no `models`")
    refused(call("metrics", "selftest", "--levels", "2", *out), "--levels is 2; expected 4 to 9")
    refused(selftest("--on", tmp_path / "nowhere", *out), "nowhere")
    assert not (tmp_path / "out").exists()


def test_help_has_examples() -> None:
    answer = call("metrics", "selftest", "--help")
    assert answer.code == 0
    assert "liveact-eval metrics selftest --on path/to/videos" in " ".join(
        answer.out.split("Examples", 1)[1].split()
    )
