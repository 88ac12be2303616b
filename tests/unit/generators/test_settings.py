"""What ran, as plain values, and what a model's videos are known by."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from liveact_eval.cards.load import list_cards
from liveact_eval.cards.protocol import Encoding
from liveact_eval.errors import UserError
from liveact_eval.execution.entrants import Entrant, entrants_of
from liveact_eval.generators.settings import settings_of
from liveact_eval.networks.catalogue import SHIPPED


def entrant(card: str | Path) -> Entrant:
    (found,) = entrants_of((str(card),), Encoding(), with_real=False)
    return found


def mini(folder: Path, more: str = "", weights: Path | None = None) -> Entrant:
    """`liveact-mini` from a card of the user's own."""
    folder.mkdir()
    if weights is not None:
        shutil.copytree(weights, folder / "own")
        more += "  folder: own\n"
    text = list_cards("models")["liveact-mini"].read_text(encoding="utf-8")
    (folder / "liveact-mini.yaml").write_text(text + more, encoding="utf-8")
    return entrant(folder / "liveact-mini.yaml")


def test_settings() -> None:
    found = settings_of(entrant("liveact-mini").generator)
    assert (found["config"], found["steps"], found["memory"]) == ("liveact-mini", 3, "convkv")
    assert str(found["weights"]).startswith("dit ")
    assert settings_of(entrant("shift").generator) == {"effect": "shift", "frames": 5}


def test_memory_and_weights_of_a_card(tmp_path: Path) -> None:
    shipped = entrant("liveact-mini")
    window = mini(tmp_path / "window", "  memory: window\n")
    assert settings_of(window.generator)["memory"] == "window"
    assert window.identity != shipped.identity
    copied = mini(tmp_path / "copied", weights=SHIPPED / "liveact-mini")
    # The same files in another place are the same model, whose videos are not made again.
    assert copied.identity == shipped.identity
    changed = tmp_path / "weights"
    shutil.copytree(SHIPPED / "liveact-mini", changed)
    with (changed / "vae.safetensors").open("r+b") as stream:
        stream.seek(-2, 2)
        stream.write(b"\x01\x02")
    assert mini(tmp_path / "changed", weights=changed).identity != shipped.identity


def test_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"No memory policy is named 'windo'.*Correct `native.memory`"):
        mini(tmp_path / "memory", "  memory: windo\n")
    with pytest.raises(UserError, match=r"dit\.safetensors.* missing in .*nowhere"):
        mini(tmp_path / "nowhere-card", "  folder: nowhere\n")
