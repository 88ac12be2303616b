from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from liveact_eval.errors import UserError
from liveact_eval.files import sha256_of
from liveact_eval.training import packing
from liveact_eval.training.kit import Kit
from liveact_eval.training.logs import TrainingLog
from liveact_eval.training.packing import GROUPS, pack
from liveact_eval.training.recipe import load_recipe

MADE = {
    "mini-frame": ("frame",),
    "mini-syncnet": ("syncnet",),
    "mini-clip": ("clip",),
    "mini-speech": ("speech",),
    "mini-vae": ("vae",),
    "mini-vae-long": ("vae",),
    "mini-neighbor": ("dit", "text", "image"),
}


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    torch.manual_seed(0)
    made = Kit(tmp_path / "kit")
    for name, roles in MADE.items():
        recipe = load_recipe(name)
        log = TrainingLog(made.run_folder(recipe))
        if name == "mini-neighbor":
            log.note(0, "start", {"device": "cuda:0 (NVIDIA H200)", "processes": 1})
            log.note(50, "start", {"device": "cpu", "processes": 1})
        log.write(50, "train", {"loss": 2.0})
        log.write(recipe.steps, "train", {"loss": 0.25, "samples_per_s": 3.0, "peak_vram_gib": 1.0})
        made.keep(recipe, {role: nn.Linear(3, 3) for role in roles}, {"good": 0.5})
    return made


def test_a_kit_is_packed_with_a_card_that_tells_how(kit: Kit, tmp_path: Path) -> None:
    files = pack(kit, tmp_path / "packed")
    assert [file.role for file in files] == [role for roles in GROUPS.values() for role in roles]
    for file in files:
        assert sha256_of(tmp_path / "packed" / file.file) == file.sha256 == sha256_of(kit.weights(file.role))
    # The stage that made the file as it is, not the one before it.
    assert {file.recipe for file in files if file.role == "vae"} == {"mini-vae-long"}
    card = json.loads((tmp_path / "packed" / "card.json").read_text())
    assert [stage["recipe"] for stage in card["stages"]] == list(MADE)
    assert [stage["devices"] for stage in card["stages"]] == [["cpu"]] * 6 + [["cuda:0 (NVIDIA H200)", "cpu"]]
    assert card["stages"][0]["last"] == {"loss": 0.25} and card["stages"][0]["validation"] == {"good": 0.5}
    readme = (tmp_path / "packed" / "README.md").read_text()
    for said in (
        files[0].sha256,
        "liveact-eval train mini-neighbor --kit",
        "| cuda:0 (NVIDIA H200), cpu |",
        "no picture or voice of a\nperson",
    ):
        assert said in readme
    assert str(tmp_path) not in readme + json.dumps(card)


def test_what_cannot_be_made_again_is_not_packed(kit: Kit, tmp_path: Path) -> None:
    result = kit.root / "mini-speech" / "result.json"
    about = json.loads(result.read_text())
    result.write_text(json.dumps(about | {"recipe": about["recipe"] | {"steps": 7}}))
    with pytest.raises(UserError, match="made by another recipe than the 'mini-speech'"):
        pack(kit, tmp_path / "packed")
    result.write_text(json.dumps(about))
    kit.weights("clip").write_bytes(b"other")
    with pytest.raises(UserError, match=r"No stage in .* has made clip\.safetensors as it is"):
        pack(kit, tmp_path / "packed")
    kit.weights("clip").unlink()
    with pytest.raises(UserError, match=r"clip\.safetensors is missing"):
        pack(kit, tmp_path / "packed")
    assert not (tmp_path / "packed").exists()


def test_too_much_is_not_packed(kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "LARGEST_BYTES", 500)
    with pytest.raises(UserError, match="bytes together; expected 500 at most"):
        pack(kit, tmp_path / "packed")
