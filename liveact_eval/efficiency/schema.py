"""What `efficiency.json` holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from liveact_eval.efficiency.figures import Figure
from liveact_eval.efficiency.gpu_watch import GpuLoad
from liveact_eval.efficiency.nvml import GpuState
from liveact_eval.efficiency.stages import StageRecord
from liveact_eval.results.versioned import published, read_versioned

SCHEMA_VERSION = 1
RunsAs = Literal["native", "program", "loaded function"]
LiveKind = Literal["simulated", "real time", "printed", "none"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class BlockRecord(_Record):
    """One block, as it was measured."""

    repeat: int
    """0 is the cold video, of which nothing is in the figures; repeats count from 1."""
    block: int
    frames: int
    steady: bool
    """Whether it is in the figures of the steady state."""
    compute_ms: float
    encode_ms: float
    """Writing its frames to a video, beside `compute_ms`."""
    heard_s: float
    """Seconds of sound that had been given when it began."""
    model_calls: int | None
    stages_ms: dict[str, float]
    device_mib: float | None
    host_mib: float | None


class LiveBlock(_Record):
    """When a block of a live call came, in milliseconds since the first sample was spoken.

    Of a program: since its first block that does not warm up began, with all sound there.
    """

    repeat: int
    block: int
    frames: int
    simulated_ms: float
    """By the times that were measured."""
    real_ms: float | None
    """In real time; `null` where nobody waited for it."""


class Denominator(_Record):
    """What a share of the peak is a share of."""

    tflops: float
    """Dense TFLOP/s."""
    device: str
    precision: str
    source: str


class WarmUp(_Record):
    """What comes before the steady state and is in none of its figures."""

    build_s: float | None
    """Seconds of building the networks and reading their weights; 0 where an earlier case had built them. Of a program:
    as it says, `null` where it does not."""
    ttff_cold_ms: float | None
    """Time to first frame of the very first video of a case, compiling included; `null`: a program that does not say
    it."""
    graphs_compiled: int | None
    """Graphs compiled in the cold video; `null`: a program, of which it is not known."""
    graphs_compiled_later: int | None
    """Graphs compiled in the measured videos; 0 is right."""


class CaseRecord(_Record):
    """One size and block length."""

    name: str
    """Size, and the blocks where they were asked for: `512x512`, `512x512, blocks 6+8`."""
    size: tuple[int, int]
    latents_per_block: tuple[int, int] | None
    """Latent frames of the first and of every later block; `null`: a program, of which it is not known."""
    frames: int
    """Frames of each video; of the first one, where clips of a dataset differ."""
    ran: dict[str, str | int | float | bool]
    """Configuration, precision and every option, as the generator states them."""
    figures: list[Figure]
    stages: list[StageRecord]
    warm_up: WarmUp
    operations_tflop: dict[str, float] | None
    """Operations of a steady block by component, in TFLOP."""
    operations_rule: str
    """What was counted, or why there is no count."""
    peak: Denominator | None
    """`null` where it is not known."""
    blocks: list[BlockRecord]
    """Every sample, warm-up included."""
    live_blocks: list[LiveBlock]
    """Every block of the live calls, from which stalls and delays are worked out."""
    sound_late_ms: float | None
    """By how much sound was fed late in real time, at most; `null`: the live call was simulated."""
    video_s: list[float] | None = None
    """Of a program: seconds that each repeat took, seen from outside: a whole process, or a call of a loaded
    function."""


class Efficiency(_Record):
    """A benchmark of one model on one machine."""

    schema_version: Literal[1] = 1
    name: str
    """Name of the folder."""
    date: str
    model: str
    title: str
    runs_as: RunsAs = "native"
    """Inside this package; as a program that is started for each video; as a function that stays loaded."""
    device: str
    """As PyTorch names it."""
    device_count: int = 1
    """Devices that make one video."""
    precision: str
    weights: str
    """Where they come from."""
    playback_fps: float
    """Frames per second at which the video is played."""
    target_fps: float
    """Frames per second at which deadlines are counted."""
    repeats: int
    threads: int
    """Threads of PyTorch on the CPU; processors that a program may use."""
    live_call: LiveKind
    """Whether sound was fed at the speed of speech, or the live call was worked out from the times of the blocks; of a
    program, what a viewer would have seen was, from times that it printed, with all sound there from the start; or
    nothing, where it printed none."""
    dataset: str | None
    """Dataset whose clips were made; `null`: one drawn clip."""
    quality: str | None
    """Run folder, beside this file, that scores the very frames that were timed."""
    fingerprint: str
    """Hash of the machine: times of two fingerprints are not compared."""
    provenance: dict[str, Any]
    gpu_before: GpuState | None
    gpu_while: GpuLoad | None
    """While videos were made; clocks before and after are those of an idle GPU."""
    gpu_after: GpuState | None
    gpu_reason: str | None
    """Why the state of the GPU is not known."""
    notes: list[str]
    """What a reader should know before quoting a figure."""
    cases: list[CaseRecord]


def read_efficiency(path: Path) -> Efficiency:
    """Read `efficiency.json`.

    Raises:
        UserError: missing, damaged, or written by a newer version.
    """
    make = "Make one with: liveact-eval bench --model NAME --out FOLDER"
    return read_versioned(path, Efficiency, SCHEMA_VERSION, what="efficiency", make=make)


def json_schema() -> dict[str, Any]:
    """The JSON Schema."""
    return published(Efficiency, "liveact-eval efficiency, version 1")
