"""Networks for metrics: from files that were checked, or seeded; loaded once; sent to other processes empty."""

from __future__ import annotations

import hashlib
import multiprocessing
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import nn

from liveact_eval.errors import UserError
from liveact_eval.networks import catalogue as catalogue_module
from liveact_eval.networks.aesthetic import build_aesthetic_head
from liveact_eval.networks.provider import Networks
from liveact_eval.networks.seeded import fill_seeded

HOST = "files.example"


class Other(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("x", torch.zeros(3))


def head(path: Path, *, wrap: str | None = None, **changes: torch.Tensor) -> bytes:
    """Write a file of the aesthetic head."""
    network = build_aesthetic_head()
    fill_seeded(network, "test")
    state: dict[str, Any] = network.state_dict() | changes
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({wrap: state} if wrap else state, path)
    return path.read_bytes()


def entry(sha256: str | None, size: int | None = None) -> dict[str, Any]:
    return {
        "title": "Head",
        "purpose": "testing",
        "source": "nowhere",
        "licence": "not stated",
        "weights": [{"url": f"https://{HOST}/head.pth", "file": "head.pth", "sha256": sha256, "bytes": size}],
        "load": "liveact_eval.networks.files:load_aesthetic",
        "seeded": "liveact_eval.networks.seeded_networks:aesthetic",
    }


def use(monkeypatch: pytest.MonkeyPatch, folder: Path, **entries: dict[str, Any]) -> None:
    """Put a catalogue in the place of the package's own."""
    path = folder / "catalogue.yaml"
    path.write_text(yaml.safe_dump(entries), encoding="utf-8")
    monkeypatch.setattr(catalogue_module, "CATALOGUE", path)


def test_files_are_checked_and_loaded_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    content = head(tmp_path / "w" / HOST / "head.pth")
    sha256 = hashlib.sha256(content).hexdigest()
    use(monkeypatch, tmp_path, head=entry(sha256[:8]))
    networks = Networks(root=tmp_path / "w")
    assert networks.missing("head") is None
    assert networks.identity("head") == f"head:{sha256[:8]}"
    with torch.inference_mode():
        network = networks.get("head")
    assert network is networks.get("head")
    assert not network.training
    assert not any(parameter.requires_grad or parameter.is_inference() for parameter in network.parameters())
    expected = build_aesthetic_head()
    fill_seeded(expected, "test")
    assert torch.equal(network.weight, expected.weight)
    # The hash that was measured is kept beside the file.
    assert (tmp_path / "w" / HOST / ".head.pth.checked.json").is_file()


def test_a_wrapped_table_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    head(tmp_path / "w" / "anywhere" / "head.pth", wrap="state_dict")
    use(monkeypatch, tmp_path, head=entry(None))
    assert isinstance(Networks(root=tmp_path / "w").get("head"), nn.Linear)


@pytest.mark.parametrize(
    "place", ["owner/name/main/sub/head.pth", "sub/head.pth", "head.pth", "mine/head.pth"]
)
def test_files_may_lie_as_people_keep_them(
    place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    head(tmp_path / "w" / place)
    files = [{"hub": "owner/name", "file": "sub/head.pth"}]
    use(monkeypatch, tmp_path, head=entry(None) | {"weights": files})
    assert Networks(root=tmp_path / "w").missing("head") is None


def test_another_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    head(tmp_path / HOST / "head.pth")
    use(monkeypatch, tmp_path, head=entry("0" * 8))
    for ask in (Networks(root=tmp_path).identity, Networks(root=tmp_path).get):
        with pytest.raises(
            UserError, match=r"is not the file of the network 'head': SHA-256 .* expected 0{8}"
        ):
            ask("head")


def test_a_file_that_was_changed_is_measured_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / HOST / "head.pth"
    sha256 = hashlib.sha256(head(path)).hexdigest()
    use(monkeypatch, tmp_path, head=entry(sha256))
    assert Networks(root=tmp_path).identity("head") == f"head:{sha256[:8]}"
    head(path, bias=torch.ones(1))
    with pytest.raises(UserError, match="is not the file"):
        Networks(root=tmp_path).identity("head")


def test_missing_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use(monkeypatch, tmp_path, head=entry(None, 5))
    networks = Networks(root=tmp_path / "w")
    why = networks.missing("head")
    assert why is not None
    assert (
        "weights of Head (head): head.pth is not there. Fetch them with: liveact-eval metrics fetch head"
        in why
    )
    assert f"--dir {str(tmp_path / 'w')!r}" in why
    for ask in (networks.identity, networks.get):
        with pytest.raises(UserError, match=r"head\.pth is not there"):
            ask("head")
    (tmp_path / "w" / HOST).mkdir(parents=True)
    (tmp_path / "w" / HOST / "head.pth").write_bytes(b"short, and more")
    assert "head.pth is of 15 bytes, expected 5" in (networks.missing("head") or "")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no tensors", "cannot be read as tensors"),
        ({"weight": torch.zeros(1, 768)}, 'Missing key\\(s\\) in state_dict: "bias"'),
        ({"weight": torch.zeros(1, 768), "bias": torch.zeros(1), "more": torch.zeros(1)}, "Unexpected key"),
        ({"weight": torch.zeros(1, 5), "bias": torch.zeros(1)}, "size mismatch for weight"),
        ([torch.zeros(1)], "holds a list, expected a table of tensors"),
    ],
)
def test_files_are_read_strictly(
    content: Any, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "head.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    use(monkeypatch, tmp_path, head=entry(None))
    with pytest.raises(UserError, match=said):
        Networks(root=tmp_path).get("head")


def test_no_file_runs_code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    torch.save(Other(), tmp_path / "head.pth")
    use(monkeypatch, tmp_path, head=entry(None))
    with pytest.raises(UserError, match="cannot be read as tensors"):
        Networks(root=tmp_path).get("head")


def test_seeded_needs_no_file(tmp_path: Path) -> None:
    networks = Networks(mode="seeded", root=tmp_path / "nowhere")
    assert networks.missing("resnet_face18") is None
    assert networks.identity("resnet_face18") == "resnet_face18:seeded"


def test_a_network_without_seeded_weights_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use(monkeypatch, tmp_path, head=entry(None) | {"seeded": None})
    networks = Networks(mode="seeded")
    assert networks.missing("head") == "Head (head) has no seeded weights"
    with pytest.raises(UserError, match="has no seeded weights"):
        networks.get("head")


def test_a_package_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use(monkeypatch, tmp_path, head=entry(None) | {"package": "no_such_package"})
    why = Networks(root=tmp_path).missing("head")
    assert why == (
        "Head (head) needs the package no_such_package, which is not installed. "
        "Install it with: pip install no_such_package"
    )


def _elsewhere(networks: Networks) -> tuple[int, Networks, list[float]]:
    """What a provider holds when it arrives in another process, and the weights that it gives there."""
    held = len(networks._loaded)
    return held, networks, networks.get("aesthetic").weight.flatten().tolist()


@pytest.mark.slow
def test_sent_to_another_process_it_is_empty_and_equal() -> None:
    networks = Networks(mode="seeded")
    empty = len(pickle.dumps(networks))
    first = networks.get("aesthetic")
    assert len(pickle.dumps(networks)) == empty
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        held, other, weights = pool.apply(_elsewhere, (networks,))
    assert held == 0
    assert other == networks
    assert hash(other) == hash(networks)
    assert weights == first.weight.flatten().tolist()
    assert networks.get("aesthetic") is first


def test_unknown_names_are_refused() -> None:
    for ask in (Networks().missing, Networks().identity, Networks().get):
        with pytest.raises(UserError, match="Did you mean 'syncnet'"):
            ask("sincnet")
