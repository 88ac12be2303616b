"""The image encoder: preprocessing, which block is used, files of either kind."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from liveact_eval.liveact.config import ImageConfig
from liveact_eval.liveact.encoders import image
from liveact_eval.liveact.encoders.image import MEAN, STD, ImageEncoder, preprocess
from liveact_eval.liveact.errors import LiveActError, WeightsError
from liveact_eval.liveact.weights import fill_random
from tests.unit.parity.folder import official_image

CONFIG = ImageConfig(width=24, num_heads=3, num_layers=3, image_size=28)
WHOLE = ImageConfig(width=24, num_heads=3, num_layers=4, image_size=28)


@pytest.fixture(scope="module")
def whole() -> ImageEncoder:
    """The tower with the block that is not run."""
    module = image.build(WHOLE)
    fill_random(module, 1)
    return ImageEncoder(module, WHOLE)


@pytest.fixture(scope="module")
def picture() -> torch.Tensor:
    return torch.rand(2, 3, 20, 50, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_preprocessing_of_flat_pictures() -> None:
    for value in (-1.0, 0.0, 1.0):
        out = preprocess(torch.full((1, 3, 9, 5), value), 28)
        assert out.shape == (1, 3, 28, 28)
        expected = (torch.tensor([(value + 1) / 2] * 3) - torch.tensor(MEAN)) / torch.tensor(STD)
        torch.testing.assert_close(out.mean(dim=(0, 2, 3)), expected)


def test_overshoot_is_kept() -> None:
    edge = torch.ones(1, 3, 8, 8)
    edge[..., :4] = -1
    out = preprocess(edge, 28) * torch.tensor(STD).view(1, 3, 1, 1) + torch.tensor(MEAN).view(1, 3, 1, 1)
    assert out.min() < -0.01
    assert out.max() > 1.01


def test_official_files_lose_their_last_block(
    whole: ImageEncoder, picture: torch.Tensor, tmp_path: Path
) -> None:
    path = tmp_path / "clip.pth"
    torch.save(official_image(whole.module), path)
    used = image.load(path, ImageConfig(width=24, num_heads=3, num_layers=4, image_size=28))
    assert used.encode(picture).shape == (2, 5, 24)
    states = whole.module(pixel_values=preprocess(picture, 28), output_hidden_states=True).hidden_states
    assert len(states) == 4
    shorter = image.load(path, CONFIG)
    torch.testing.assert_close(used.encode(picture), whole.encode(picture), rtol=0, atol=1e-5)
    torch.testing.assert_close(shorter.encode(picture), states[-2], rtol=0, atol=1e-5)


def test_names_of_the_library_with_and_without_prefix(
    whole: ImageEncoder, picture: torch.Tensor, tmp_path: Path
) -> None:
    plain = {name.removeprefix("vision_model."): tensor for name, tensor in whole.module.state_dict().items()}
    save_file(plain, tmp_path / "plain.safetensors")
    save_file({f"vision_model.{name}": t for name, t in plain.items()}, tmp_path / "prefixed.safetensors")
    first, second = (image.load(tmp_path / f"{name}.safetensors", CONFIG) for name in ("plain", "prefixed"))
    assert torch.equal(first.encode(picture), second.encode(picture))
    for prefix in ("", "vision_model."):
        names = image.library_names(dict.fromkeys(plain, None), CONFIG, prefix=prefix)  # type: ignore[arg-type]
        assert prefix + "pre_layrnorm.weight" in names
        assert not any("layers.2." in name for name in names)


def test_names_what_a_file_lacks(whole: ImageEncoder, tmp_path: Path) -> None:
    state = official_image(whole.module)
    del state["visual.transformer.0.attn.to_qkv.bias"]
    state["visual.transformer.7.norm1.bias"] = torch.ones(24)
    save_file(state, tmp_path / "short.safetensors")
    with pytest.raises(WeightsError, match=r"(?s)k_proj\.bias.*layers\.7\."):
        image.load(tmp_path / "short.safetensors", WHOLE)


def test_precision_of_the_weights(whole: ImageEncoder, picture: torch.Tensor, tmp_path: Path) -> None:
    save_file(official_image(whole.module), tmp_path / "clip.safetensors")
    half = image.load(tmp_path / "clip.safetensors", CONFIG, dtype=torch.bfloat16)
    exact = image.load(tmp_path / "clip.safetensors", CONFIG)
    assert half.encode(picture).dtype == torch.bfloat16
    torch.testing.assert_close(half.encode(picture).float(), exact.encode(picture), rtol=0, atol=0.15)


def test_refusals(whole: ImageEncoder) -> None:
    with pytest.raises(LiveActError, match=r"expected \[B, 3, H, W\]"):
        whole.encode(torch.zeros(3, 28, 28))
    with pytest.raises(LiveActError, match="at least 2"):
        image.build(ImageConfig(num_layers=1))
