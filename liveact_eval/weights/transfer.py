"""One file from the hub to its place: continued where it broke off, checked before it gets its name."""

from __future__ import annotations

import contextlib
import http.client
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from liveact_eval.errors import UserError
from liveact_eval.files import full_disk, is_full
from liveact_eval.weights.hub import Hub, HubFile, Progressed
from liveact_eval.weights.records import Sums, measure, part_path, parts_of, same_hash, write_record

_BLOCK = 1 << 18


@dataclass(frozen=True)
class Job:
    """A file that should be at a place."""

    hub: str
    """Repository, or host of a plain address."""
    commit: str
    """Its commit; of a plain address, what stands for the version of the file."""
    file: HubFile
    """What the hub says of the file."""
    sha256: str | None
    """Hash that the card pins; `None`: what the hub states is checked."""
    path: Path
    """Where it goes."""

    @property
    def identity(self) -> str:
        """What tells this content from another under the same name."""
        return self.sha256 or self.file.sha256 or self.file.git or self.commit

    def complaint(self, sha256: str, git: str) -> str | None:
        """What is wrong with a file of these hashes; `None`: nothing."""
        expected = self.sha256 or self.file.sha256
        if expected is not None:
            return None if same_hash(sha256, expected) else f"SHA-256 {sha256}, expected {expected}"
        if self.file.git is not None and git != self.file.git:
            return f"git hash {git}, expected {self.file.git}"
        return None


def transfer(hub: Hub, job: Job, *, advanced: Callable[[int], None], waiting: Callable[[], None]) -> None:
    """Fetch a file that is not there. Several processes may ask for the same one: one fetches, the others wait.

    Args:
        hub: where from.
        job: what and where to.
        advanced: hears of bytes as they are there; negative when some have to be fetched again.
        waiting: called when another process is fetching the file.

    Raises:
        UserError: the hub does not give it, or what it gives has another hash; then nothing takes its name.
        BrokenEnvironmentError: the disk is full.
    """
    with _writing(job.path):
        job.path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(job.path.with_name(f".{job.path.name}.lock"), waiting):
            if job.path.is_file():
                check_existing(job, advanced)
            else:
                _fetch(hub, job, advanced)


def check_existing(job: Job, advanced: Callable[[int], None]) -> None:
    """Measure a file that is there, and note that it is right.

    Raises:
        UserError: it is another file than the one expected. It is left as it is.
    """
    size = job.path.stat().st_size
    sha256, git = ("", "") if size != job.file.bytes else measure(job.path, advanced)
    wrong = job.complaint(sha256, git) if sha256 else f"{size} bytes, expected {job.file.bytes}"
    if wrong:
        raise UserError(
            f"{str(job.path)!r} is not the file that {'the card' if job.sha256 else 'the hub'} names: {wrong}. "
            "It is left as it is. Move it away, then run the same command again"
        )
    write_record(job.path, sha256, job.commit)


@contextlib.contextmanager
def _alone(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold a lock file, saying so once if another process has it."""
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        waiting()
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    """What goes wrong with the disk, told as such: to the layer of the network it would look like a broken line."""
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise full_disk(path) from error
        raise UserError(f"{str(path)!r} cannot be written: {error.strerror or error}. Check --dir") from error


def _fetch(hub: Hub, job: Job, advanced: Callable[[int], None]) -> None:
    part = part_path(job.path, job.identity)
    sums = _Part(part, job.file.bytes, advanced)
    url = hub.url(job.hub, job.commit, job.file.name)
    hub.patiently(lambda: sums.continue_from(hub, url), job.hub, job.file.name)
    sha256, git = sums.digests()
    size = part.stat().st_size
    wrong = (
        job.complaint(sha256, git) if size == job.file.bytes else f"{size} bytes, expected {job.file.bytes}"
    )
    if wrong:
        part.unlink()
        raise UserError(
            f"{job.file.name} of {job.hub} came with another content from {hub.endpoint}: {wrong}. It was thrown "
            "away. Run the same command again; if that repeats, take another mirror, or report the card"
        )
    part.replace(job.path)
    write_record(job.path, sha256, job.commit)
    for stale in parts_of(job.path):
        stale.unlink(missing_ok=True)


class _Part:
    """The beginning of a file, growing; its hashes are kept up as it grows, so it is read once only."""

    def __init__(self, path: Path, size: int, advanced: Callable[[int], None]) -> None:
        self._path, self._size, self._advanced = path, size, advanced
        self._sums, self._have = Sums(size), 0
        if path.is_file():
            with path.open("rb") as stream:
                while block := stream.read(_BLOCK):
                    self._add(block)

    def digests(self) -> tuple[str, str]:
        return self._sums.digests()

    def continue_from(self, hub: Hub, url: str) -> None:
        """Get the rest; raises as the connection does, wrapped in `Progressed` if some bytes came."""
        if self._have > self._size:
            self._forget()
        if self._have == self._size and self._path.is_file():
            return
        before = self._have
        try:
            with hub.open(url, self._have) as answer:
                if self._have and not answer.headers.get("Content-Range", "").startswith(
                    f"bytes {self._have}-"
                ):
                    # The server knows no ranges: what follows is the file from its start.
                    self._forget()
                    before = 0
                self._write(answer)
        except (OSError, http.client.HTTPException) as error:
            if self._have > before:
                raise Progressed from error
            raise

    def _write(self, answer: http.client.HTTPResponse) -> None:
        with _writing(self._path):
            stream = self._path.open("ab")
        with stream:
            # What has come, not whole blocks: a kill on a slow line then loses next to nothing.
            while self._have <= self._size and (block := answer.read1(_BLOCK)):
                with _writing(self._path):
                    stream.write(block)
                    stream.flush()
                self._add(block)
            with _writing(self._path):
                os.fsync(stream.fileno())
        if self._have < self._size:
            raise http.client.IncompleteRead(b"", self._size - self._have)

    def _add(self, block: bytes) -> None:
        self._sums.update(block)
        self._have += len(block)
        self._advanced(len(block))

    def _forget(self) -> None:
        self._path.unlink(missing_ok=True)
        self._advanced(-self._have)
        self._sums, self._have = Sums(self._size), 0
