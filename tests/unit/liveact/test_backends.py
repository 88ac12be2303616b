"""Attention kernels: the one asked for runs, or it is an error before anything else runs."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
import torch
from torch import Tensor

from liveact_eval.liveact.backends import (
    BACKENDS,
    attention_backend,
    available_backends,
    backend_name,
    sdpa,
)
from liveact_eval.liveact.errors import LiveActError
from tests.unit.liveact.models import gaussian, small_dit, text_and_image


def qkv() -> tuple[Tensor, Tensor, Tensor]:
    return gaussian(1, 10, 4, 12, seed=1), gaussian(1, 17, 4, 12, seed=2), gaussian(1, 17, 4, 12, seed=3)


def runnable() -> list[str]:
    return [name for name, problem in available_backends("cpu", head_dim=12).items() if problem is None]


def test_every_backend_that_can_run_here_computes_attention() -> None:
    q, k, v = qkv()
    scores = torch.einsum("bqhd,bkhd->bhqk", q, k) / 12**0.5
    expected = torch.einsum("bhqk,bkhd->bqhd", scores.softmax(-1), v)

    assert {"sdpa", "sdpa-math", "sdpa-flash"} <= set(runnable())
    for name in runnable():
        out = attention_backend(name, "cpu", torch.float32, 12)(q, k, v, None)
        assert torch.allclose(out, expected, atol=1e-5), name


def test_listing_names_all_and_says_why_not() -> None:
    found = available_backends("cpu", head_dim=12)

    assert tuple(found) == BACKENDS
    assert "does not run with cpu" in str(found["sdpa-cudnn"])
    assert "does not run with cpu" in str(found["sdpa-efficient"])


@pytest.mark.parametrize(("name", "package"), [("sage", "sageattention"), ("flash-attn", "flash_attn")])
def test_what_is_not_installed_is_an_error_with_a_way_out(
    monkeypatch: pytest.MonkeyPatch, name: str, package: str
) -> None:
    for absent in ("sageattention", "flash_attn", "flash_attn_interface"):
        monkeypatch.setitem(sys.modules, absent, None)

    with pytest.raises(LiveActError, match=rf"backend {name} is not installed \(.*{package}.*choose sdpa"):
        attention_backend(name, "cpu")


def test_unknown_name_is_an_error() -> None:
    with pytest.raises(LiveActError, match="No attention backend is named 'fast'; known: sdpa, sdpa-math"):
        attention_backend("fast")


def test_a_kernel_that_fails_on_this_device_is_found_out_when_it_is_built(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(monkeypatch, "sageattention", "sageattn", _raises)

    with pytest.raises(
        LiveActError, match=r"sage does not run with cpu, bfloat16 and heads of width 16: needs"
    ):
        attention_backend("sage", "cpu", torch.bfloat16, 16)


def test_a_kernel_that_gives_nonsense_is_found_out_when_it_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "sageattention", "sageattn", _nan)

    with pytest.raises(LiveActError, match="sage gives wrong values"):
        attention_backend("sage", "cpu")


@pytest.mark.parametrize("with_lse", [False, True])
def test_packages_are_called_by_their_convention(monkeypatch: pytest.MonkeyPatch, with_lse: bool) -> None:
    def flash(q: Tensor, k: Tensor, v: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        return (sdpa(q, k, v), q) if with_lse else sdpa(q, k, v)

    monkeypatch.setitem(sys.modules, "flash_attn_interface", None)
    install(monkeypatch, "flash_attn", "flash_attn_func", flash)
    install(monkeypatch, "sageattention", "sageattn", _sage_by_convention)
    q, k, v = qkv()

    for name in ("flash-attn", "sage"):
        backend = attention_backend(name, "cpu", torch.float32, 12)
        assert torch.equal(backend(q, k, v, None), sdpa(q, k, v))
    assert backend_name(attention_backend("sage", "cpu")) == "sage (sageattention 2.0)"


def test_a_mask_is_refused_where_it_would_be_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "sageattention", "sageattn", _sage_by_convention)
    q, k, v = qkv()
    mask = torch.ones(10, 17, dtype=torch.bool).tril()

    for name in ("sdpa-flash", "sage"):
        with pytest.raises(LiveActError, match=f"{name} takes no masks"):
            attention_backend(name, "cpu", torch.float32, 12)(q, k, v, mask)
    masked = attention_backend("sdpa-math", "cpu", torch.float32, 12)(q, k, v, mask)
    assert torch.allclose(masked, sdpa(q, k, v, mask), atol=1e-6)


def test_the_transformer_takes_any_of_them() -> None:
    dit, x, level = small_dit(), gaussian(1, 36, 6, 4, 6), torch.tensor([900.0])
    context = dit.encode_context(*text_and_image())
    picked = dit(x, level, context)

    for name in runnable():
        dit.attend = attention_backend(name, "cpu", torch.float32, 12)
        assert torch.allclose(dit(x, level, context), picked, atol=1e-5), name


def install(monkeypatch: pytest.MonkeyPatch, package: str, function: str, kernel: object) -> None:
    module = ModuleType(package)
    module.__dict__.update({"__version__": "2.0", function: kernel})
    monkeypatch.setitem(sys.modules, package, module)


def _sage_by_convention(q: Tensor, k: Tensor, v: Tensor, *, tensor_layout: str, is_causal: bool) -> Tensor:
    assert (tensor_layout, is_causal) == ("NHD", False)
    return sdpa(q, k, v)


def _raises(q: Tensor, k: Tensor, v: Tensor, *, tensor_layout: str, is_causal: bool) -> Tensor:
    raise ValueError("needs a GPU")


def _nan(q: Tensor, k: Tensor, v: Tensor, *, tensor_layout: str, is_causal: bool) -> Tensor:
    return q * float("nan")
