"""The catalogue of networks: every entry is complete, and every function that it names is there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from liveact_eval.errors import UserError
from liveact_eval.networks.catalogue import CATALOGUE, NetworkFile, catalogue, network, resolve


def test_entries_are_complete() -> None:
    found = catalogue()
    assert list(found) == sorted(found)
    assert {"inception", "i3d", "syncnet", "s3fd", "iresnet50", "raft", "lpips_alex", "yunet"} <= found.keys()
    for entry in found.values():
        assert all((entry.title, entry.purpose, entry.source, entry.licence)), entry.name
        assert entry.summary == f"{entry.title}: {entry.purpose}"
        roles = [file.role for file in entry.weights]
        assert len(set(roles)) == len(roles), entry.name


@pytest.mark.parametrize("name", sorted(catalogue()))
def test_functions_exist(name: str) -> None:
    entry = network(name)
    for function in filter(None, (entry.load, entry.seeded)):
        assert callable(resolve(function)), function


def test_digits_in_a_published_name_are_those_of_the_hash() -> None:
    named = {"6726825d", "358bb6af", "7be5be79", "397923af"}
    for entry in catalogue().values():
        for file in entry.weights:
            digits = [part for part in file.file.removesuffix(".pth").split("-") if part in named]
            assert all(file.sha256 is not None and file.sha256.startswith(part) for part in digits)
            named -= set(digits)
            if file.url and "/clip/models/" in file.url:
                assert file.url.split("/")[-2] == file.sha256
    assert not named


def test_one_file_is_described_alike_everywhere() -> None:
    files: dict[str, NetworkFile] = {}
    for entry in catalogue().values():
        for file in entry.weights:
            assert files.setdefault(file.file, file) == file


def test_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(UserError, match=r"Unknown network 'incepton'\. Did you mean 'inception'"):
        network("incepton")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hub": "a/b"}, "either `hub` or `url`"),
        ({"url": None}, "either `hub` or `url`"),
        ({"file": "../x"}, "must be a path inside"),
        ({"file": "a/b"}, "must be a path inside"),
        ({"sha256": "xyz"}, "sha256"),
        ({"sha512": "0"}, "sha512"),
    ],
)
def test_wrong_entries_are_refused(change: dict[str, object], said: str, tmp_path: Path) -> None:
    content = yaml.safe_load(CATALOGUE.read_text(encoding="utf-8"))
    entry = content["raft"]
    entry["weights"][0] |= change
    path = tmp_path / "catalogue.yaml"
    path.write_text(yaml.safe_dump({"raft": entry}), encoding="utf-8")
    with pytest.raises(UserError, match="is no catalogue of networks") as refused:
        catalogue(path)
    assert said in str(refused.value)


def test_asking_what_is_there_imports_no_torch() -> None:
    program = (
        "import sys; from liveact_eval.networks.provider import Networks; from pathlib import Path;"
        "assert Networks(root=Path('nowhere')).missing('raft'); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
