"""Memory by arithmetic against real tensors, and against what is alive while a block is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from liveact_eval.liveact import vae
from liveact_eval.liveact.config import DiTConfig, LiveActConfig, VAEConfig, liveact_18b, liveact_tiny
from liveact_eval.liveact.dit import CausalDiT
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.fitting import check_fits
from liveact_eval.liveact.memory_need import (
    GIB,
    MemoryNeed,
    NeedOptions,
    activation_bytes,
    cache_bytes,
    memory_need,
    too_small,
)
from liveact_eval.liveact.offload import BlockOffload
from liveact_eval.liveact.quantise import quantise_linears
from liveact_eval.liveact.sampler import Noise
from liveact_eval.liveact.stream_decoder import StreamDecoder
from liveact_eval.rollouts.neighbor import NeighborForcing, NeighborOptions

SIZE = (96, 64)
TINY = liveact_tiny()
FOUR = replace(TINY, dit=DiTConfig(**{**TINY.dit.__dict__, "num_layers": 4}))


def need(config: LiveActConfig = TINY, size: tuple[int, int] = SIZE, **options: Any) -> MemoryNeed:
    return memory_need(config, size=size, options=NeedOptions(**{"dtype": torch.float32, **options}))


def state_bytes(module: nn.Module) -> int:
    return sum(t.nbytes for t in module.state_dict().values())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_weights_are_counted_to_the_byte(dtype: torch.dtype) -> None:
    dit = CausalDiT(TINY.dit).to(dtype)
    assert need(dtype=dtype).weights_gib * GIB == state_bytes(dit)

    quantise_linears(dit, method="emulated")
    assert need(dtype=dtype, fp8_linear=True).weights_gib * GIB == state_bytes(dit)


@pytest.mark.parametrize("resident", [1, 3])
def test_offloaded_blocks_are_counted(resident: int) -> None:
    dit = CausalDiT(FOUR.dit)
    whole = state_bytes(dit)
    feed = BlockOffload(dit.blocks, "cpu", resident)
    found = need(FOUR, block_offload=resident)
    padding = 256 * 2 * 16 * (FOUR.dit.num_layers + 2)

    assert feed.host_bytes() - padding < found.host_gib * GIB <= feed.host_bytes()
    streaming = feed.host_bytes() // feed.block_bytes
    assert found.weights_gib * GIB == pytest.approx(whole - (streaming - 2) * feed.block_bytes, abs=padding)


@pytest.mark.parametrize(
    ("rollout", "options"),
    [
        (NeighborOptions(), {}),
        (NeighborOptions(fp8_cache=True), {"fp8_cache": True}),
        (NeighborOptions(audio_guidance=1.7), {"guided_steps": 2}),
        (NeighborOptions(memory="window"), {"memory": "window"}),
    ],
)
def test_caches_are_counted_to_the_byte(rollout: NeighborOptions, options: dict[str, Any]) -> None:
    stream = NeighborForcing(CausalDiT(TINY.dit), rollout)
    stream.begin(torch.zeros(1, 20, 14, SIZE[1] // 8, SIZE[0] // 8))

    assert need(**options).cache_gib * GIB == stream.memory_bytes()


def test_caches_in_host_memory_are_counted_there() -> None:
    found = need(offload_cache=True)

    assert found.cache_gib == 0
    assert found.host_gib == need().cache_gib


def test_a_memory_that_grows_is_counted_for_the_whole_video() -> None:
    dit = CausalDiT(TINY.dit).requires_grad_(False)
    stream = NeighborForcing(dit, NeighborOptions(memory="full"))
    stream.begin(torch.zeros(1, 20, 14, SIZE[1] // 8, SIZE[0] // 8))
    for memory in stream.memories:
        for latents in (6, 8, 8):
            memory.begin_block(latents, [])

    assert need(memory="full", blocks=3).cache_gib * GIB == stream.memory_bytes()


@pytest.mark.parametrize(("size", "gigabytes"), [((512, 512), 35.2), ((720, 416), 40.3), ((832, 480), 53.7)])
def test_caches_at_full_size_are_the_published_ones(size: tuple[int, int], gigabytes: float) -> None:
    options = NeedOptions()

    assert cache_bytes(DiTConfig(), size=size, options=options) / 1e9 == pytest.approx(gigabytes, abs=0.06)
    halves = cache_bytes(DiTConfig(), size=size, options=replace(options, ranks=2))
    assert halves * 2 == cache_bytes(DiTConfig(), size=size, options=options)
    guided = cache_bytes(DiTConfig(), size=size, options=replace(options, guided_steps=3))
    assert guided == 2 * cache_bytes(DiTConfig(), size=size, options=options)


def test_full_size_weights() -> None:
    found = memory_need(liveact_18b(), size=(512, 512), options=NeedOptions())

    assert found.weights_gib * GIB == 2 * 18_884_094_784
    assert found.total_gib < 100  # it fits a GPU of 141 GB, and none of 80


@pytest.mark.parametrize("fp8_linear", [False, True])
@pytest.mark.parametrize("fp8_cache", [False, True])
def test_activations_at_full_width_are_what_is_alive(fp8_linear: bool, fp8_cache: bool) -> None:
    """One layer of the 18.9 B model at 512x512 on the meta device: sizes without numbers."""
    config = DiTConfig(num_layers=1)
    options = NeedOptions(fp8_linear=fp8_linear, fp8_cache=fp8_cache)

    found = activation_bytes(config, size=(512, 512), options=options)
    alive = _peak_of_a_block(config, 64, options)

    assert alive <= found < 1.2 * alive


@pytest.mark.parametrize("mode", ["overlap", "carried"])
def test_decoding_at_full_width_is_what_is_alive(mode: Any) -> None:
    with torch.device("meta"):
        module = vae.build(VAEConfig()).bfloat16()
        latents = torch.zeros(1, 16, 2, 64, 64, dtype=torch.bfloat16)
    decoder = StreamDecoder(vae.WanVAE(module, VAEConfig()), mode=mode)
    with torch.no_grad(), Alive(list(module.state_dict().values())) as alive:
        for _ in (*decoder.stream(latents), *decoder.stream(latents)):
            pass
    found = memory_need(liveact_18b(), size=(512, 512), options=NeedOptions()).vae_gib * GIB

    assert alive.peak <= found - state_bytes(module) < 1.2 * alive.peak


def test_too_little_memory_is_an_error_that_names_the_parts_and_the_ways_out() -> None:
    found = memory_need(liveact_18b(), size=(512, 512), options=NeedOptions())

    message = str(too_small(found, 23.5, "cuda:0"))

    assert "Not enough memory on cuda:0" in message
    assert "weights 35.2" in message
    assert "cache 32.8" in message
    assert "23.5 GiB free" in message
    for option in ("fp8_cache", "offload_cache", "fp8_linear", "block_offload"):
        assert option in message
    assert need().total_gib < 1
    check_fits(need(), torch.device("cpu"))


def test_a_gpu_too_small_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (20 * GIB, 24 * GIB))
    found = memory_need(liveact_18b(), size=(512, 512), options=NeedOptions())

    with pytest.raises(LiveActError, match=r"GiB needed .* 20\.0 GiB free"):
        check_fits(found, torch.device("cuda:0"))


def _peak_of_a_block(config: DiTConfig, side: int, options: NeedOptions) -> int:
    with torch.device("meta"):
        dit = CausalDiT(config).to(options.dtype).requires_grad_(False)
        if options.fp8_linear:
            quantise_linears(dit)
        text, image = torch.zeros(9, config.text_dim), torch.zeros(config.image_tokens, config.image_dim)
        shape = (1, 53, config.audio_window, config.audio_layers, config.audio_channels)
        windows, y = torch.zeros(shape, dtype=options.dtype), torch.zeros(1, 20, 14, side, side)
    # PyTorch computes attention on the meta device the long way; kernels on a GPU hold their result alone.
    dit.attend = _result_alone
    rollout = NeighborForcing(dit, NeighborOptions(fp8_cache=options.fp8_cache))
    rollout.begin(y)
    for memory in rollout.memories:
        for latents in (6, 8):
            memory.begin_block(latents, rollout._kernels)
    rollout._next = 2
    context = dit.encode_context(text, image)
    assert context.layers is not None
    stores = [s for m in rollout.memories for layer in m.layers for s in (layer.keys, layer.values)]
    standing = [*dit.state_dict().values(), windows, *context.layers[0], context.text, context.image]
    buffers = [part for store in stores for part in vars(store).values() if hasattr(part, "put")]
    standing += [buffer._values for buffer in buffers]
    with Alive(standing) as alive:
        rollout.block(2, context, windows, _Nothing())
    peak: int = alive.peak
    return peak


def _result_alone(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    return torch.empty_like(q)


class _Nothing(Noise):
    """Tensors without numbers."""

    def __init__(self) -> None:
        pass

    def draw(self, shape: tuple[int, ...], device: torch.device | str, dtype: torch.dtype) -> Tensor:
        return torch.empty(shape, device=device, dtype=dtype)


class Alive(TorchDispatchMode):
    """Counts the bytes of all tensors that are alive, but for those that were there before."""

    def __init__(self, before: Sequence[Tensor]) -> None:
        super().__init__()
        self.peak = 0
        self._before = {StorageWeakRef(t.untyped_storage()).cdata for t in before}
        self._alive: dict[int, tuple[StorageWeakRef, int]] = {}

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(out):
            if isinstance(tensor, Tensor):
                storage = tensor.untyped_storage()
                held = StorageWeakRef(storage)
                if held.cdata not in self._before:
                    self._alive[held.cdata] = (held, storage.nbytes())
        self._alive = {key: held for key, held in self._alive.items() if not held[0].expired()}
        self.peak = max(self.peak, sum(size for _, size in self._alive.values()))
        return out
