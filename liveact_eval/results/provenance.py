"""Under which circumstances a number was made."""

from __future__ import annotations

import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import liveact_eval
from liveact_eval.clips.clip import printable

_PACKAGES = ("av", "numpy", "scipy", "scikit-image", "torch", "pydantic", "pillow")


def gather() -> dict[str, Any]:
    """Versions, commit of this tool, and the machine; imports nothing heavy, asks no network."""
    return {
        "liveact_eval": liveact_eval.__version__,
        "revision": revision(Path(__file__).resolve().parents[2]),
        "python": platform.python_version(),
        "packages": packages(),
        "decoder": decoder(),
        "platform": platform.platform(),
        "machine": {"cpu": _cpu(), "cores": _cores(), "memory_gib": _memory_gib()},
        "gpu": gpus(),
        "command": [printable(word) for word in (Path(sys.argv[0]).name, *sys.argv[1:])],
    }


def packages() -> dict[str, str | None]:
    """Versions of what the numbers depend on."""
    found: dict[str, str | None] = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def decoder() -> dict[str, str]:
    """Versions of the libraries that decode and convert: colours depend on them."""
    import av

    return {
        name: ".".join(map(str, av.library_versions[name]))
        for name in ("libavcodec", "libavformat", "libswscale")
    }


def revision(folder: Path) -> dict[str, Any] | None:
    """Commit and dirty flag of the repository that this code runs from; `None` for an installed copy."""
    if not (folder / ".git").exists():
        return None
    commit = _git(folder, "rev-parse", "HEAD")
    status = _git(folder, "status", "--porcelain")
    dirty = None if status is None else bool(status)
    return None if commit is None else {"commit": commit, "dirty": dirty}


def gpus() -> list[dict[str, str]]:
    """Name, driver and memory of NVIDIA GPUs, as nvidia-smi states them; empty where there are none."""
    try:
        answer = subprocess.run(
            ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    rows = [line.split(", ") for line in answer.stdout.strip().splitlines()]
    return [{"name": r[0], "driver": r[1], "memory": r[2]} for r in rows if len(r) == 3]


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _cores() -> int:
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def _memory_gib() -> float | None:
    import os

    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (ValueError, OSError, AttributeError):
        return None
