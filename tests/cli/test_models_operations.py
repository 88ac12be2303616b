"""Published systems and operations on the command line: what is shown, and what is refused before anything else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from liveact_eval.cards.load import load_model
from liveact_eval.cli.bench_meta import print_operations, show_operations
from liveact_eval.efficiency.operations import DIT_PARTS, OperationCount
from tests.cli.helpers import call, refused

SYSTEMS = {
    "avatarforcing",
    "causal-forcing",
    "causvid",
    "infinitetalk",
    "live-avatar",
    "longlive",
    "omniavatar",
    "rolling-forcing",
    "self-forcing",
}


def test_list_says_what_cannot_be_run() -> None:
    rows = {row["name"]: row for row in call("models", "list", "--json").json}
    assert rows.keys() >= SYSTEMS
    knot = rows["knot-forcing"]
    assert (knot["kind"], knot["runs"]) == ("published", False)
    assert "Published figures only; it cannot be run here." in knot["summary"]
    for name in SYSTEMS:
        card = load_model(name)
        assert card.counting is not None
        assert card.repository
        assert card.paper


def test_show_prints_every_rule_and_what_went_in() -> None:
    answer = call("models", "show", "infinitetalk")
    assert answer.code == 0
    (line,) = [
        line for line in answer.out.splitlines() if line.startswith("four forwards, over all 81 frames  ")
    ]
    assert line.split()[-8:] == ["21504", "/", "21504", "81", "44.1", "44.9", "49.4", "50.2"]
    assert "Rule A: dense layers and self-attention." in answer.out
    assert (
        "From: width 5120, feed-forward 13824, 40 layers, one token per 16x16 pixels, 769 context"
        in answer.out
    )
    assert "32 audio tokens in 40 layers" in answer.out


def test_show_as_json_has_the_figures_and_the_counts() -> None:
    shown = call("models", "show", "liveact", "--json").json
    first = shown["operations"][0]
    assert first["tflop_per_frame"] == pytest.approx({"A": 27.4, "B": 28.2, "C": 30.3}, rel=0.01)
    assert (first["forwards"], first["frames"], first["tokens"]) == (3, 32, [[8192, 14336]])
    assert first["published_tflop_per_frame"] == 27.2
    assert shown["counting"]["width"] == 5120
    assert call("models", "show", "blur", "--json").json["operations"] == []


def test_a_published_system_is_refused_before_anything_else(tmp_path: Path) -> None:
    out = tmp_path / "run"
    shown = call("models", "show", "knot-forcing").out
    assert shown.startswith("Knot Forcing: published figures only; cannot be run here.\n")
    says = ("Knot Forcing (knot-forcing) cannot be run", "published figures only", "models show knot-forcing")
    words = ("--model", "knot-forcing", "--out", out)
    refused(call("run", *words), *says, "its authors publish no program")
    assert not out.exists()
    nothing = tmp_path / "none"
    # Nothing else of the request is looked at: neither file exists.
    inputs = ("--image", nothing, "--audio", nothing, "--out", tmp_path / "a.mp4")
    refused(call("generate", "--model", "knot-forcing", *inputs), *says)


def test_operations_on_the_meta_device(capsys: pytest.CaptureFixture[str]) -> None:
    print_operations(load_model("liveact-mini"), (32, 32), as_json=True)
    content = json.loads(capsys.readouterr().out)
    assert (content["model"], content["size"], content["nfe"]) == ("liveact-mini", [32, 32], 3)
    parts = content["tflop_per_frame"]
    outside = parts["VAE decode"] + parts["speech encoder"]
    assert content["total_tflop_per_frame"] == pytest.approx(content["dit_tflop_per_frame"] + outside)
    once = content["dit_tflop_per_frame"] - parts["context keys and values"]
    assert content["dit_context_once_tflop_per_frame"] == pytest.approx(once)
    assert set(content["tflop_per_video"]) == {"text encoder", "image encoder", "VAE encode"}


def test_operations_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    parts = dict.fromkeys(DIT_PARTS, 0.0) | {
        "feed-forward": 640.0,
        "context keys and values": 32.0,
        "audio": 0.32,
    }
    counted = OperationCount(
        components=parts | {"VAE decode": 96.0, "speech encoder": 0.016},
        frames_per_block=32,
        nfe=3.0,
        rule="as it was counted",
        once={"VAE encode": 70.3},
    )
    show_operations(load_model("liveact"), (512, 512), counted, as_json=False)
    text = capsys.readouterr().out
    assert text.startswith("LiveAct, 512x512, one steady block: 3 model calls, 32 frames\n")
    lines = {tuple(line.split()) for line in text.splitlines()}
    assert ("feed-forward", "640.00", "20.00") in lines
    assert ("audio", "0.32", "0.01") in lines
    assert ("DiT", "672.32", "21.01") in lines
    assert ("DiT,", "context", "once", "per", "prompt", "(as", "here)", "640.32", "20.01") in lines
    assert ("VAE", "decode", "96.00", "3.00") in lines
    assert ("speech", "encoder", "0.016", "0.0005") in lines
    assert ("total", "768.34", "24.01") in lines
    assert "Once per video, in TFLOP: VAE encode 70.30." in text
    assert "Rule: as it was counted." in text
