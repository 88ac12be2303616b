"""A run from the command to its files."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pytest

from liveact_eval.results.schema import Results, json_schema, read_results
from tests.cli.helpers import MODELS, QUICK, ROOT, call, numbers, process, results, row

FILES = {
    "run.json",
    "journal.sqlite",
    "results.json",
    "results.parquet",
    "curves.parquet",
    "tables/results.md",
    "tables/results.tex",
    "tables/results.csv",
    "tables/comparisons.md",
    "tables/comparisons.csv",
    "plots/metrics.png",
    "plots/curves.png",
}


def test_all_files_are_there(finished: Path) -> None:
    found = {str(path.relative_to(finished)) for path in finished.rglob("*") if path.is_file()}
    assert found >= FILES
    made = {name for name in found if name.startswith("videos/")}
    assert len(made) == 8, "four clips of two models; the real ones are not copied"
    hidden = {name for name in found - FILES - made if not name.startswith(".")}
    assert hidden == set()
    assert not any(".part" in name for name in found)


def test_published_schema_is_that_of_the_program(finished: Path) -> None:
    published = json.loads((ROOT / "docs" / "schema" / "results-1.json").read_text(encoding="utf-8"))
    assert published == json_schema()
    jsonschema.Draft202012Validator.check_schema(published)
    jsonschema.validate(results(finished), published)
    broken = results(finished)
    del broken["rows"][0]["n"]
    with pytest.raises(jsonschema.ValidationError, match="'n' is a required property"):
        jsonschema.validate(broken, published)


def test_every_number_has_its_n_interval_and_protocol(finished: Path) -> None:
    rows = results(finished)["rows"]
    assert {(r["model"], r["metric"]) for r in rows} == {
        (model, metric)
        for model in ("real", "still", "shift")
        for metric in ("psnr_db", "adjacent_ssim", "adjacent_mae")
    }
    for r in rows:
        assert (r["n"], r["n_total"], r["n_speakers"], r["tier"]) == (4, 4, 3, "mini")
        assert re.fullmatch(r"tiny@1:[0-9a-f]{8}", r["protocol"])
        assert r["ci_low"] <= r["value"] <= r["ci_high"]
        assert re.search(r"@\d+$", r["recipe"])


def test_numbers_are_those_of_the_controls(finished: Path) -> None:
    assert row(finished, "real", "psnr_db")["value"] == 100
    assert row(finished, "shift", "psnr_db")["value"] == 100
    assert 10 < row(finished, "still", "psnr_db")["value"] < 60
    assert row(finished, "still", "adjacent_mae")["value"] == pytest.approx(0, abs=0.05)
    assert row(finished, "real", "adjacent_mae")["value"] > 0.3
    verdicts = {
        (c["model"], c["other"]): c["verdict"]
        for c in results(finished)["comparisons"]
        if c["metric"] == "psnr_db"
    }
    assert verdicts == {
        ("real", "still"): "better",
        ("real", "shift"): "cannot tell",
        ("still", "shift"): "worse",
    }


def test_two_workers_give_the_same_numbers(finished: Path, tiny: Path, tmp_path: Path) -> None:
    answer = call("run", "--dataset", tiny, *MODELS, *QUICK, "--set", "workers=2", "--out", tmp_path / "two")
    assert answer.code == 0, answer.err
    assert numbers(tmp_path / "two") == numbers(finished)


def test_values_in_the_tables_are_those_in_the_json(finished: Path) -> None:
    expected = pd.DataFrame(results(finished)["rows"])
    table = pd.read_csv(finished / "tables" / "results.csv", float_precision="round_trip")
    assert list(table["metric"]) == list(expected["metric"])
    for column in ("value", "ci_low", "ci_high", "n", "n_total"):
        np.testing.assert_array_equal(table[column], expected[column].astype(float))
    assert set(table["protocol"]) == {results(finished)["protocol"]}
    text = (finished / "tables" / "results.md").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(re.split(r"(?<!\\)\|", line)) for line in lines} == {6}
    assert results(finished)["protocol"] in text
    verdicts = list(csv.DictReader(io.StringIO((finished / "tables" / "comparisons.csv").read_text("utf-8"))))
    assert len(verdicts) == len(results(finished)["comparisons"]) == 9


def test_data_frames(finished: Path) -> None:
    values = pd.read_parquet(finished / "results.parquet")
    wide = values.pivot_table(index="clip", columns=["metric", "model"], values="value")
    assert wide["psnr_db"]["still"].mean() == pytest.approx(row(finished, "still", "psnr_db")["value"])
    assert set(values["protocol"]) == {results(finished)["protocol"]}
    curves = pd.read_parquet(finished / "curves.parquet")
    assert set(curves["model"]) == {"real", "still", "shift"}
    psnr = curves[curves["curve"].str.startswith("psnr")]
    assert {len(points) for points in psnr["values"]} == {20}
    assert set(curves["fps"]) == {25.0}


def test_plots_are_pictures(finished: Path) -> None:
    from PIL import Image

    for name in ("metrics.png", "curves.png"):
        with Image.open(finished / "plots" / name) as picture:
            low, high = picture.convert("L").getextrema()
            assert picture.width > 300
        assert low != high


def test_run_json_says_what_was_run(finished: Path, tiny: Path) -> None:
    run = json.loads((finished / "run.json").read_text(encoding="utf-8"))
    assert run["run_version"] == 1
    assert run["source"] == str(tiny.resolve())
    assert run["protocol_id"] == results(finished)["protocol"]
    assert [clip["id"] for clip in run["clips"]] == results(finished)["clips"]
    assert run["config"]["statistics"]["resamples"] == 200
    provenance = run["provenance"]
    assert provenance["packages"]["torch"]
    assert provenance["seed"] == 0
    assert set(provenance) >= {"revision", "python", "decoder", "platform", "machine", "gpu", "command"}


def test_results_go_to_stdout_and_the_rest_to_stderr(run: Path, tiny: Path) -> None:
    words = ("run", "--dataset", tiny, *MODELS, *QUICK, "--out", run)
    answer = call(*words, "--json")
    assert Results.model_validate(answer.json) == read_results(run / "results.json")
    assert "4 clips of Tiny" in answer.err
    answer = call(*words)
    assert "PSNR [dB] ↑" in answer.out
    assert "tiny@1:" in answer.out
    assert str(run) not in answer.out
    assert str(run / "tables" / "results.md") in answer.err
    quiet = call(*words, "--quiet")
    assert (quiet.out, quiet.err) == (answer.out, "")


def test_narrow_terminals_cut_no_number(run: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("liveact_eval.cli.console._PIPE_WIDTH", 50)
    answer = call("run", "--dataset", tiny, *MODELS, *QUICK, "--out", run)
    assert "…" not in answer.out
    assert "±" in answer.out


def test_exit_code_of_a_process(tiny: Path, run: Path) -> None:
    """The path that a shell sees, without the harness of this test."""
    done = process("run", "--dataset", tiny, *MODELS, *QUICK, "--out", run, "--json")
    assert done.code == 0
    assert done.json["name"] == "finished"
    refused = process("run", "--dataset", "talker")
    assert (refused.code, refused.out) == (2, "")
    assert "Did you mean 'talkers'?" in refused.err


def test_finished_runs_need_no_torch(tiny: Path, run: Path) -> None:
    words = ["run", "--dataset", str(tiny), *MODELS, *QUICK, "--out", str(run), "-q"]
    program = (
        "import sys\nfrom liveact_eval.cli import main\n"
        f"for _ in range(2):\n    sys.argv = ['liveact-eval', *{words!r}]\n"
        "    before = set(sys.modules)\n"
        "    try:\n        main()\n    except SystemExit as left:\n        assert not left.code\n"
        "print(*sorted({'torch', 'matplotlib', 'pandas'} & (set(sys.modules) - before)))"
    )
    call(*words)
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert ended.stdout.splitlines()[-1] == ""
