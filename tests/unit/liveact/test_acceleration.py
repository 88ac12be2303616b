"""The speed options: refusals before anything is loaded, one right order, and a true record."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from liveact_eval.liveact import acceleration
from liveact_eval.liveact.acceleration import SpeedOptions, apply
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.fp8_linear import Fp8Linear
from liveact_eval.liveact.offload import BlockOffload
from tests.unit.liveact.models import gaussian, small_dit, text_and_image

CPU, GPU = torch.device("cpu"), torch.device("cuda:0")


@pytest.mark.parametrize(
    ("options", "device", "message"),
    [
        ({"cuda_graphs": True}, CPU, "cuda_graphs needs a CUDA device; this is cpu"),
        ({"block_offload": 2}, CPU, "block_offload needs a CUDA device"),
        ({"tf32": True}, CPU, "tf32 needs a CUDA device"),
        ({"cuda_graphs": True, "block_offload": 2}, GPU, "cuda_graphs and block_offload exclude each other"),
        ({"attention": "fast"}, CPU, "attention is 'fast'; expected one of sdpa, sdpa-math"),
        ({"fp8_linear": "on"}, CPU, "fp8_linear is 'on'; expected one of off, scaled, emulated"),
        ({"compile": "reduce-overhead"}, CPU, "compile is 'reduce-overhead'; expected one of off, default"),
        ({"dtype": "float64"}, CPU, "dtype is 'float64'; expected one of bfloat16"),
    ],
)
def test_contradictions_are_found_before_anything_is_loaded(
    options: dict[str, Any], device: torch.device, message: str
) -> None:
    with pytest.raises(LiveActError, match=message):
        SpeedOptions(**options).check(device)


def test_kernels_are_tried_before_anything_is_loaded() -> None:
    SpeedOptions(dtype="float32").check_device(CPU, 12)
    with pytest.raises(LiveActError, match="sdpa-efficient does not run with cpu"):
        SpeedOptions(dtype="float32", attention="sdpa-efficient").check_device(CPU, 12)


def test_defaults_change_nothing() -> None:
    dit, x, level = small_dit(), gaussian(1, 36, 6, 4, 6), torch.tensor([900.0])
    context = dit.encode_context(*text_and_image())
    expected = dit(x, level, context)

    record = apply(dit, SpeedOptions(dtype="float32"), "cpu")

    assert torch.equal(dit(x, level, context), expected)
    assert record["attention"] == "sdpa"
    assert record["dit_bytes"] == sum(p.nbytes for p in dit.parameters())
    assert record["dit_host_bytes"] == 0


def test_options_are_applied_together_and_recorded() -> None:
    torch._dynamo.reset()
    dit, x, level = small_dit(), gaussian(1, 36, 6, 4, 6), torch.tensor([900.0])
    context = dit.encode_context(*text_and_image())
    exact = dit(x, level, context)
    wide = sum(p.nbytes for p in dit.parameters())
    options = SpeedOptions(dtype="float32", attention="sdpa-math", fp8_linear="emulated", compile="default")

    record = apply(dit, options, "cpu")

    assert isinstance(dit.blocks[0].ffn[0], Fp8Linear)
    assert dit.blocks[1]._compiled_call_impl is not None
    assert (record["attention"], record["fp8_linear"], record["compile"]) == (
        "sdpa-math",
        "emulated",
        "default",
    )
    assert int(record["dit_bytes"] or 0) < 0.7 * wide
    for block in dit.blocks:
        block._compiled_call_impl = None  # inductor takes long; what it computes is tested elsewhere
    assert 0 < ((dit(x, level, context) - exact).std() / exact.std()).item() < 0.1


def test_offload_takes_the_linear_layers_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the CPU, where it has no use but does the same."""
    monkeypatch.setattr(SpeedOptions, "check", lambda self, device: None)
    dit, x, level = small_dit(), gaussian(1, 36, 6, 4, 6), torch.tensor([900.0])
    expected = dit(x, level, dit.encode_context(*text_and_image()))

    record = apply(dit, SpeedOptions(dtype="float32", block_offload=1), "cpu")

    assert isinstance(dit.feed, BlockOffload)
    assert record["dit_host_bytes"] == dit.feed.host_bytes()
    assert torch.equal(dit(x, level, dit.encode_context(*text_and_image())), expected)


def test_twice_or_in_another_dtype_is_refused() -> None:
    dit = small_dit()
    with pytest.raises(LiveActError, match=r"weights are torch\.float32, and the options say bfloat16"):
        apply(dit, SpeedOptions(), "cpu")
    apply(dit, SpeedOptions(dtype="float32", fp8_linear="emulated"), "cpu")
    with pytest.raises(LiveActError, match="made fast before"):
        apply(dit, SpeedOptions(dtype="float32"), "cpu")


def test_a_kernel_that_is_missing_leaves_the_transformer_as_it_was() -> None:
    dit = small_dit()
    with pytest.raises(LiveActError, match="sdpa-cudnn does not run"):
        apply(dit, SpeedOptions(dtype="float32", attention="sdpa-cudnn", fp8_linear="emulated"), "cpu")

    assert not acceleration._touched(dit)
