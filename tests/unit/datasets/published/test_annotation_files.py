"""The authors' lists: found in a folder, fetched from a server, and in both cases the pinned ones."""

from __future__ import annotations

import functools
import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from liveact_eval.cards.dataset import DatasetCard
from liveact_eval.cards.load import load_dataset
from liveact_eval.cards.published import AnnotationFile, PreparedSpec
from liveact_eval.datasets.published.annotation_files import (
    address_of,
    fetch_annotations,
    find_annotations,
)
from liveact_eval.datasets.published.catalogue import long_clips, source_clips, split_of
from liveact_eval.datasets.published.emtd import LIST
from liveact_eval.errors import UserError


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Gives files and counts."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        super().do_GET()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def server(emtd: Path) -> Iterator[tuple[str, list[str]]]:
    """Address of a server that gives the list, and what was asked of it."""
    asked: list[str] = []
    handler = type("Handler", (Quiet,), {"asked": asked})
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(handler, directory=str(emtd))
    ) as site:
        thread = threading.Thread(target=site.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{site.server_address[1]}", asked
        site.shutdown()
        thread.join()


@pytest.fixture
def card(emtd: Path) -> DatasetCard:
    """EMTD's card, with the small list pinned."""
    found, _ = load_dataset("emtd")
    assert found.prepared is not None
    pinned = hashlib.sha256((emtd / LIST).read_bytes()).hexdigest()
    files = (AnnotationFile(path=f"EMTD_dataset/{LIST}", sha256=pinned),)
    rule = found.prepared.rule.model_copy(update={"clips": 2})
    changes = {"files": files, "rule": rule, "split_sha256": None, "reserve_sha256": None}
    return found.model_copy(update={"prepared": found.prepared.model_copy(update=changes)})


def fetched(card: DatasetCard, folder: Path, site: str) -> Path:
    """The lists, from a server of one's own."""

    def address(_: PreparedSpec, file: AnnotationFile) -> str:
        return f"{site}/{Path(file.path).name}"

    return fetch_annotations(card, folder, advanced=lambda _: None, waiting=lambda: None, addresses=address)


def test_address_names_the_commit() -> None:
    card, _ = load_dataset("emtd")
    assert card.prepared is not None
    address = address_of(card.prepared, card.prepared.files[0])
    assert address.startswith("https://raw.githubusercontent.com/antgroup/echomimic_v2/a312dec05ec7")
    # A plus sign would be read as a space by some servers.
    assert address.endswith("/EMTD_dataset/echomimicv2_benchmark_url%2Bstart_timecode%2Bend_timecode.txt")


def test_fetched_once(card: DatasetCard, server: tuple[str, list[str]], tmp_path: Path) -> None:
    site, asked = server
    folder = fetched(card, tmp_path / "lists", site)
    assert folder == tmp_path / "lists"
    assert len(source_clips(card, folder)) == 6
    before = len(asked)
    fetched(card, tmp_path / "lists", site)
    assert len(asked) == before > 0


def test_another_content_takes_no_name(
    card: DatasetCard, server: tuple[str, list[str]], emtd: Path, tmp_path: Path
) -> None:
    (emtd / LIST).write_text("something else", encoding="utf-8")
    with pytest.raises(UserError, match="SHA-256"):
        fetched(card, tmp_path / "lists", server[0])
    assert not (tmp_path / "lists" / LIST).exists()


def test_a_server_without_the_list(
    card: DatasetCard, server: tuple[str, list[str]], emtd: Path, tmp_path: Path
) -> None:
    (emtd / LIST).unlink()
    with pytest.raises(
        UserError, match=r"EMTD: a published list does not come: .*a312dec05ec7: --annotations"
    ):
        fetched(card, tmp_path / "lists", server[0])


def test_found_flat_or_as_in_the_repository(card: DatasetCard, emtd: Path, tmp_path: Path) -> None:
    assert find_annotations(card, emtd) == emtd
    # Its parent, where the lists of several datasets lie beside each other.
    assert find_annotations(card, emtd.parent) == emtd
    emtd.rename(tmp_path / "EMTD_dataset")
    assert find_annotations(card, tmp_path) == tmp_path / "EMTD_dataset"


def test_missing_and_changed_lists_are_named(card: DatasetCard, emtd: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"1 of 1 published lists .*\n  missing: echomimicv2_.*%2Bstart"):
        find_annotations(card, tmp_path / "none")
    with pytest.raises(UserError, match=r"15 of 15 published(.|\n)*and 12 more\nTake them"):
        find_annotations(load_dataset("hdtf")[0], tmp_path / "none")
    (emtd / LIST).write_text("x", encoding="utf-8")
    with pytest.raises(
        UserError, match=r"another content: .*SHA-256 2d711642.*\nTake them from .*a312dec05ec7"
    ):
        source_clips(card, emtd)


def test_split_without_a_committed_list(card: DatasetCard, emtd: Path, tmp_path: Path) -> None:
    split = split_of(card, tmp_path, emtd)
    assert (len(split.clips), len(split.reserve)) == (2, 1)
    with pytest.raises(UserError, match="no committed clip list"):
        split_of(card, tmp_path)


def test_cards_without_lists(emtd: Path) -> None:
    card, _ = load_dataset("talkers")
    with pytest.raises(UserError, match=r"'talkers' is of kind 'talkers'.*run --dataset talkers"):
        source_clips(card, emtd)
    card, _ = load_dataset("hdtf")
    with pytest.raises(UserError, match="no section `concatenate`"):
        long_clips(card, emtd)
