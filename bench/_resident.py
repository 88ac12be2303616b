"""The highest resident memory of this process alone; standard library only, as tools' interpreters import it too."""

from __future__ import annotations

from pathlib import Path

_STATUS = Path("/proc/self/status")


def peak_rss_mib() -> float:
    """Highest resident memory since the program of this process began, in MiB (Linux).

    `getrusage` will not do: its maximum passes from a parent through fork and exec, so that a small child of a large
    parent shows the parent's.
    """
    for line in _STATUS.read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"{_STATUS} has no line VmHWM, which Linux writes")
