"""What `metrics list` and `metrics fetch` say of networks, and how wide the list is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from liveact_eval.cli import console
from tests.cli.helpers import call, refused


@pytest.fixture(scope="module")
def rows() -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in call("metrics", "list", "--json").json}


def test_metrics_of_faces_name_the_detector(rows: dict[str, dict[str, Any]]) -> None:
    for name in (
        "csim",
        "blink",
        "lmd",
        "sync",
        "fid_face",
        "fvd_face",
        "adj_lpips",
        "delta_e_face",
        "face_coverage",
    ):
        assert rows[name]["networks_unless_drawn"] == ["yunet"], name
        assert rows[name]["licence"]["yunet"] == "MIT"
    # A metric about the known script of drawn clips never searches.
    assert rows["av_offset"]["networks_unless_drawn"] == rows["psnr"]["networks_unless_drawn"] == []
    shown = call("metrics", "show", "human_identity", "--json").json
    assert [network["name"] for network in shown["networks_unless_drawn"]] == ["yunet"]


def test_what_is_needed_is_listed(rows: dict[str, dict[str, Any]]) -> None:
    needs = {name: row["needs"] for name, row in rows.items()}
    assert needs["fid"] == needs["fvd"] == needs["psnr"] == ["reference"]
    assert needs["human_clothes"] == ["answerer"]
    assert needs["csim"] == ["portrait", "face"]
    assert rows["human_clothes"]["by_name_only"] and not rows["csim"]["by_name_only"]


def test_fetching_a_metric_of_faces_brings_the_detector(tmp_path: Path) -> None:
    answer = call("metrics", "fetch", "csim", "--offline", "--dir", tmp_path)
    refused(answer, "2 of 2 networks lack files", "iresnet50:", "yunet:", "Fetch them with:")
    assert "Move wrong files away" not in answer.err


@pytest.mark.parametrize("columns", [100, 120, 160])
def test_the_list_keeps_to_the_columns_there_are(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "_PIPE_WIDTH", columns)
    answer = call("metrics", "list")
    lines = answer.out.splitlines()
    assert max(map(len, lines)) <= columns
    assert ("recipe" in lines[0]) == ("licence" in lines[0]) == (columns >= 160)
    if columns == 120:
        assert len(lines) < 2.5 * sum(not line.startswith(" ") for line in lines)


def test_wide_shows_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "_PIPE_WIDTH", 400)
    text = call("metrics", "list", "--wide").out
    for part in (
        "psnr_db ↑ 0..100 dB",
        "psnr-rgb-framewise-cap100@1",
        "iresnet50, yunet*",
        "not stated for the weights",
    ):
        assert part in text


def test_names_are_found_whatever_their_case() -> None:
    refused(call("metrics", "show", "SSIM"), "Unknown metric 'SSIM'. Did you mean 'ssim'?")
