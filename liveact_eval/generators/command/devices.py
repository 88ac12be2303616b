"""GPUs of this machine: which there are, and one process on each at a time."""

from __future__ import annotations

import contextlib
import functools
import os
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from liveact_eval.errors import UserError

_VISIBLE = "CUDA_VISIBLE_DEVICES"
_LOOK_S = 1.0


@dataclass(frozen=True)
class Device:
    """A GPU."""

    index: str
    """Number as nvidia-smi counts."""
    uuid: str
    """Name that does not change."""
    memory_gib: float
    """Its memory, used or not."""


def visible_devices() -> list[Device]:
    """The NVIDIA GPUs that this process may use, in the order of CUDA_VISIBLE_DEVICES where that is set."""
    return chosen_devices(_listing(), os.environ.get(_VISIBLE))


@functools.cache
def _listing() -> str:
    """All GPUs as nvidia-smi lists them; asked once, as it takes long. Empty without one."""
    try:
        answer = subprocess.run(
            ["nvidia-smi", "--query-gpu=index,uuid,memory.total", "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout


def chosen_devices(listing: str, visible: str | None) -> list[Device]:
    """GPUs of a listing `index, uuid, MiB`, as far as a value of CUDA_VISIBLE_DEVICES leaves them."""
    found: list[Device] = []
    for line in listing.splitlines():
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) == 3 and cells[2].replace(".", "", 1).isdigit():
            found.append(Device(cells[0], cells[1], float(cells[2]) / 1024))
    if visible is None:
        return found
    chosen: list[Device] = []
    for name in (part.strip() for part in visible.split(",")):
        match = [d for d in found if name and (d.index == name or d.uuid.startswith(name))]
        if len(match) != 1:
            # As CUDA does: what comes after a name that is none is not seen.
            break
        chosen += match
    return chosen


@contextlib.contextmanager
def lease(count: int) -> Iterator[tuple[str, ...]]:
    """Hold so many GPUs until the end; waits where other processes of this tool hold them.

    What this process itself keeps between clips (`keep`) is given back first: it would wait for itself for ever. Gives
    the UUIDs, for CUDA_VISIBLE_DEVICES. A process that is killed holds nothing.

    Raises:
        UserError: the machine has fewer.
    """
    if count == 0:
        yield ()
        return
    devices = visible_devices()
    if len(devices) < count:
        raise UserError(f"{count} GPUs are needed, and {len(devices)} can be seen here. Use another machine.")
    while _kept():
        _kept().pop()()
    while True:
        with contextlib.ExitStack() as held:
            taken: list[str] = []
            for device in devices:
                if len(taken) < count and _take(device, held):
                    taken.append(device.uuid)
            if len(taken) == count:
                yield tuple(taken)
                return
        # Some are held elsewhere: give back what was taken, so that two who wait do not wait for each other.
        time.sleep(_LOOK_S)


def keep(give_back: Callable[[], None]) -> None:
    """Say that GPUs are held beyond a clip, and what gives them back when another system needs some."""
    _kept().append(give_back)


@functools.cache
def _kept() -> list[Callable[[], None]]:
    """One list per process."""
    return []


def _take(device: Device, held: contextlib.ExitStack) -> bool:
    lock = FileLock(lock_folder() / f"{device.uuid}.lock", timeout=0)
    try:
        held.enter_context(lock)
    except Timeout:
        return False
    return True


def lock_folder() -> Path:
    """Folder of the locks; one per user, shared by all runs on the machine.

    Raises:
        UserError: somebody else has made what has its name, and could lead our files elsewhere.
    """
    folder = Path(tempfile.gettempdir()) / f"liveact-eval-gpus-{os.getuid()}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise UserError(
            f"{str(folder)!r} is not a folder of yours, and GPUs are shared by locks in it. Remove it, or set TMPDIR "
            "to a folder of your own."
        )
    return folder
