"""Speed options of the native LiveAct on a real GPU: equal results, and that they do what they say."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from liveact_eval.liveact.acceleration import SpeedOptions, apply
from liveact_eval.liveact.audio import audio_windows
from liveact_eval.liveact.backends import attention_backend, available_backends
from liveact_eval.liveact.compiled import no_compilation
from liveact_eval.liveact.config import DiTConfig
from liveact_eval.liveact.dit import CausalDiT
from liveact_eval.liveact.graphs import GraphedForward
from liveact_eval.liveact.sampler import Noise
from liveact_eval.rollouts.neighbor import NeighborForcing, NeighborOptions
from tests.unit.liveact.models import CONFIG, condition, gaussian, small_dit, speech, text_and_image

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
# By what the GPU is, not by whether a product runs: one that should run and does not is a failure.
needs_fp8 = pytest.mark.skipif(
    torch.cuda.is_available() and torch.cuda.get_device_capability() < (8, 9),
    reason="FP8 products need compute capability 8.9",
)

GPU = torch.device("cuda:0")
WIDE = DiTConfig(**{**CONFIG.__dict__, "dim": 256, "ffn_dim": 512, "num_layers": 4})
BLOCKS = 4


@pytest.fixture(autouse=True)
def forget_graphs() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def video(dit: CausalDiT, options: NeighborOptions | None = None, blocks: int = BLOCKS) -> Tensor:
    rollout = NeighborForcing(dit, options)
    rollout.begin(condition(8, 8))
    with torch.no_grad():
        context = dit.encode_context(*text_and_image(WIDE))
    noise, made = Noise(3), []
    for n in range(blocks):
        span = rollout.audio_span(n)
        windows = audio_windows(speech(200, WIDE), span.start, len(span), WIDE.audio_window)
        made.append(rollout.block(n, context, windows, noise))
    return torch.cat(made, dim=2).float().cpu()


def fast(options: SpeedOptions) -> CausalDiT:
    dit = small_dit(WIDE)
    dit.to(options.torch_dtype)
    apply(dit, options, GPU)
    return dit


def plain(dtype: torch.dtype) -> CausalDiT:
    dit = small_dit(WIDE)
    dit.to(device=GPU, dtype=dtype)
    return dit


def relative(found: Tensor, expected: Tensor) -> float:
    ratio: float = ((found - expected).std() / expected.std()).item()
    return ratio


def test_gpu_and_cpu_agree() -> None:
    on_cpu = video(small_dit(WIDE))

    assert torch.allclose(video(fast(SpeedOptions(dtype="float32"))), on_cpu, atol=1e-3)


@pytest.mark.parametrize("options", [NeighborOptions(), NeighborOptions(fp8_cache=True)])
def test_cuda_graphs_replay_what_is_computed(options: NeighborOptions) -> None:
    dit = fast(SpeedOptions(cuda_graphs=True))

    found = video(dit, options)

    assert isinstance(dit.executor, GraphedForward)
    assert (dit.executor.recorded, dit.executor.replayed) == (3, 6)
    assert relative(found, video(plain(torch.bfloat16), options)) < 1e-2
    # Another stream of the same transformer has a memory of its own.
    assert torch.equal(video(dit, options), found)


@pytest.mark.parametrize("resident", [1, 2, 3])
def test_offloaded_blocks_give_the_same_bits(resident: int) -> None:
    dit = fast(SpeedOptions(block_offload=resident))

    assert torch.equal(video(dit), video(plain(torch.bfloat16)))


@pytest.mark.parametrize("fp8_cache", [False, True])
def test_caches_in_host_memory_give_the_same_bits(fp8_cache: bool) -> None:
    dit = plain(torch.bfloat16)
    on_gpu, on_host = (
        video(dit, NeighborOptions(fp8_cache=fp8_cache, offload_cache=host)) for host in (False, True)
    )

    assert torch.equal(on_host, on_gpu)


@needs_fp8
def test_fp8_products_equal_the_emulated_ones() -> None:
    scaled = video(fast(SpeedOptions(fp8_linear="scaled")))
    emulated = video(fast(SpeedOptions(fp8_linear="emulated")))

    assert relative(scaled, emulated) < 0.05
    assert relative(scaled, video(plain(torch.bfloat16))) < 0.3


@pytest.mark.parametrize("fp8_linear", ["off", pytest.param("scaled", marks=needs_fp8)])
def test_compiled_blocks_with_graphs(fp8_linear: str) -> None:
    narrow = SpeedOptions(fp8_linear=fp8_linear)  # type: ignore[arg-type]
    expected = video(fast(narrow))
    dit = fast(SpeedOptions(fp8_linear=fp8_linear, compile="default", cuda_graphs=True))  # type: ignore[arg-type]

    found = video(dit)
    with no_compilation():
        again = video(dit)

    assert relative(found, expected) < 0.1
    assert torch.equal(again, found)


def test_every_backend_that_says_it_runs_computes_attention() -> None:
    q, k, v = (gaussian(1, n, 8, 128, seed=n).to(GPU, torch.bfloat16) for n in (192, 448, 449))
    v = v[:, :448]
    exact = attention_backend("sdpa-math", GPU, torch.bfloat16)(q, k, v, None).float()

    for name, problem in available_backends(GPU, torch.bfloat16).items():
        if problem is None:
            found = attention_backend(name, GPU, torch.bfloat16)(q, k, v, None).float()
            assert relative(found, exact) < (0.1 if name == "sage" else 0.02), name
