"""VideoMAE: the function of the library's class, the published names, and what is refused."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from liveact_eval.errors import UserError
from liveact_eval.metrics._fvd_clips import to_videomae_clips
from liveact_eval.networks import files
from liveact_eval.networks.videomae import VIT_G, VideoMAE, VideoMAESize, sine_positions

RENAMED = {
    "patch_embed.proj": "embeddings.patch_embeddings.projection",
    "blocks.": "encoder.layer.",
    "attn.proj": "attention.output.dense",
    "norm1": "layernorm_before",
    "norm2": "layernorm_after",
    "mlp.fc1": "intermediate.dense",
    "mlp.fc2": "output.dense",
}
TINY = VideoMAESize(side=28, frames=4, width=24, depth=2, heads=3, hidden=40)


@pytest.fixture(scope="module")
def network() -> VideoMAE:
    generator = torch.Generator().manual_seed(0)
    made: VideoMAE = VideoMAE(TINY).eval().requires_grad_(False)
    for parameter in made.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.2)
    return made


def clips(count: int) -> Tensor:
    return torch.rand((count, 3, 4, 28, 28), generator=torch.Generator().manual_seed(1))


def library(network: VideoMAE) -> nn.Module:
    """The class of transformers with the same weights."""
    from transformers import VideoMAEConfig, VideoMAEModel

    config = VideoMAEConfig(
        image_size=TINY.side,
        patch_size=TINY.patch,
        num_frames=TINY.frames,
        tubelet_size=TINY.tubelet,
        hidden_size=TINY.width,
        num_hidden_layers=TINY.depth,
        num_attention_heads=TINY.heads,
        intermediate_size=TINY.hidden,
        layer_norm_eps=1e-6,
        use_mean_pooling=True,
    )
    named: dict[str, Tensor] = {}
    for name, value in network.state_dict().items():
        block = name.partition("attn.")[0].replace("blocks.", "encoder.layer.")
        if name.endswith("qkv.weight"):
            for part, rows in zip(("query", "key", "value"), value.chunk(3), strict=True):
                named[f"{block}attention.attention.{part}.weight"] = rows
        elif name.endswith(("q_bias", "v_bias")):
            part = "query" if name.endswith("q_bias") else "value"
            named[f"{block}attention.attention.{part}.bias"] = value
        elif not name.startswith("fc_norm"):
            named[functools.reduce(lambda known, pair: known.replace(*pair), RENAMED.items(), name)] = value
    made: nn.Module = VideoMAEModel(config).eval()
    made.load_state_dict(named, strict=True)
    return made


def test_equals_the_class_of_the_library(network: VideoMAE) -> None:
    given = clips(2)
    with torch.inference_mode():
        tokens = library(network)(given.transpose(1, 2)).last_hidden_state
        expected = nn.functional.layer_norm(
            tokens.mean(dim=1), (TINY.width,), network.fc_norm.weight, network.fc_norm.bias, 1e-6
        )
        torch.testing.assert_close(network(given), expected, atol=2e-5, rtol=1e-5)


def test_one_by_one_and_all_at_once(network: VideoMAE) -> None:
    given = clips(3)
    found = network(given)
    assert found.shape == (3, TINY.width)
    torch.testing.assert_close(torch.cat([network(one[None]) for one in given]), found, atol=1e-6, rtol=0)
    assert float((found[0] - found[1]).abs().max()) > 1e-3


def test_other_clips_are_refused(network: VideoMAE) -> None:
    with pytest.raises(ValueError, match=r"clips of shape \(3, 6, 28, 28\); \(3, 4, 28, 28\) is expected"):
        network(torch.zeros(1, 3, 6, 28, 28))


def test_positions_are_sines_and_cosines_of_falling_rates() -> None:
    table = sine_positions(5, 6)
    assert table.shape == (1, 5, 6)
    assert table[0, 3, 0] == pytest.approx(torch.tensor(3.0).sin().item())
    assert table[0, 3, 3] == pytest.approx((3 / torch.tensor(10_000.0) ** (1 / 3)).cos().item())


def test_vit_g_has_the_names_and_shapes_of_the_file() -> None:
    with torch.device("meta"):
        made = VideoMAE(VIT_G)
    state = made.state_dict()
    # Without the classifier: in half precision 2.02 GB, as the file has.
    assert sum(value.numel() for value in state.values()) == 1_011_610_752
    assert (VIT_G.tokens, VIT_G.width, len(state)) == (2048, 1408, 4 + 40 * 13)
    assert state["patch_embed.proj.weight"].shape == (1408, 3, 2, 14, 14)
    assert state["blocks.39.attn.qkv.weight"].shape == (4224, 1408)
    assert {f"blocks.0.{name}" for name in (
        "norm1.weight", "norm1.bias", "attn.q_bias", "attn.v_bias", "attn.qkv.weight", "attn.proj.weight",
        "attn.proj.bias", "norm2.weight", "norm2.bias", "mlp.fc1.weight", "mlp.fc1.bias", "mlp.fc2.weight",
        "mlp.fc2.bias",
    )} == {name for name in state if name.startswith("blocks.0.")}  # fmt: skip


def test_the_file_is_read_strictly_without_its_classifier(
    network: VideoMAE, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "build_videomae_g", lambda: VideoMAE(TINY).eval().requires_grad_(False))
    state = {name: value.half() for name, value in network.state_dict().items()}
    head = {"head.weight": torch.zeros(174, TINY.width), "head.bias": torch.zeros(174)}
    torch.save({"module": state | head}, tmp_path / "whole.pth")
    loaded = files.load_videomae_g(tmp_path / "whole.pth")
    torch.testing.assert_close(loaded(clips(1)), network(clips(1)), atol=2e-2, rtol=1e-2)
    assert loaded(clips(1)).dtype == torch.float32
    state.pop("blocks.1.attn.q_bias")
    torch.save({"module": state}, tmp_path / "short.pth")
    with pytest.raises(UserError, match=r"is not the file of VideoMAE: .*blocks\.1\.attn\.q_bias"):
        files.load_videomae_g(tmp_path / "short.pth")


def test_clips_are_stretched_into_nought_to_one() -> None:
    windows = torch.randint(0, 256, (1, 2, 40, 60, 3), dtype=torch.uint8)
    made = to_videomae_clips(windows)
    planes = windows[0].permute(0, 3, 1, 2).float() / 255
    expected = nn.functional.interpolate(planes, (224, 224), mode="bilinear").transpose(0, 1)
    assert torch.equal(made[0], expected)
    assert float((to_videomae_clips(torch.full_like(windows, 255)) - 1).abs().max()) < 1e-6
