"""Files that a tool reads from its home: found, linked to what was fetched, or written from a rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from liveact_eval.cards.environment import EnvironmentFile
from liveact_eval.environments.seeded_files import write_seeded
from liveact_eval.environments.tool_files import link_fetched, measured_hash, missing, place_of, state_of
from liveact_eval.files import sha256_of
from liveact_eval.networks.catalogue import network

HEAD = "vbench/aesthetic_model/emb_reader/sa_0_4_vit_l_14_linear.pth"
ITEM = EnvironmentFile(file=HEAD, used_by=("aesthetic_quality",), network="aesthetic")


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A folder of weights with a file as large as the published one."""
    (entry,) = network("aesthetic").weights
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / entry.file).write_bytes(b"x" * int(entry.bytes or 1))
    return folder


def test_what_was_fetched_for_metrics_is_linked(weights: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert state_of(ITEM, home, weights) == "fetched for metrics"
    assert [item.file for item in missing((ITEM,), home, "aesthetic_quality")] == [HEAD]
    assert missing((ITEM,), home, "imaging_quality") == []
    link_fetched((ITEM,), home, weights)
    assert state_of(ITEM, home, weights) == "present"
    assert missing((ITEM,), home, "aesthetic_quality") == []
    assert (home / HEAD).resolve().parent == weights.resolve()


def test_a_file_of_ones_own_stays_and_a_dead_link_goes(weights: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / HEAD).parent.mkdir(parents=True)
    (home / HEAD).write_bytes(b"mine")
    link_fetched((ITEM,), home, weights)
    assert (home / HEAD).read_bytes() == b"mine"
    (home / HEAD).unlink()
    (home / HEAD).symlink_to(tmp_path / "gone")
    assert state_of(ITEM, home, tmp_path / "nothing") == "missing"
    link_fetched((ITEM,), home, weights)
    assert (home / HEAD).is_file()


def test_where_files_come_from() -> None:
    assert place_of(ITEM) == "liveact-eval metrics fetch aesthetic"
    own = EnvironmentFile(file="a", used_by=("b",), source="a checkout")
    assert place_of(own) == "a checkout"


def test_a_hash_is_measured_again_when_the_file_changes(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    path.write_bytes(b"one")
    first = measured_hash(path)
    assert first == sha256_of(path) == measured_hash(path)
    path.write_bytes(b"other")
    assert measured_hash(path) == sha256_of(path) != first


def test_seeded_files_are_written_for_what_is_asked(tmp_path: Path) -> None:
    import torch

    write_seeded(tmp_path, [HEAD, "vbench/dino_model/facebookresearch_dino_main"])
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()] == [HEAD]
    state = torch.load(tmp_path / HEAD, weights_only=True)
    assert {name: tuple(tensor.shape) for name, tensor in state.items()} == {"weight": (1, 768), "bias": (1,)}
