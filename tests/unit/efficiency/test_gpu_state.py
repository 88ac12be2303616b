"""What the driver says of a GPU, at a moment and while it works."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from liveact_eval.efficiency.gpu_watch import GpuWatch, load_of
from liveact_eval.efficiency.nvml import GpuState, Nvml, open_nvml
from liveact_eval.efficiency.report import markdown
from tests.unit.efficiency.test_bench_files import benchmark


class Driver:
    """Answers as the package nvidia-ml-py does, of a GPU that counts no energy and is too hot."""

    NVML_CLOCK_SM, NVML_CLOCK_MEM, NVML_TEMPERATURE_GPU = 1, 2, 0
    nvmlClocksThrottleReasonSwPowerCap = 4
    nvmlClocksThrottleReasonHwThermalSlowdown = 64

    class NVMLError(Exception):
        pass

    def nvmlDeviceGetName(self, handle: str) -> bytes:
        return b"NVIDIA Test"

    def nvmlSystemGetDriverVersion(self) -> str:
        return "999.1"

    def nvmlDeviceGetClockInfo(self, handle: str, kind: int) -> int:
        return {1: 1980, 2: 2619}[kind]

    def nvmlDeviceGetEnforcedPowerLimit(self, handle: str) -> int:
        return 700_000

    def nvmlDeviceGetPowerUsage(self, handle: str) -> int:
        return 650_500

    def nvmlDeviceGetTemperature(self, handle: str, kind: int) -> int:
        return 91

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, handle: str) -> int:
        return 64

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: str) -> int:
        raise self.NVMLError("not supported")


def test_state_of_a_gpu() -> None:
    gpu = Nvml(Driver(), "handle")
    state = gpu.state()
    assert (state.name, state.driver) == ("NVIDIA Test", "999.1")
    assert (state.sm_clock_mhz, state.memory_clock_mhz, state.temperature_c) == (1980, 2619, 91)
    assert (state.power_limit_w, state.power_w) == (700.0, 650.5)
    assert state.throttled_by == ["hardware thermal slowdown"]
    assert gpu.energy_j() is None


def test_no_gpu_no_state() -> None:
    assert open_nvml(None) == "the device is no GPU"


def state(**given: Any) -> GpuState:
    content: dict[str, Any] = {
        "name": "NVIDIA Test",
        "driver": "999.1",
        "sm_clock_mhz": 1980,
        "memory_clock_mhz": 2619,
        "power_limit_w": 700.0,
        "power_w": 600.0,
        "temperature_c": 60,
        "throttled_by": [],
    }
    return GpuState(**(content | given))


def test_many_looks_come_to_one_load() -> None:
    load = load_of(
        [
            state(),
            state(sm_clock_mhz=1500, power_w=700.0, throttled_by=["power cap"]),
            state(sm_clock_mhz=1755, power_w=None, temperature_c=71, throttled_by=["power cap"]),
            state(throttled_by=None),
        ]
    )
    assert load is not None
    assert (load.looks, load.sm_clock_low_mhz, load.sm_clock_median_mhz, load.sm_clock_high_mhz) == (
        4,
        1500,
        1867.5,
        1980,
    )
    assert load.power_mean_w == pytest.approx(1900 / 3)
    assert load.power_high_w == 700.0
    assert load.temperature_high_c == 71
    assert load.throttled == {"power cap": 2}
    assert load_of([]) is None


def test_what_the_driver_does_not_say_stays_unknown() -> None:
    load = load_of([state(sm_clock_mhz=None, power_w=None, temperature_c=None, throttled_by=None)])
    assert load is not None
    assert load.model_dump(exclude={"looks"}) == dict.fromkeys(
        (
            "sm_clock_low_mhz",
            "sm_clock_median_mhz",
            "sm_clock_high_mhz",
            "power_mean_w",
            "power_high_w",
            "temperature_high_c",
            "throttled",
        )
    )


def test_looks_while_work_goes_on() -> None:
    looked = threading.Event()

    def look() -> GpuState:
        looked.set()
        return state(throttled_by=["power cap"])

    watch = GpuWatch(look, every_s=0.001)
    with watch:
        assert looked.wait(20)
    load = watch.load()
    assert load is not None
    assert load.looks == (load.throttled or {})["power cap"] >= 1
    assert not [thread for thread in threading.enumerate() if thread.name == "gpu watch"]


def test_nothing_to_look_at() -> None:
    with GpuWatch(None) as watch:
        pass
    assert watch.load() is None


def test_throttling_under_load_is_said_though_the_idle_gpu_is_free() -> None:
    load = load_of([state(), state(sm_clock_mhz=1500, throttled_by=["power cap"])])
    page = markdown(benchmark(gpu_before=state(), gpu_while=load, gpu_after=state(), gpu_reason=None))
    assert (
        "GPU while measuring, 2 looks: SM clock 1740 MHz (1500 to 1980) power 600 W of 700 W allowed" in page
    )
    assert "THE GPU WAS THROTTLED: power cap in 1 of 2 looks" in page
