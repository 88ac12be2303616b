"""Fetching: whole, broken off, wrong, refused, and by two processes at once."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest
from filelock import FileLock

from liveact_eval.cards.model import ModelCard
from liveact_eval.errors import BrokenEnvironmentError, UserError
from liveact_eval.weights.fetch import fetch, verify
from liveact_eval.weights.store import Found, inventory
from tests.cli.helpers import command
from tests.unit.weights.conftest import BIG, CONFIG, PIN, SHARDS, Heard
from tests.unit.weights.fake_hub import COMMIT, FakeHub, Served

Fetch = Callable[..., list[Found]]


@pytest.fixture
def get(hub: FakeHub, card: ModelCard, heard: Heard, tmp_path: Path) -> Fetch:
    def call(only: str | None = None, root: Path | None = None) -> list[Found]:
        return fetch(card, heard, root=root or tmp_path / "w", mirror=hub.url, only=only)

    return call


def big(hub: FakeHub) -> Served:
    return hub.repositories["wan/base"][BIG]


def place(root: Path) -> Path:
    return root / "w" / "wan" / "base" / PIN / BIG


def test_everything_is_fetched_once_and_found_again(
    hub: FakeHub, get: Fetch, heard: Heard, card: ModelCard, tmp_path: Path
) -> None:
    found = get()
    assert {f.file: f.state for f in found if not f.entry.optional} == dict.fromkeys(
        (*SHARDS, BIG, "pytorch_model.bin", CONFIG), "present"
    )
    for f in found:
        if f.state == "present":
            assert f.path.read_bytes() == hub.repositories[f.entry.hub or ""][f.file].content
    assert set(heard.done.values()) == {0}
    assert place(tmp_path).is_file()
    assert not list((tmp_path / "w").rglob("*.part"))
    sent = big(hub).sent
    get()
    assert big(hub).sent == sent
    verify(card, heard, root=tmp_path / "w", only=None)


def test_a_revision_that_nobody_pinned_is_resolved_once(hub: FakeHub, get: Fetch) -> None:
    get("dit")
    paths = [path for path, _ in hub.requests]
    assert paths[0] == "/api/models/lab/Tiny/revision/main?blobs=true"
    assert paths[1:] == [f"/lab/Tiny/resolve/{COMMIT}/{name}" for name in SHARDS]


@pytest.mark.parametrize("only", ["vae", "*.pth", BIG])
def test_only(only: str, get: Fetch, heard: Heard) -> None:
    assert [f.file for f in get(only)] == [BIG]
    assert heard.begun == [("fetching", BIG)]


def test_a_line_that_breaks_is_taken_up_where_it_broke(hub: FakeHub, get: Fetch, heard: Heard) -> None:
    big(hub).cuts = [10_000, 0, 40_000, 5, 1, 2, 3, 4]
    get("vae")
    assert big(hub).sent == len(big(hub).content)
    assert heard.done[BIG] == 0


def test_a_line_that_is_dead_is_given_up_and_what_came_is_kept(
    hub: FakeHub, get: Fetch, card: ModelCard, tmp_path: Path
) -> None:
    big(hub).cuts = [10_000, *[0] * 20]
    with pytest.raises(UserError, match=r"broke off, for vae.pth of wan/base.*same command continues"):
        get("vae")
    (found,) = [f for f in inventory(card, tmp_path / "w") if f.file == BIG]
    assert (found.state, found.bytes) == ("missing", 10_000)
    big(hub).cuts = []
    get("vae")
    assert big(hub).sent == len(big(hub).content)


def test_a_server_without_ranges_starts_over(hub: FakeHub, get: Fetch, heard: Heard, tmp_path: Path) -> None:
    big(hub).ranges, big(hub).cuts = False, [10_000]
    get("vae")
    assert place(tmp_path).read_bytes() == big(hub).content
    assert big(hub).sent == 10_000 + len(big(hub).content)
    assert heard.done[BIG] == 0


def test_a_busy_hub_is_asked_again(hub: FakeHub, get: Fetch) -> None:
    big(hub).statuses = [429, 503]
    assert get("vae")[0].state == "present"


@pytest.mark.parametrize(
    ("instead", "message"),
    [
        (lambda content: content[:-1] + bytes([content[-1] ^ 1]), "SHA-256 .*expected "),
        (lambda content: content + b"more", "bytes, expected 100000"),
    ],
)
def test_wrong_content_takes_no_name(
    instead: Callable[[bytes], bytes], message: str, hub: FakeHub, get: Fetch, tmp_path: Path
) -> None:
    big(hub).instead = instead(big(hub).content)
    with pytest.raises(
        UserError, match=f"came with another content from {hub.url}: .*{message}.*thrown away"
    ):
        get("vae")
    assert not place(tmp_path).exists()
    assert not list((tmp_path / "w").rglob("*.part"))
    big(hub).instead = None
    assert get("vae")[0].state == "present"


def test_small_files_are_checked_by_the_git_hash(hub: FakeHub, get: Fetch) -> None:
    hub.repositories["lab/speech"][CONFIG].instead = b'{"a": 2}'
    with pytest.raises(UserError, match=r"git hash .*expected"):
        get("speech")


def test_a_hub_that_states_another_hash_than_the_card(hub: FakeHub, get: Fetch) -> None:
    big(hub).content = big(hub).content[::-1]
    with pytest.raises(UserError, match=r"states another SHA-256 for vae.pth.*Nothing was fetched"):
        get("vae")
    assert big(hub).sent == 0


def test_a_file_that_is_there_but_wrong_is_left(hub: FakeHub, get: Fetch, tmp_path: Path) -> None:
    place(tmp_path).parent.mkdir(parents=True)
    place(tmp_path).write_bytes(big(hub).content[::-1])
    with pytest.raises(UserError, match=r"is not the file that the card names: SHA-256 .*left as it is"):
        get("vae")
    assert place(tmp_path).read_bytes() == big(hub).content[::-1]
    assert big(hub).sent == 0


@pytest.mark.parametrize(
    ("refusal", "parts"),
    [
        ((404, "RepoNotFound"), ("404", "the card may be out of date")),
        ((404, "RevisionNotFound"), ("no such revision",)),
        ((401, "GatedRepo"), ("gated or private", "hf auth login", "no token was sent")),
        ((403, ""), ("gated or private",)),
        ((500, ""), ("500", "Try again later")),
    ],
)
def test_refusals(refusal: tuple[int, str], parts: tuple[str, ...], hub: FakeHub, get: Fetch) -> None:
    hub.refused["wan/base"] = refusal
    with pytest.raises(UserError) as error:
        get("vae")
    assert all(part in str(error.value) for part in ("wan/base", *parts))


def test_a_file_that_the_repository_lacks(hub: FakeHub, get: Fetch) -> None:
    del hub.repositories["lab/speech"][CONFIG]
    with pytest.raises(UserError, match=r"has no file config.json. It has: pytorch_model.bin"):
        get("speech")


def test_no_network(hub: FakeHub, get: Fetch) -> None:
    hub.close()
    with pytest.raises(UserError, match=r"cannot be reached.*--mirror URL"):
        get("vae")


@pytest.mark.parametrize("mirror", ["hub.example", "file:///etc", "https://"])
def test_a_mirror_that_is_no_address(mirror: str, card: ModelCard, heard: Heard, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no address of a hub"):
        fetch(card, heard, root=tmp_path, mirror=mirror, only=None)


def test_what_is_no_hub(hub: FakeHub, get: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.unit.weights.fake_hub._described", lambda name, served: {"rfilename": name})
    with pytest.raises(UserError, match="does not answer as a model hub does"):
        get("vae")


def test_names_that_leave_the_folder_are_not_taken(hub: FakeHub, get: Fetch, tmp_path: Path) -> None:
    hub.add("lab/Tiny", "../../dit9.safetensors", b"out")
    hub.add("lab/Tiny", "sub/dit9.safetensors", b"deeper")
    hub.add("lab/Tiny", "dit9\\..\\9.safetensors", b"out, elsewhere")
    assert [f.file for f in get("dit") if f.state != "missing"] == list(SHARDS)
    assert not list(tmp_path.rglob("dit9*"))


def test_odd_names(hub: FakeHub, get: Fetch, tmp_path: Path) -> None:
    name = "dit ü%20#?'1.safetensors"
    hub.repositories["lab/Tiny"] = {}
    hub.add("lab/Tiny", name, b"odd")
    (found, *_) = get("dit", tmp_path / os.fsdecode(b"w \xff [x] {y}"))
    assert found.path.read_bytes() == b"odd"
    assert found.state == "present"


class Usage(NamedTuple):
    free: int


def test_a_disk_that_is_too_small_is_said_first(
    hub: FakeHub, get: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage(99_999))
    with pytest.raises(BrokenEnvironmentError, match=r"0.0 GiB are needed, 0.0 GiB are free"):
        get("vae")
    assert big(hub).sent == 0
    big(hub).cuts = [10_000, *[0] * 20]
    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage(100_000))
    with pytest.raises(UserError, match="broke off"):
        get("vae")
    big(hub).cuts = []
    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage(90_000))
    get("vae")


def test_a_disk_that_fills_up(hub: FakeHub, get: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("liveact_eval.weights.transfer.os.fsync", full)
    with pytest.raises(BrokenEnvironmentError, match="The disk is full"):
        get("vae")
    assert len(hub.requests) == 2


def test_a_folder_that_cannot_be_written(get: Fetch, tmp_path: Path) -> None:
    (tmp_path / "w").touch()
    with pytest.raises(UserError, match=r"cannot be written: .*--dir"):
        get("vae")


def test_the_token_goes_to_the_hub_only(
    hub: FakeHub, card: ModelCard, heard: Heard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not to the store that the hub sends us to, and not to a mirror."""
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    big(hub).elsewhere = f"http://localhost:{hub.port}"
    fetch(card, heard, root=tmp_path / "a", mirror=hub.url, only="vae")
    assert not any("Authorization" in headers for _, headers in hub.requests)
    hub.requests.clear()
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
    fetch(card, heard, root=tmp_path / "b", mirror=None, only="vae")
    sent = [(headers["Host"].split(":")[0], headers.get("Authorization")) for _, headers in hub.requests]
    assert sent == [("127.0.0.1", "Bearer hf_secret")] * 2 + [("localhost", None)]


def test_who_comes_second_waits_and_fetches_nothing(
    hub: FakeHub, get: Fetch, heard: Heard, tmp_path: Path
) -> None:
    place(tmp_path).parent.mkdir(parents=True)
    with ThreadPoolExecutor() as pool, FileLock(place(tmp_path).with_name(f".{BIG}.lock")):
        second = pool.submit(get, "vae")
        wait_for(lambda: bool(heard.notes))
        place(tmp_path).write_bytes(big(hub).content)
        assert not second.done()
    assert [f.state for f in second.result()] == ["present"]
    assert heard.notes == [f"{BIG}: another process fetches it; waiting"]
    assert big(hub).sent == 0


def test_parts_of_another_content_are_not_continued(hub: FakeHub, get: Fetch, tmp_path: Path) -> None:
    """The hub has replaced a file that nobody pinned since its first part was fetched."""
    served = hub.repositories["lab/speech"]["pytorch_model.bin"]
    served.cuts = [10_000, *[0] * 20]
    with pytest.raises(UserError):
        get("speech")
    served.content, served.cuts, served.sent = served.content[::-1], [], 0
    found = get("speech")
    assert found[0].path.read_bytes() == served.content
    assert served.sent == len(served.content)
    assert not list((tmp_path / "w").rglob("*.part"))


def test_a_part_that_is_too_long_is_thrown_away(
    hub: FakeHub, get: Fetch, heard: Heard, tmp_path: Path
) -> None:
    big(hub).cuts = [10_000, *[0] * 20]
    with pytest.raises(UserError):
        get("vae")
    (part,) = (tmp_path / "w").rglob("*.part")
    part.write_bytes(bytes(200_000))
    big(hub).cuts = []
    get("vae")
    assert place(tmp_path).read_bytes() == big(hub).content
    assert heard.done[BIG] == 0


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)
    raise TimeoutError


def start(card_path: Path, hub: FakeHub, root: Path) -> subprocess.Popen[str]:
    words = ("models", "fetch", card_path, "--only", "vae", "--mirror", hub.url, "--dir", root)
    return subprocess.Popen(command(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_killed_in_the_middle_and_continued(
    hub: FakeHub, get: Fetch, card_path: Path, tmp_path: Path
) -> None:
    served = big(hub)
    served.pause_s = 0.02
    running = start(card_path, hub, tmp_path / "w")
    wait_for(lambda: served.sent > 40_000)
    running.send_signal(signal.SIGKILL)
    running.communicate(timeout=20)
    assert not place(tmp_path).exists()
    (part,) = (tmp_path / "w").rglob("*.part")
    kept = part.stat().st_size
    assert kept > 0
    time.sleep(0.1)  # the server notices that nobody listens
    served.pause_s, served.sent = 0.0, 0
    get("vae")
    assert place(tmp_path).read_bytes() == served.content
    assert served.sent == len(served.content) - kept


@pytest.mark.slow
def test_two_processes_at_once(hub: FakeHub, card_path: Path, tmp_path: Path) -> None:
    served = big(hub)
    served.pause_s = 0.04
    both = [start(card_path, hub, tmp_path / "w") for _ in range(2)]
    ended = [process.communicate(timeout=30) for process in both]
    assert [process.returncode for process in both] == [0, 0], ended
    assert served.sent == len(served.content)
    assert place(tmp_path).read_bytes() == served.content
