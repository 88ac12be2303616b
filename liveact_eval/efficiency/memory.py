"""Memory of the process and of the device, now and at most."""

from __future__ import annotations

import contextlib
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"
"""What makes Linux forget the largest size that a process had."""


class MemoryMeter(Protocol):
    """Says how much memory is in use; `None` where nobody knows."""

    def reset(self) -> None:
        """Forget the peaks so far."""
        ...

    def device_peak_bytes(self) -> int | None:
        """Most device memory in use at once since the reset."""
        ...

    def host_bytes(self) -> int | None:
        """Memory of this process now."""
        ...

    def host_peak_bytes(self) -> int | None:
        """Most memory of this process at once; since its start where the system cannot forget."""
        ...


class ProcessMemory:
    """This process and one device.

    Args:
        device: whose memory counts; one without memory of its own, such as the CPU, has none.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.since_start = True
        """Whether the peak of the host is that since the process started."""

    def reset(self) -> None:
        """See `MemoryMeter.reset`."""
        if self._device.type == "cuda":
            import torch

            torch.cuda.reset_peak_memory_stats(self._device)
        with contextlib.suppress(OSError):
            _CLEAR.write_text(_RESET_PEAK, encoding="ascii")
            self.since_start = False

    def device_peak_bytes(self) -> int | None:
        """See `MemoryMeter.device_peak_bytes`."""
        if self._device.type != "cuda":
            return None
        import torch

        return int(torch.cuda.max_memory_allocated(self._device))

    def host_bytes(self) -> int | None:
        """See `MemoryMeter.host_bytes`."""
        return _status("VmRSS")

    def host_peak_bytes(self) -> int | None:
        """See `MemoryMeter.host_peak_bytes`."""
        peak = _status("VmHWM")
        if peak is not None:
            return peak
        largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return largest if sys.platform == "darwin" else largest * 1024


def _status(field: str) -> int | None:
    """A size of this process in bytes, as Linux states it."""
    try:
        lines = _STATUS.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    kib = [line.split()[1] for line in lines if line.startswith(f"{field}:")]
    return int(kib[0]) * 1024 if kib else None
