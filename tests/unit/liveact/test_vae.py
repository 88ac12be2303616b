"""The VAE: against the library's own calls, at other types, from files of either kind, and its refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from liveact_eval.liveact import vae
from liveact_eval.liveact.config import VAEConfig
from liveact_eval.liveact.errors import LiveActError, WeightsError
from liveact_eval.liveact.vae import DecoderCache, WanVAE
from liveact_eval.liveact.weights import fill_random
from tests.unit.parity.folder import official_vae

CONFIG = VAEConfig(base_dim=6)


@pytest.fixture(scope="module")
def ours() -> WanVAE:
    module = vae.build(CONFIG)
    fill_random(module, 1)
    return WanVAE(module, CONFIG)


def video(frames: int) -> torch.Tensor:
    return torch.rand(1, 3, frames, 16, 24, generator=torch.Generator().manual_seed(2)) * 2 - 1


def latents(count: int) -> torch.Tensor:
    return torch.randn(1, 16, count, 2, 3, generator=torch.Generator().manual_seed(3))


def test_shapes_and_range(ours: WanVAE) -> None:
    encoded = ours.encode(video(9))
    assert encoded.shape == (1, 16, 3, 2, 3)
    decoded = ours.decode(encoded * 4)
    assert decoded.shape == (1, 3, 9, 16, 24)
    assert decoded.abs().max() <= 1


def test_equals_the_library(ours: WanVAE) -> None:
    mean = torch.tensor(ours.module.config.latents_mean).view(1, -1, 1, 1, 1)
    std = torch.tensor(ours.module.config.latents_std).view(1, -1, 1, 1, 1)
    with torch.no_grad():
        raw = ours.module.encode(video(9)).latent_dist.mode()
        frames = ours.module.decode(latents(4) * std + mean).sample
    torch.testing.assert_close(ours.encode(video(9)), (raw - mean) / std, rtol=0, atol=1e-5)
    torch.testing.assert_close(ours.decode(latents(4)), frames, rtol=0, atol=2e-5)


def test_encoding_is_causal_and_repeatable(ours: WanVAE) -> None:
    assert torch.equal(ours.encode(video(9))[:, :, :2], ours.encode(video(9)[:, :, :5]))
    assert torch.equal(ours.encode(video(5)), ours.encode(video(5)))


def test_unclamped_values_can_be_had(ours: WanVAE) -> None:
    raw = torch.cat(list(ours.decode_steps(latents(2) * 9, clamp=False)), dim=2)
    assert raw.abs().max() > 1
    assert torch.equal(raw.clamp(-1, 1), ours.decode(latents(2) * 9))


def test_a_carried_cache_continues(ours: WanVAE) -> None:
    cache = DecoderCache()
    parts = [
        torch.cat(list(ours.decode_steps(part, cache)), dim=2) for part in latents(5).split([2, 3], dim=2)
    ]
    assert torch.equal(torch.cat(parts, dim=2), ours.decode(latents(5)))
    assert cache.latents_seen == 5


def test_other_precision_and_layout() -> None:
    module = vae.build(CONFIG)
    fill_random(module, 1)
    exact = WanVAE(module, CONFIG)
    wanted_latents, wanted = exact.encode(video(5)), exact.decode(latents(2))
    exact.to(channels_last=True)
    torch.testing.assert_close(exact.decode(latents(2)), wanted, rtol=0, atol=1e-5)
    half = exact.to(dtype=torch.bfloat16)
    assert half.dtype == torch.bfloat16
    assert half.encode(video(5)).dtype == half.decode(latents(2)).dtype == torch.bfloat16
    torch.testing.assert_close(half.encode(video(5)).float(), wanted_latents, rtol=0, atol=0.1)
    torch.testing.assert_close(half.decode(latents(2)).float(), wanted, rtol=0, atol=0.1)


def test_loads_official_files_and_folders(ours: WanVAE, tmp_path: Path) -> None:
    official = official_vae(ours.module)
    torch.save(official, tmp_path / "Wan2.1_VAE.pth")
    save_file(official, tmp_path / "vae.safetensors")
    ours.module.save_pretrained(tmp_path / "folder")
    for name in ("Wan2.1_VAE.pth", "vae.safetensors", "folder"):
        loaded = vae.load(tmp_path / name, CONFIG)
        assert not loaded.module.training
        assert not any(parameter.requires_grad for parameter in loaded.module.parameters())
        assert torch.equal(loaded.decode(latents(1)), ours.decode(latents(1)))


def test_refuses_weights_of_another_model(ours: WanVAE, tmp_path: Path) -> None:
    ours.module.save_pretrained(tmp_path / "folder")
    with pytest.raises(WeightsError, match="base_dim is 6, the configuration says 4"):
        vae.load(tmp_path / "folder", VAEConfig(base_dim=4))
    (tmp_path / "folder" / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(WeightsError, match=r"Cannot read .*config\.json"):
        vae.load(tmp_path / "folder", CONFIG)
    state = official_vae(ours.module)
    del state["decoder.upsamples.3.time_conv.bias"]
    save_file(state, tmp_path / "short.safetensors")
    with pytest.raises(WeightsError, match=r"decoder\.up_blocks\.0\.upsamplers\.0\.time_conv\.bias"):
        vae.load(tmp_path / "short.safetensors", CONFIG)


def test_folder_must_have_the_same_channel_constants(ours: WanVAE, tmp_path: Path) -> None:
    ours.module.save_pretrained(tmp_path)
    written = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    written["latents_std"][3] *= 2
    (tmp_path / "config.json").write_text(json.dumps(written), encoding="utf-8")
    with pytest.raises(WeightsError, match="latents_std"):
        vae.load(tmp_path, CONFIG)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 3, 4, 16, 16), "4 video frames"),
        ((1, 3, 5, 12, 16), "multiples of 8"),
        ((3, 5, 16, 16), "expected"),
    ],
)
def test_refuses_other_videos(ours: WanVAE, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(LiveActError, match=message):
        ours.encode(torch.zeros(shape))


@pytest.mark.parametrize("shape", [(1, 15, 2, 2, 2), (16, 2, 2, 2), (1, 16, 0, 2, 2)])
def test_refuses_other_latents(ours: WanVAE, shape: tuple[int, ...]) -> None:
    with pytest.raises(LiveActError, match=r"expected \[1, 16, n, h, w\]"):
        ours.decode(torch.zeros(shape))


def test_constants_of_another_number_of_channels() -> None:
    with pytest.raises(LiveActError, match="8 latent channels: 16 means"):
        WanVAE(vae.build(VAEConfig(base_dim=4, z_dim=8)), VAEConfig(base_dim=4, z_dim=8))
