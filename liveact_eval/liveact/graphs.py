"""Model calls as CUDA graphs: thousands of kernels are started by one command, and the host is out of the way.

A graph replays kernels on fixed addresses. Latent, timestep and speech are therefore copied into buffers of its own;
the memory of a denoising step and the conditions are used where they lie. A stream needs one graph per denoising
step, from its third block on; a new prompt or a new stream makes new ones.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from liveact_eval.liveact.attention import Geometry
from liveact_eval.liveact.conditions import Context
from liveact_eval.liveact.dit import ForwardCall
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.memory import Memory, Past, SlotMemory


class Recording(Protocol):
    """Work that can be done again on the same addresses."""

    @property
    def output(self) -> Tensor:
        """What it computes, at a fixed address."""
        ...

    def replay(self) -> None:
        """Do it again."""
        ...


Recorder = Callable[[Callable[[], Tensor]], Recording]
"""Records work without doing it."""


class CudaRecorder:
    """Records CUDA graphs that share one pool of memory, since they never run at the same time."""

    def __init__(self, device: torch.device) -> None:
        if device.type != "cuda":
            raise LiveActError(
                f"CUDA graphs need a CUDA device; the transformer is on {device}. Leave cuda_graphs off"
            )
        self._device = device
        self._pool = torch.cuda.graph_pool_handle()

    def __call__(self, work: Callable[[], Tensor]) -> Recording:
        """See `Recorder`."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.device(self._device), torch.cuda.graph(graph, pool=self._pool):
            output = work()
        return _CudaRecording(graph, output)


@dataclass(frozen=True)
class _CudaRecording:
    graph: torch.cuda.CUDAGraph
    output: Tensor

    def replay(self) -> None:
        self.graph.replay()


class _Kind(NamedTuple):
    """What two calls must share to be done by one graph, besides their memory."""

    latent: torch.Size
    timestep: torch.Size
    audio: torch.Size | None
    mute_first: bool
    context: int
    query: int
    key: int


@dataclass(frozen=True)
class _Recorded:
    recording: Recording
    x: Tensor
    timestep: Tensor
    audio: Tensor | None
    context: Context
    """Held, so that neither its address nor its id is given to another."""
    geometry: Geometry
    """Held likewise."""


class GraphedForward:
    """Carries out model calls by graphs; the `executor` of a `CausalDiT`.

    The first call of a kind runs as usual, which lets kernels be compiled and tuned; the second is recorded.

    Args:
        record: records work, normally a `CudaRecorder`.
        contexts: prompts whose graphs are kept at the same time, for each memory.
    """

    def __init__(self, record: Recorder, contexts: int = 2) -> None:
        self._record = record
        self._contexts = contexts
        self._graphs: weakref.WeakKeyDictionary[Memory, dict[_Kind, _Recorded | None]] = (
            weakref.WeakKeyDictionary()
        )
        self.recorded = 0
        """Graphs recorded so far."""
        self.replayed = 0
        """Model calls that a graph did so far."""

    def __call__(self, compute: Callable[[ForwardCall], Tensor], call: ForwardCall) -> Tensor:
        """The result of `compute(call)`.

        Raises:
            LiveActError: the memory has no fixed place on the device.
        """
        memory = _fixed_memory(call.memory)
        kinds = self._graphs.setdefault(memory, {})
        kind = _kind(call)
        if kind not in kinds:
            kinds[kind] = None
            return compute(call)
        held = kinds[kind]
        if held is None:
            held = self._make(compute, call)
            kinds[kind] = held
            self._forget(kinds)
        held.x.copy_(call.x)
        held.timestep.copy_(call.timestep)
        if held.audio is not None and call.audio is not None:
            held.audio.copy_(call.audio)
        held.recording.replay()
        self.replayed += 1
        # The next graph may write over this one's memory.
        return held.recording.output.clone()

    def _make(self, compute: Callable[[ForwardCall], Tensor], call: ForwardCall) -> _Recorded:
        audio = None if call.audio is None else call.audio.clone()
        fixed = replace(call, x=call.x.clone(), timestep=call.timestep.clone(), audio=audio)
        recording = self._record(lambda: compute(fixed))
        self.recorded += 1
        return _Recorded(recording, fixed.x, fixed.timestep, audio, call.context, call.geometry)

    def _forget(self, kinds: dict[_Kind, _Recorded | None]) -> None:
        """Let go of the graphs of prompts that were left behind."""
        contexts = list(dict.fromkeys(kind.context for kind in reversed(kinds)))
        for kind in list(kinds):
            if kind.context in contexts[self._contexts :]:
                del kinds[kind]


def _kind(call: ForwardCall) -> _Kind:
    return _Kind(
        latent=call.x.shape,
        timestep=call.timestep.shape,
        audio=None if call.audio is None else call.audio.shape,
        mute_first=call.mute_first,
        context=id(call.context),
        query=id(call.geometry.query),
        key=id(call.geometry.key),
    )


def _fixed_memory(memory: Past | None) -> Memory:
    """A memory whose tensors keep their addresses."""
    if not isinstance(memory, SlotMemory):
        seen = "no memory" if memory is None else type(memory).__name__
        raise LiveActError(
            f"CUDA graphs need a memory of a fixed number of slots, and there is {seen}. Leave cuda_graphs off, or "
            "take another memory policy than full"
        )
    if memory.layers[0].keys.host:
        raise LiveActError(
            "CUDA graphs need keys and values on the device, and they are in host memory. Leave cuda_graphs or "
            "offload_cache off"
        )
    return memory
