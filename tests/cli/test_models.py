"""`models show` and `models fetch`: what they say, and how they end."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.main import get_command

from liveact_eval.cli.app import app
from tests.cli.helpers import call, refused
from tests.unit.weights.conftest import BIG, PIN, card_path, hub
from tests.unit.weights.fake_hub import FakeHub

__all__ = ["card_path", "hub"]  # fixtures


def test_show_says_what_is_missing() -> None:
    answer = call("models", "show", "liveact")
    assert answer.code == 0
    assert "licence: 'none stated by the authors: ask them" in answer.out
    assert "weights: 0 of 10 files, 0.00 of 15.87 GiB and files of unknown size, in " in answer.out
    lines = {tuple(line.split()[:2]): line for line in answer.out.splitlines() if "missing" in line}
    assert "0.47  missing  " in lines["vae", "Wan2.1_VAE.pth"]
    assert "?  missing  " in lines["dit", "diffusion_pytorch_model*.safetensors"]
    assert len(lines) == 11


def test_show_as_json(tmp_path: Path) -> None:
    shown = call("models", "show", "liveact", "--dir", tmp_path, "--json").json
    assert shown["weights_dir"] == str(tmp_path)
    assert len(shown["files"]) == len(shown["weights"]) == 11
    vae = next(row for row in shown["files"] if row["role"] == "vae")
    assert vae | {"path": ""} == {
        "role": "vae",
        "file": "Wan2.1_VAE.pth",
        "state": "missing",
        "optional": False,
        "bytes": None,
        "expected_bytes": 507609880,
        "sha256": "38071ab59bd94681c686fa51d75a1968f64e470262043be31f7a094e442fd981",
        "hub": "Wan-AI/Wan2.1-I2V-14B-480P",
        "revision": "6b73f84e66371cdfe870c72acd6826e1d61cf279",
        "path": "",
    }


def test_fetch_show_and_check(hub: FakeHub, card_path: Path, tmp_path: Path) -> None:
    words = ("models", "fetch", card_path, "--dir", tmp_path / "w")
    answer = call(*words, "--mirror", hub.url)
    assert answer.code == 0, answer.err
    assert answer.out == f"5 of 5 files, 0.00 of 0.00 GiB, in {tmp_path / 'w'}\n"
    assert "licence of Tiny: none stated by the authors" in answer.err
    assert f"fetching {BIG}: 0.00 of 0.00 GiB" in answer.err
    requests = len(hub.requests)
    assert call(*words, "--offline").code == 0
    assert len(hub.requests) == requests
    shown = call("models", "show", card_path, "--dir", tmp_path / "w")
    assert shown.out.count(" present ") == 5
    assert shown.out.count(" missing, optional ") == 1


def test_states_that_need_something(hub: FakeHub, card_path: Path, tmp_path: Path) -> None:
    home = tmp_path / "w" / "wan" / "base" / PIN
    home.mkdir(parents=True)
    words = ("models", "show", card_path, "--dir", tmp_path / "w")
    (home / BIG).write_bytes(b"short")
    assert "wrong size: 5 bytes, expected 100000" in call(*words).out
    (home / BIG).write_bytes(hub.repositories["wan/base"][BIG].content)
    assert "not yet checked" in call(*words).out
    (home / BIG).rename(home / f".{BIG}.0123.part")
    assert "missing, 0.00 GiB of it fetched" in call(*words).out


def test_fetch_refuses(hub: FakeHub, card_path: Path, tmp_path: Path) -> None:
    words = ("models", "fetch", card_path, "--dir", tmp_path / "w")
    refused(
        call(*words, "--offline"),
        "4 weight files are missing in",
        "missing: vae.pth (hub wan/base)",
    )
    refused(call(*words, "--offline", "--mirror", hub.url), "Leave one of them out")
    refused(call(*words, "--only", "wat"), "--only 'wat' means none of the parts (dit, vae, speech)")
    refused(call("models", "fetch", "noise"), "Noise 12 (noise) has no weight files")
    refused(call("models", "fetch", "liveakt"), "Did you mean 'liveact'?")


def test_a_full_disk_ends_with_its_own_code(
    hub: FakeHub, card_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 5

    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage)
    answer = call("models", "fetch", card_path, "--dir", tmp_path, "--mirror", hub.url, "--quiet")
    assert answer.code == 4
    assert "GiB are needed" in answer.err
    assert "licence" not in answer.err


def test_options_stay_few() -> None:
    group = get_command(app).commands["models"]  # type: ignore[attr-defined]
    assert {name: len(command.params) for name, command in group.commands.items()} == {
        "list": 1,
        "show": 3,
        "fetch": 6,
    }


def test_fetch_help_shows_examples() -> None:
    answer = call("models", "fetch", "--help")
    assert answer.code == 0
    assert "liveact-eval models fetch liveact --only vae" in " ".join(
        answer.out.split("Examples", 1)[1].split()
    )
