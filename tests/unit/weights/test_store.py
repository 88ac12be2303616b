"""Where weight files are looked for, and what is said of those that are not there."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from liveact_eval.cards.load import load_model, parse_typed
from liveact_eval.cards.model import ModelCard, WeightFile
from liveact_eval.errors import UserError
from liveact_eval.weights.fetch import chosen, verify
from liveact_eval.weights.records import write_record
from liveact_eval.weights.store import inventory, locate, matches, role_paths, weights_root
from tests.unit.weights.conftest import BIG, CONFIG, PIN, SHARDS, Heard
from tests.unit.weights.fake_hub import FakeHub

FILES = {"lab/Tiny": SHARDS, "wan/base": (BIG,), "lab/speech": ("pytorch_model.bin", CONFIG)}


def write(hub: FakeHub, home: Path, repository: str) -> None:
    for name in FILES[repository]:
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(hub.repositories[repository][name].content)


def states(card: ModelCard, root: Path) -> dict[str, str]:
    return {f.file: f.state for f in inventory(card, root) if not f.entry.optional}


def fetched(hub: FakeHub, root: Path) -> None:
    write(hub, root / "lab" / "Tiny" / "main", "lab/Tiny")
    write(hub, root / "wan" / "base" / PIN, "wan/base")
    write(hub, root / "lab" / "speech" / "main", "lab/speech")


def by_owner(hub: FakeHub, root: Path) -> None:
    for repository in FILES:
        write(hub, root / repository, repository)


def official(hub: FakeHub, root: Path) -> None:
    """One folder for all but the speech encoder, which lies beside it; both have a config.json."""
    write(hub, root / "release", "lab/Tiny")
    write(hub, root / "release", "wan/base")
    (root / "release" / CONFIG).write_text("{}")
    write(hub, root / "speech", "lab/speech")


def other_names(hub: FakeHub, root: Path) -> None:
    official(hub, root)
    (root / "speech").rename(root / "wav [x]")


@pytest.mark.parametrize("layout", [fetched, by_owner, official, other_names])
def test_layouts(
    layout: Callable[[FakeHub, Path], None], hub: FakeHub, card: ModelCard, tmp_path: Path
) -> None:
    layout(hub, tmp_path)
    assert set(states(card, tmp_path).values()) == {"not yet checked"}
    paths = role_paths(card, tmp_path)
    assert paths.keys() == {"dit", "vae", "speech"}
    assert sorted(path.name for path in paths["dit"].glob("dit*.safetensors")) == list(SHARDS)
    assert paths["vae"].read_bytes() == hub.repositories["wan/base"][BIG].content
    assert (paths["speech"] / CONFIG).read_text() == '{"a": 1}'
    found = locate(card, tmp_path)
    assert found[card.weights[0]] == paths["dit"]
    assert found[card.weights[1]] is None
    assert found[card.weights[2]] == paths["vae"]


def test_one_shard_is_a_file(hub: FakeHub, card: ModelCard, tmp_path: Path) -> None:
    fetched(hub, tmp_path)
    home = tmp_path / "lab" / "Tiny" / "main"
    for name in SHARDS:
        (home / name).unlink()
    (home / "dit.safetensors").touch()
    assert role_paths(card, tmp_path)["dit"] == home / "dit.safetensors"


def test_shards_that_must_exist_are_missed(hub: FakeHub, card: ModelCard, tmp_path: Path) -> None:
    fetched(hub, tmp_path)
    (tmp_path / "lab" / "Tiny" / "main" / SHARDS[0]).unlink()
    assert states(card, tmp_path)[SHARDS[0]] == "missing"
    with pytest.raises(UserError, match=rf"1 of 5 weight files .*\n  missing: {SHARDS[0]} \(hub lab/Tiny\)"):
        role_paths(card, tmp_path)


def test_nothing_there(card: ModelCard, tmp_path: Path) -> None:
    root = tmp_path / "none"
    assert set(states(card, root).values()) == {"missing"}
    assert set(locate(card, root).values()) == {None}
    with pytest.raises(UserError, match=rf"(?s)4 of 4 .*models fetch tiny --dir '{root}'$"):
        role_paths(card, root)


def test_default_root(card: ModelCard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEACT_EVAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LIVEACT_EVAL_WEIGHTS", raising=False)
    assert weights_root() == tmp_path / "cache" / "weights"
    monkeypatch.setenv("LIVEACT_EVAL_WEIGHTS", str(tmp_path / "other"))
    assert weights_root() == tmp_path / "other"
    with pytest.raises(UserError, match=r"models fetch tiny$"):
        role_paths(card)


def test_states(hub: FakeHub, card: ModelCard, tmp_path: Path) -> None:
    fetched(hub, tmp_path)
    path = tmp_path / "wan" / "base" / PIN / BIG
    write_record(path, "0" * 64, None)
    assert states(card, tmp_path)[BIG] == "not yet checked"  # a hash that the card does not name
    write_record(path, str(card.weights[2].sha256), None)
    assert states(card, tmp_path)[BIG] == "present"
    os.utime(path, (1, 1))
    assert states(card, tmp_path)[BIG] == "not yet checked"
    path.write_bytes(b"short")
    assert states(card, tmp_path)[BIG] == "wrong size"
    with pytest.raises(UserError, match=rf"wrong size: {BIG}"):
        role_paths(card, tmp_path)


def test_verify_says_all_that_is_wrong(hub: FakeHub, card: ModelCard, heard: Heard, tmp_path: Path) -> None:
    fetched(hub, tmp_path)
    found = verify(card, heard, root=tmp_path, only=None)
    # Against what the card pins; of the others nobody knows the hash, which is said.
    assert {f.file for f in found if f.state == "present"} == {BIG}
    assert len(heard.notes) == 4
    path = tmp_path / "wan" / "base" / PIN / BIG
    path.write_bytes(path.read_bytes()[::-1])
    (tmp_path / "lab" / "speech" / "main" / CONFIG).unlink()
    with pytest.raises(UserError) as error:
        verify(card, heard, root=tmp_path, only=None)
    text = str(error.value)
    assert "2 weight files are not as they should be" in text
    assert f"wrong content: {path}: SHA-256 " in text
    assert f"missing: {CONFIG} (hub lab/speech)" in text
    assert path.is_file()


def test_a_folder_that_is_only_to_be_read_can_be_verified(
    hub: FakeHub, card: ModelCard, heard: Heard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path, text: str) -> None:
        raise PermissionError(13, "Permission denied")

    fetched(hub, tmp_path)
    monkeypatch.setattr("liveact_eval.weights.records.write_text", refused)
    assert verify(card, heard, root=tmp_path, only="vae")[0].state == "not yet checked"


def test_chosen(card: ModelCard) -> None:
    assert [e.file for e in chosen(card, "speech")] == ["pytorch_model.bin", CONFIG]
    with pytest.raises(UserError, match=r"--only 'vea' means none of the parts \(dit, vae, speech\)"):
        chosen(card, "vea")
    with pytest.raises(UserError, match="has no weight files"):
        chosen(load_model("noise"), None)


@pytest.mark.parametrize(
    ("pattern", "name", "meant"),
    [
        ("dit*.safetensors", "dit-1.safetensors", True),
        ("dit*.safetensors", "dit.safetensors.index.json", False),
        ("*.json", "a/b.json", False),
        ("a/*.json", "a/b.json", True),
        ("*.part", ".x.part", False),
        ("a[1]*", "a1", False),
        ("a[1]*", "a[1]b", True),
    ],
)
def test_patterns(pattern: str, name: str, meant: bool) -> None:
    assert matches(pattern, name) is meant


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"file": "../x"}, "path inside the repository"),
        ({"file": "/x"}, "path inside the repository"),
        ({"file": "a\\b"}, "path inside the repository"),
        ({"file": "a*/b"}, "in the name of the file only"),
        ({"file": "a*", "bytes": 3}, "stands for several files"),
        ({"hub": "a/../b"}, "pattern"),
        ({"hub": "../b"}, "pattern"),
        ({"revision": "main"}, "pattern"),
        ({"role": "lora"}, "'dit'"),
    ],
)
def test_entries_that_a_card_must_not_have(change: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse_typed({"role": "dit", "hub": "a/b", "file": "c"} | change, WeightFile, where="card")


def test_the_card_of_liveact_names_every_part() -> None:
    card = load_model("liveact")
    roles = {entry.role for entry in card.weights}
    assert roles == {"dit", "vae", "text", "tokenizer", "image", "speech"}
    assert all((e.sha256 is None) == (e.bytes is None) == (e.revision is None) for e in card.weights)
