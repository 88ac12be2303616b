"""What an NVIDIA GPU says of itself while it works: clocks, power, temperature, throttling, energy.

The package nvidia-ml-py asks the driver. Where it or the driver is absent there are no such figures, and the reason is
recorded.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

_REASONS = (
    ("nvmlClocksThrottleReasonSwPowerCap", "power cap"),
    ("nvmlClocksThrottleReasonHwSlowdown", "hardware slowdown"),
    ("nvmlClocksThrottleReasonSwThermalSlowdown", "thermal slowdown"),
    ("nvmlClocksThrottleReasonHwThermalSlowdown", "hardware thermal slowdown"),
    ("nvmlClocksThrottleReasonHwPowerBrakeSlowdown", "power brake"),
)


class GpuState(BaseModel):
    """A GPU at one moment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    driver: str
    sm_clock_mhz: int | None
    memory_clock_mhz: int | None
    power_limit_w: float | None
    power_w: float | None
    temperature_c: int | None
    throttled_by: list[str] | None
    """What holds the clocks down, as the driver names it; empty: nothing does."""


@dataclass(frozen=True)
class Nvml:
    """One GPU, opened."""

    library: Any
    handle: Any

    def state(self) -> GpuState:
        """How it is doing. What the driver does not say of this GPU is `None`."""
        nvml, handle = self.library, self.handle
        mask = self._asked(nvml.nvmlDeviceGetCurrentClocksThrottleReasons)
        return GpuState(
            name=_text(nvml.nvmlDeviceGetName(handle)),
            driver=_text(nvml.nvmlSystemGetDriverVersion()),
            sm_clock_mhz=self._asked(nvml.nvmlDeviceGetClockInfo, nvml.NVML_CLOCK_SM),
            memory_clock_mhz=self._asked(nvml.nvmlDeviceGetClockInfo, nvml.NVML_CLOCK_MEM),
            power_limit_w=_thousandth(self._asked(nvml.nvmlDeviceGetEnforcedPowerLimit)),
            power_w=_thousandth(self._asked(nvml.nvmlDeviceGetPowerUsage)),
            temperature_c=self._asked(nvml.nvmlDeviceGetTemperature, nvml.NVML_TEMPERATURE_GPU),
            throttled_by=None
            if mask is None
            else [said for name, said in _REASONS if mask & getattr(nvml, name, 0)],
        )

    def energy_j(self) -> float | None:
        """Joules since the driver was loaded; `None` where the GPU does not count them."""
        return _thousandth(self._asked(self.library.nvmlDeviceGetTotalEnergyConsumption))

    def _asked(self, function: Any, *more: Any) -> Any:
        try:
            return function(self.handle, *more)
        except self.library.NVMLError:
            return None


def open_nvml(uuid: str | None) -> Nvml | str:
    """The GPU with that UUID, or the reason why it cannot be asked.

    Args:
        uuid: as PyTorch states it; `None`: the device is no GPU.
    """
    if uuid is None:
        return "the device is no GPU"
    try:
        library = importlib.import_module("pynvml")
    except ImportError:
        return "nvidia-ml-py is not installed: pip install 'liveact-eval[gpu]'"
    try:
        library.nvmlInit()
        name = uuid if uuid.startswith("GPU-") else f"GPU-{uuid}"
        return Nvml(library, library.nvmlDeviceGetHandleByUUID(name.encode()))
    except library.NVMLError as error:
        return f"the driver does not answer: {error}"


def _thousandth(value: int | None) -> float | None:
    return None if value is None else value / 1000.0


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
