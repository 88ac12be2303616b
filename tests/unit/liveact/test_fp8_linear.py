"""Linear layers in 8 bits: accuracy, what stays wide, bytes, and refusals."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from liveact_eval.liveact import fp8_linear
from liveact_eval.liveact.config import DiTConfig
from liveact_eval.liveact.dit import CausalDiT
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.fp8_linear import Fp8Linear, require_scaled
from liveact_eval.liveact.quantise import quantise_linears
from tests.unit.liveact.models import CONFIG, gaussian, small_dit, speech, text_and_image


def scaled_runs_on_cpu() -> bool:
    try:
        require_scaled(torch.device("cpu"), torch.float32)
    except LiveActError:
        return False
    return True


def test_result_is_that_of_the_rounded_weights_and_activations() -> None:
    linear, x = nn.Linear(48, 32), gaussian(2, 3, 48)
    narrow = Fp8Linear.from_linear(linear, "emulated")

    weight = linear.weight / linear.weight.abs().amax(1, keepdim=True) * 448
    token = x / x.abs().amax(-1, keepdim=True) * 448
    rounded = (token.to(torch.float8_e4m3fn).float() / 448 * x.abs().amax(-1, keepdim=True)) @ (
        weight.to(torch.float8_e4m3fn).float() / 448 * linear.weight.abs().amax(1, keepdim=True)
    ).t() + linear.bias

    assert torch.allclose(narrow(x), rounded, atol=1e-5)
    error = (narrow(x) - linear(x)).std() / linear(x).std()
    assert 1e-3 < error < 0.05


def test_no_token_and_no_channel_can_overflow_or_drown_another() -> None:
    linear = nn.Linear(64, 16, bias=False)
    with torch.no_grad():
        linear.weight[0] *= 1e4
        linear.weight[1] *= 1e-4
    x = gaussian(3, 64) * torch.tensor([[1e3], [1.0], [1e-3]])
    narrow = Fp8Linear.from_linear(linear, "emulated")

    exact, found = linear(x), narrow(x)

    relative = (found - exact).abs() / (x.norm(dim=1, keepdim=True) * linear.weight.norm(dim=1))
    assert torch.isfinite(found).all()
    assert relative.max() < 0.02


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_scaled_product_equals_the_emulated_one(dtype: torch.dtype) -> None:
    if not scaled_runs_on_cpu():
        pytest.skip("this PyTorch has no scaled product on the CPU")
    linear, x = nn.Linear(64, 32).to(dtype), gaussian(2, 5, 64).to(dtype)

    scaled, emulated = (Fp8Linear.from_linear(linear, method)(x) for method in ("scaled", "emulated"))

    assert scaled.dtype == emulated.dtype == dtype
    assert torch.allclose(scaled.float(), emulated.float(), atol=1e-5 if dtype == torch.float32 else 2e-2)


def test_the_linear_layers_of_the_blocks_are_quantised_and_no_others() -> None:
    dit = small_dit()

    done = quantise_linears(dit, method="emulated")

    names = {name.split(".", 2)[2] for name in done.layers}
    assert names == {
        *(f"self_attn.{part}" for part in "qkvo"),
        *(f"cross_attn.{part}" for part in "qo"),
        "audio_cross_attn.q_linear",
        "audio_cross_attn.proj",
        "ffn.0",
        "ffn.2",
    }
    assert len(done.layers) == CONFIG.num_layers * len(names)
    for name, module in dit.named_modules():
        assert isinstance(module, Fp8Linear) == (name in done.layers)


def test_bytes_are_counted_exactly() -> None:
    dit = small_dit()
    wide = {name: sum(p.nbytes for p in part.parameters()) for name, part in dit.named_modules()}

    done = quantise_linears(dit, method="emulated")

    outputs = {name: dit.get_submodule(name).weight.shape for name in done.layers}
    assert done.bytes_before == sum(wide[name] for name in done.layers)
    # One byte per weight; scale and bias are float32 here.
    assert done.bytes_after == sum(n * k + 8 * n for n, k in outputs.values())


def test_full_size_in_8_bits() -> None:
    with torch.device("meta"):
        dit = CausalDiT(DiTConfig()).bfloat16()
    total = sum(p.nbytes for p in dit.parameters())

    done = quantise_linears(dit)

    assert done.bytes_before / total == pytest.approx(0.744, abs=0.001)
    held = sum(t.nbytes for t in dit.state_dict().values())
    assert held == total - done.bytes_before + done.bytes_after
    assert held / 1e9 == pytest.approx(23.7, abs=0.1)


def test_the_transformer_stays_close_to_itself() -> None:
    dit, x, level = small_dit(), gaussian(1, 36, 6, 4, 6), torch.tensor([900.0])
    context, audio = dit.encode_context(*text_and_image()), dit.audio_proj(_windows())
    exact = dit(x, level, context, audio)

    quantise_linears(dit, method="emulated")
    narrow = dit(x, level, context, audio)

    error = ((narrow - exact).std() / exact.std()).item()
    assert 1e-3 < error < 0.1


def test_a_cast_afterwards_is_refused_and_a_move_is_not() -> None:
    dit = small_dit()
    quantise_linears(dit, method="emulated")

    with pytest.raises(LiveActError, match="in 8 bits was cast to another dtype"):
        dit.to(torch.bfloat16)
    dit.to("cpu")
    assert dit.blocks[0].ffn[0].weight.dtype == torch.float8_e4m3fn


def test_kept_layers_can_be_chosen() -> None:
    dit = small_dit()

    done = quantise_linears(dit, method="emulated", keep=("*attn*",))

    assert {name.split(".", 2)[2] for name in done.layers} == {"ffn.0", "ffn.2"}
    with pytest.raises(LiveActError, match="No linear layer is left to quantise"):
        quantise_linears(dit, method="emulated", keep=("*attn*",))


def test_hardware_without_it_is_an_error_that_says_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> fp8_linear.Product:
        return _refuses

    monkeypatch.setattr(fp8_linear, "_scaled_product", refuse)
    dit = small_dit()

    with pytest.raises(
        LiveActError, match=r"do not run on cpu with float32: only 8\.9.*capability 8\.9.*emulated"
    ):
        quantise_linears(dit)
    assert not any(isinstance(module, Fp8Linear) for module in dit.modules())


def test_wrong_values_are_found_out_before_they_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_scales(
        a: torch.Tensor, a_scale: torch.Tensor, b: torch.Tensor, b_scale: torch.Tensor, dtype: torch.dtype
    ) -> torch.Tensor:
        return a.float() @ b.float().t()

    monkeypatch.setattr(fp8_linear, "_scaled_product", lambda: without_scales)

    with pytest.raises(LiveActError, match="FP8 products give wrong values on cpu"):
        quantise_linears(small_dit())


def test_widths_that_tensor_cores_do_not_take_are_refused() -> None:
    if not scaled_runs_on_cpu():
        pytest.skip("this PyTorch has no scaled product on the CPU")
    odd = DiTConfig(
        dim=40,
        num_heads=4,
        num_layers=1,
        ffn_dim=80,
        freq_dim=32,
        audio_layers=1,
        audio_channels=4,
        audio_hidden=8,
    )

    with pytest.raises(
        LiveActError, match=r"blocks\.0\.self_attn\.q maps 40 to 40; FP8 products take multiples of 16"
    ):
        quantise_linears(CausalDiT(odd))
    with pytest.raises(LiveActError, match="No FP8 method is named 'fast'"):
        quantise_linears(small_dit(), method="fast")  # type: ignore[arg-type]


def _windows() -> torch.Tensor:
    features = speech(21)
    return features.unfold(0, 5, 1).permute(0, 3, 1, 2)[None].repeat(1, 2, 1, 1, 1)[:, :21]


def _refuses(
    a: torch.Tensor, a_scale: torch.Tensor, b: torch.Tensor, b_scale: torch.Tensor, dtype: torch.dtype
) -> torch.Tensor:
    raise RuntimeError("only 8.9 and newer")
