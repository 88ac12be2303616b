"""Networks whose weights come with the package: nothing is fetched, nothing is noted there, and what mends them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from safetensors.torch import save_file

from liveact_eval.errors import UserError
from liveact_eval.execution.shortfalls import Shortfall, _lacking
from liveact_eval.networks import catalogue as catalogue_module
from liveact_eval.networks.catalogue import CATALOGUE, REINSTALL, NetworkFile, catalogue, network
from liveact_eval.networks.mini_syncnet import MiniSyncNet, seeded_mini_syncnet
from liveact_eval.networks.provider import BadWeightsError, Networks
from liveact_eval.weights.fetch import MissingFilesError, fetch, verify
from liveact_eval.weights.store import inventory, source_of
from tests.cli.helpers import call, refused

NAME = "mini_syncnet"
FILE = "mini-metrics/syncnet.safetensors"


class Quiet:
    def begin(self, doing: str, name: str, total: int) -> None: ...
    def advance(self, count: int) -> None: ...
    def note(self, text: str) -> None: ...


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty folder in the place of that in the package."""
    folder = tmp_path / "trained"
    folder.mkdir()
    monkeypatch.setattr(catalogue_module, "SHIPPED", folder)
    return folder


@pytest.fixture
def weights(package: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Other weights than the package's, of which the catalogue knows nothing."""
    folder = tmp_path / "unpinned"
    folder.mkdir()
    pin(monkeypatch, folder)
    path = package / FILE
    path.parent.mkdir(parents=True)
    save_file({name: value.half() for name, value in seeded_mini_syncnet().state_dict().items()}, path)
    return path


def pin(monkeypatch: pytest.MonkeyPatch, folder: Path, **changes: Any) -> None:
    """Change what the catalogue says of the file."""
    content = yaml.safe_load(CATALOGUE.read_text(encoding="utf-8"))
    content[NAME]["weights"][0] |= {"sha256": None, "bytes": None} | changes
    path = folder / "catalogue.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    monkeypatch.setattr(catalogue_module, "CATALOGUE", path)


def test_the_catalogue_names_what_the_package_brings() -> None:
    shipped = {name: entry for name, entry in catalogue().items() if entry.shipped}
    assert {"mini_syncnet", "mini_frame", "mini_clip"} <= shipped.keys()
    for name, entry in catalogue().items():
        assert entry.shipped == name.startswith("mini_"), name
        assert all(file.file == file.shipped for file in entry.weights if entry.shipped)


def test_the_package_brings_the_files_that_the_catalogue_pins() -> None:
    networks = Networks()
    for name, entry in catalogue().items():
        if entry.shipped:
            assert all(file.sha256 is not None and file.bytes for file in entry.weights), name
            assert networks.identity(name) == f"{name}:{str(entry.weights[0].sha256)[:8]}"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"shipped": "a", "hub": "b/c"}, "either `hub` or `url` or `shipped`"),
        ({"shipped": "a", "url": "https://b.c/a"}, "either `hub` or `url` or `shipped`"),
        ({"shipped": "a", "file": "b"}, "leave `file` out"),
        ({"shipped": "../a"}, "must be a path inside"),
        ({"shipped": "/a"}, "must be a path inside"),
    ],
)
def test_wrong_files_are_refused(fields: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        NetworkFile.model_validate(fields)


def test_a_network_is_shipped_as_a_whole() -> None:
    content = yaml.safe_load(CATALOGUE.read_text(encoding="utf-8"))[NAME]
    content["weights"].append({"role": "more", "hub": "a/b", "file": "c"})
    with pytest.raises(ValueError, match="either all files of a network come with the package, or none"):
        catalogue_module.Network(name=NAME, **content)


def test_it_is_there_wherever_other_weights_are_kept(weights: Path, tmp_path: Path) -> None:
    networks = Networks(root=tmp_path / "elsewhere")
    assert (networks.state(NAME), networks.missing(NAME)) == ("present", None)
    assert networks.identity(NAME) == f"{NAME}:{hashlib.sha256(weights.read_bytes()).hexdigest()[:8]}"
    assert isinstance(networks.get(NAME), MiniSyncNet)
    # Nothing is written into the package.
    assert list(weights.parent.iterdir()) == [weights]
    (found,) = inventory(network(NAME), tmp_path)
    assert (found.path, found.state, source_of(found.entry)) == (weights, "present", "liveact-eval")
    assert fetch(network(NAME), Quiet(), root=None, mirror=None, only=None) == [found]
    assert list(weights.parent.iterdir()) == [weights]


def test_a_missing_one_says_install_again(package: Path, tmp_path: Path) -> None:
    networks = Networks(root=tmp_path)
    assert networks.state(NAME) == "not shipped"
    why = networks.missing(NAME)
    assert why is not None and f"syncnet.safetensors is not there. {REINSTALL}" in why
    with pytest.raises(UserError, match="install it again"):
        networks.get(NAME)
    for check in (verify, lambda *a, **k: fetch(*a, mirror=None, **k)):
        with pytest.raises(MissingFilesError, match=r"missing: mini-metrics/syncnet\.safetensors") as refusal:
            check(network(NAME), Quiet(), root=tmp_path, only=None)
        assert str(refusal.value).endswith(REINSTALL) and str(package) in str(refusal.value)
    assert Networks(mode="seeded").missing(NAME) is None


def test_one_of_another_size_or_content(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights.write_bytes(b"no tensors")
    with pytest.raises(BadWeightsError, match=f"cannot be read as safetensors.*{REINSTALL}"):
        Networks().get(NAME)
    pin(monkeypatch, tmp_path, sha256="0" * 64)
    with pytest.raises(UserError, match=f"is not the file of the network.*{REINSTALL}"):
        Networks().identity(NAME)
    with pytest.raises(UserError, match="wrong content") as refusal:
        verify(network(NAME), Quiet(), root=None, only=None)
    assert "Move" not in str(refusal.value)
    pin(monkeypatch, tmp_path / "trained", bytes=3)
    assert Networks().state(NAME) == "wrong size"
    assert REINSTALL in (Networks().missing(NAME) or "")


def test_a_plan_says_what_mends_each(package: Path, tmp_path: Path) -> None:
    wanted = {"mini_sync": [NAME], "fid": ["inception_script"]}
    found: dict[str, Shortfall] = {
        shortfall.metrics[0]: shortfall for shortfall in _lacking(Networks(root=tmp_path), wanted, ())
    }
    assert (found["mini_sync"].heading, found["mini_sync"].detail) == (
        "weights missing from the package",
        REINSTALL,
    )
    assert "mini" not in found["fid"].detail and "metrics fetch inception_script" in found["fid"].detail


def test_commands_do_not_fetch_it(weights: Path, tmp_path: Path) -> None:
    row = next(row for row in call("metrics", "list", "--json").json if row["name"] == "mini_sync")
    assert (row["weights"], row["missing"], row["needs"]) == ("present", [], ["sound", "truth"])
    answer = call("metrics", "fetch", "mini_sync", "--dir", tmp_path / "w")
    assert answer.out.startswith("1 of 1 files of 1 networks, ") and answer.out.strip().endswith(
        "in the package"
    )
    assert not (tmp_path / "w").exists()
    weights.unlink()
    refused(call("metrics", "fetch", "mini_sync", "--dir", tmp_path / "w"), REINSTALL)
