"""`liveact-eval bench` on a CPU, with real networks at toy size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from liveact_eval.efficiency.schema import Efficiency
from tests.cli.helpers import call, refused, results
from tests.helpers import moving_square, tone, write_av

QUICK = ("--device", "cpu", "--size", "16x16", "--repeats", "2")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Efficiency:
    """A benchmark of liveact-tiny, as its file says."""
    out = tmp_path_factory.mktemp("bench") / "tiny"
    answer = call("bench", "--model", "liveact-tiny", *QUICK, "--seconds", "5.8", "--out", out)
    assert answer.code == 0, answer.err
    for title in ("FPS, with VAE and host copy", "block latency p95", "vae", "median of 2 repeats"):
        assert title in answer.out
    assert "2 repeats: fewer than 5" in answer.out
    return Efficiency.model_validate_json((out / "efficiency.json").read_text(encoding="utf-8"))


def value(result: Efficiency, name: str) -> float:
    (figure,) = [figure for figure in result.cases[0].figures if figure.name == name]
    assert figure.value is not None, figure.reason
    return figure.value


def shares(result: Efficiency) -> dict[str, float]:
    return {stage.name: stage.share for stage in result.cases[0].stages if not stage.beside}


def test_stages_sum_to_the_total(tiny: Efficiency) -> None:
    """Stages are timed inside the model, the total around it: they meet within 2 per cent."""
    found = shares(tiny)
    assert {"sound", "speech", "step_0", "step_1", "step_2", "memory", "vae", "host"} <= set(found)
    assert sum(found.values()) == pytest.approx(1.0)
    assert abs(found["unclaimed"]) < 0.02
    assert found["other"] < 0.02
    assert found["vae"] == max(found.values())


def test_every_block_is_in_the_file(tiny: Efficiency) -> None:
    (case,) = tiny.cases
    by_repeat = {n: [b for b in case.blocks if b.repeat == n] for n in range(3)}
    assert [len(blocks) for blocks in by_repeat.values()] == [3, 4, 4]
    for repeat in (1, 2):
        assert [b.frames for b in by_repeat[repeat]] == [21, 32, 32, 32]
        assert [b.steady for b in by_repeat[repeat]] == [False, False, True, True]
    first = by_repeat[1][0].stages_ms
    assert {"reference", "image", "text"} <= set(first)
    assert not {"reference", "image", "text"} & set(by_repeat[1][2].stages_ms)
    assert all(b.compute_ms >= sum(b.stages_ms.values()) * 0.98 for b in case.blocks)


def test_counts_meet_what_was_measured(tiny: Efficiency) -> None:
    assert value(tiny, "nfe") == 3
    assert value(tiny, "kv_counted_mib") == value(tiny, "kv_measured_mib") > 0
    assert value(tiny, "tflop_per_frame") > 0
    assert tiny.cases[0].operations_tflop is not None
    assert (
        value(tiny, "fps_without_vae") > value(tiny, "fps_without_host_copy") >= value(tiny, "fps_sustained")
    )
    assert value(tiny, "fps_with_encoding") < value(tiny, "fps_sustained")
    assert value(tiny, "real_time_factor") == pytest.approx(20 / value(tiny, "fps_sustained"), rel=0.2)


def test_a_block_waits_for_the_sound_that_it_looks_at(tiny: Efficiency) -> None:
    """The first block looks at the windows of 53 frames, later ones at 32 more each; two frames more are encoded."""
    heard = [block.heard_s for block in tiny.cases[0].blocks if block.repeat == 1]
    for seconds, frames in zip(heard, (55, 55, 87, 119), strict=True):
        assert frames / 20 <= seconds <= frames / 20 + 0.15
    assert value(tiny, "look_ahead_ms") == pytest.approx(100, abs=110)


def test_machine_and_warm_up_are_recorded(tiny: Efficiency) -> None:
    assert (tiny.device, tiny.precision, tiny.cases[0].ran["speech"]) == ("cpu", "float32", "windowed")
    assert len(tiny.fingerprint) == 12
    assert tiny.provenance["machine"]["cores"] >= 1
    assert tiny.gpu_reason == "the device is no GPU"
    warm = tiny.cases[0].warm_up
    assert warm.ttff_cold_ms is not None and warm.ttff_cold_ms > 0
    assert warm.graphs_compiled == warm.graphs_compiled_later == 0


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """A folder of two real clips of 16x16, four blocks and a bit long."""
    folder = tmp_path / "clips"
    folder.mkdir()
    for name in ("one", "two"):
        write_av(folder / f"{name}.mp4", moving_square(120, (16, 16)), sound=tone(4.8), sound_codec="aac")
    return folder


def test_timed_frames_are_scored(tmp_path: Path, clips: Path) -> None:
    out = tmp_path / "mini"
    answer = call(
        "bench",
        "--model",
        "liveact-mini",
        *QUICK,
        "--dataset",
        clips,
        "--metrics",
        "psnr",
        "--out",
        out,
        "--json",
    )
    assert answer.code == 0, answer.err
    told: dict[str, Any] = answer.json
    assert told == json.loads((out / "efficiency.json").read_text(encoding="utf-8"))
    result = Efficiency.model_validate(told)
    assert abs(shares(result)["unclaimed"]) < 0.02
    assert result.quality == "quality"
    assert {path.stem for path in (out / "videos").iterdir()} == {"one", "two"}
    scored = results(out / "quality")
    rows = {row["model"]: row for row in scored["rows"] if row["metric"] == "psnr_db"}
    assert rows["liveact-mini"]["n"] == 2
    assert rows["liveact-mini"]["value"] < rows["real"]["value"] if rows["real"]["value"] else True


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--model", "blur"), "kind control"),
        (("--model", "liveact-tiny", "--seconds", "1", "--device", "cpu"), "Give --seconds"),
        (
            ("--model", "liveact-tiny", "--device", "meta", "--blocks", "8+4"),
            "--blocks, --out would change nothing",
        ),
        (("--model", "liveact-tiny", "--device", "cpu", "--metrics", "psnr"), "Give --dataset"),
        (("--model", "liveact-tiny", "--device", "cpu", "--run", "nowhere"), "No run at 'nowhere'"),
    ],
)
def test_refused(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    refused(call("bench", *words, "--out", tmp_path / "out"), said)
    assert not (tmp_path / "out").exists()


def test_operations_are_of_one_size() -> None:
    words = ("--model", "liveact-tiny", "--device", "meta", "--size", "16x16", "--size", "32x32")
    refused(call("bench", *words), "one --size")


def test_operations_without_a_device() -> None:
    answer = call("bench", "--model", "liveact-tiny", "--size", "32x32", "--device", "meta", "--json")
    assert answer.code == 0, answer.err
    assert "feed-forward" in answer.out
