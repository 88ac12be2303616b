"""Compiled blocks and recorded model calls: how many graphs, equal results, and none in the middle of a video."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from liveact_eval.liveact.audio import audio_windows
from liveact_eval.liveact.backends import PackageKernel, attention_backend, sdpa
from liveact_eval.liveact.compiled import compile_blocks, graphs_compiled, no_compilation
from liveact_eval.liveact.config import DiTConfig
from liveact_eval.liveact.dit import CausalDiT, ForwardCall
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.graphs import CudaRecorder, GraphedForward, Recording
from liveact_eval.liveact.memory import Positions
from liveact_eval.liveact.quantise import quantise_linears
from liveact_eval.liveact.rope_cache import RopeCache
from liveact_eval.liveact.sampler import Noise
from liveact_eval.rollouts.neighbor import NeighborForcing, NeighborOptions
from tests.unit.liveact.models import CONFIG, condition, small_dit, speech, text_and_image

DEEP = DiTConfig(**{**CONFIG.__dict__, "num_layers": 3})


@pytest.fixture(autouse=True)
def forget_graphs() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


class Video:
    """A stream that can be continued block by block."""

    def __init__(self, dit: CausalDiT, options: NeighborOptions | None = None) -> None:
        self.rollout = NeighborForcing(dit, options)
        self.rollout.begin(condition())
        self.noise = Noise(3)
        self.context = dit.encode_context(*text_and_image())
        self.next = 0

    def make(self, blocks: int) -> Tensor:
        made = []
        for _ in range(blocks):
            span = self.rollout.audio_span(self.next)
            windows = audio_windows(speech(), span.start, len(span), CONFIG.audio_window)
            made.append(self.rollout.block(self.next, self.context, windows, self.noise))
            self.next += 1
        return torch.cat(made, dim=2)


@pytest.mark.slow
def test_all_layers_share_four_graphs_and_nothing_is_compiled_afterwards() -> None:
    """Through AOTAutograd, which rewrites the writes into the memory."""
    expected = Video(small_dit(DEEP)).make(4)
    dit = small_dit(DEEP)
    compile_blocks(dit, engine="aot_eager")
    before = graphs_compiled()
    video = Video(dit)

    warm = video.make(2)
    assert graphs_compiled() - before == 4
    with no_compilation():
        steady = video.make(2)
        again = Video(dit).make(4)

    found = torch.cat([warm, steady], dim=2)
    assert torch.allclose(found, expected, atol=1e-5)
    assert torch.equal(again, found)


@pytest.mark.slow
def test_guidance_and_8_bits_need_no_more_graphs() -> None:
    options = NeighborOptions(fp8_cache=True, audio_guidance=1.7)
    pair = [small_dit() for _ in range(2)]
    for dit in pair:
        quantise_linears(dit, method="emulated")
        dit.attend = attention_backend("sdpa-flash", "cpu", torch.float32, CONFIG.head_dim)
    compile_blocks(pair[1], engine="eager")
    before = graphs_compiled()

    assert torch.allclose(Video(pair[1], options).make(3), Video(pair[0], options).make(3), atol=1e-5)
    assert graphs_compiled() - before == 4


@pytest.mark.slow
def test_kernels_of_other_packages_are_compiled_around() -> None:
    expected = Video(small_dit()).make(1)
    dit = small_dit()
    dit.attend = PackageKernel("foreign", "foreign 1.0", torch.compiler.disable(_foreign))
    compile_blocks(dit, engine="eager")

    assert torch.allclose(Video(dit).make(1), expected, atol=1e-5)


@pytest.mark.slow
def test_another_size_in_the_middle_is_an_error() -> None:
    dit = small_dit()
    compile_blocks(dit, engine="eager")
    Video(dit).make(2)
    other = NeighborForcing(dit)
    other.begin(condition(4, 8))
    windows = audio_windows(speech(), 0, 53, CONFIG.audio_window)
    context = dit.encode_context(*text_and_image())

    with pytest.raises(LiveActError, match="compiled again in the middle of a video"), no_compilation():
        other.block(0, context, windows, Noise(0))
    with pytest.raises(LiveActError, match="No compile mode is named 'fastest'; known: default"):
        compile_blocks(dit, "fastest")  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_growing_memory_compiles_at_every_block() -> None:
    """Which is why it is for short clips: seen here so that the guard above is known to notice."""
    dit = small_dit()
    compile_blocks(dit, engine="eager")
    video = Video(dit, NeighborOptions(memory="full"))
    video.make(2)

    with pytest.raises(LiveActError, match="compiled again"), no_compilation():
        video.make(1)


class Recorded:
    """Stands in for a CUDA graph: it computes from the same tensors and writes to the same place."""

    def __init__(self, work: Callable[[], Tensor]) -> None:
        self._work = work
        self.output = torch.full((1, 16, 8, 4, 6), torch.nan)

    def replay(self) -> None:
        self.output.copy_(self._work())


def record(work: Callable[[], Tensor]) -> Recording:
    return Recorded(work)


def test_one_recording_per_denoising_step_gives_the_same_video() -> None:
    expected = Video(small_dit()).make(5)
    dit = small_dit()
    graphed = GraphedForward(record)
    dit.executor = graphed

    found = Video(dit).make(5)

    assert torch.equal(found, expected)
    # Blocks 0 and 1 run as usual; 2, 3 and 4 are replayed, three steps each.
    assert (graphed.recorded, graphed.replayed) == (3, 9)


def test_latent_and_timestep_are_those_of_each_call() -> None:
    dit = small_dit()
    video = Video(dit)
    geometry = dit._geometry(Positions((0,), (0,)), 2, 3, None, torch.device("cpu"))
    x, graphed = torch.randn(1, 16, 8, 4, 6), GraphedForward(record)
    call = ForwardCall(
        x, torch.tensor([1.0]), video.context, None, False, geometry, video.rollout.memories[0]
    )

    for level in (1.0, 2.0, 3.0):
        changed = replace(call, x=x + level, timestep=torch.tensor([level]))
        found = graphed(lambda given: given.x * given.timestep, changed)
        assert torch.equal(found, (x + level) * level)
    assert graphed.replayed == 2


def test_a_new_prompt_is_recorded_anew_and_old_ones_are_let_go() -> None:
    dit, plain = small_dit(), small_dit()
    graphed = GraphedForward(record)
    dit.executor = graphed
    videos = [Video(plain), Video(dit)]
    made = []
    for video, source in zip(videos, (plain, dit), strict=True):
        parts = [video.make(3)]
        for prompt in range(3):
            text, image = text_and_image()
            video.context = source.encode_context(text + 1 + prompt, image)
            parts.append(video.make(3))
        made.append(torch.cat(parts, dim=2))

    assert torch.equal(made[0], made[1])
    assert graphed.recorded == 3 * 4
    held = [sum(r is not None for r in kinds.values()) for kinds in graphed._graphs.values()]
    assert held == [2, 2, 2]


def test_recordings_go_with_their_stream() -> None:
    dit = small_dit()
    graphed = GraphedForward(record)
    dit.executor = graphed
    video = Video(dit)
    video.make(3)
    assert len(graphed._graphs) == 3

    # The stand-in holds the call, which a graph does not.
    for kinds in graphed._graphs.values():
        kinds.clear()
    del video
    gc.collect()

    assert len(graphed._graphs) == 0


def test_memories_without_a_fixed_place_are_refused() -> None:
    dit = small_dit()
    dit.executor = GraphedForward(record)

    with pytest.raises(LiveActError, match="there is FullMemory"):
        Video(dit, NeighborOptions(memory="full")).make(1)
    with pytest.raises(LiveActError, match="they are in host memory"):
        Video(dit, NeighborOptions(offload_cache=True)).make(1)
    with pytest.raises(LiveActError, match="CUDA graphs need a CUDA device; the transformer is on cpu"):
        CudaRecorder(torch.device("cpu"))


def test_rotation_tables_are_built_once_and_few_are_kept() -> None:
    tables = RopeCache(entries=2)
    device = torch.device("cpu")
    first = tables.table((0, 1), 2, 3, 12, device)

    assert tables.table((0, 1), 2, 3, 12, device) is first
    assert tables.table((0, 2), 2, 3, 12, device) is not first
    with torch.inference_mode():
        assert tables.table((0, 1), 2, 3, 12, device) is not first
    assert len(tables) == 2


def _foreign(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return sdpa(q, k, v)
