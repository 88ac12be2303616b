"""The reference picture: covered, cropped, and as a condition."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from liveact_eval.liveact import vae
from liveact_eval.liveact.config import VAEConfig
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.reference import encode_condition, prepare_reference
from liveact_eval.liveact.vae import WanVAE
from liveact_eval.liveact.weights import fill_random


def test_same_size_is_the_picture_itself() -> None:
    rgb = np.arange(32 * 48 * 3, dtype=np.uint8).reshape(32, 48, 3)
    rgb.flags.writeable = False
    out = prepare_reference(rgb, (48, 32))
    assert out.dtype == torch.float32
    assert torch.equal(out, torch.tensor(rgb.copy()).permute(2, 0, 1).float() / 255 * 2 - 1)
    assert (out.min(), out.max()) == (-1, 1)


@pytest.mark.parametrize(("shape", "size"), [((32, 96), (32, 32)), ((97, 32), (32, 32)), ((7, 5), (48, 16))])
def test_covers_and_cuts_the_centre(shape: tuple[int, int], size: tuple[int, int]) -> None:
    # Brightness tells the place: the centre of the picture must be in the centre of the cut.
    rows, columns = np.indices(shape, dtype=np.float64)
    longer = rows / shape[0] if shape[0] * size[0] > shape[1] * size[1] else columns / shape[1]
    rgb = np.repeat((longer * 255).astype(np.uint8)[..., None], 3, axis=2)
    out = prepare_reference(rgb, size)
    assert out.shape == (3, size[1], size[0])
    assert out.mean() == pytest.approx(rgb.mean() / 255 * 2 - 1, abs=0.03)
    ratio = (shape[1] / shape[0]) / (size[0] / size[1])
    seen = min(ratio, 1 / ratio) * np.ptp(rgb.astype(float)) / 255 * 2
    assert out.max() - out.min() == pytest.approx(seen, abs=0.3)


@pytest.mark.parametrize("size", [(40, 32), (32, 40), (0, 16), (16, -16)])
def test_sizes_must_fit_the_model(size: tuple[int, int]) -> None:
    with pytest.raises(LiveActError, match=r"multiples of 16; the nearest is \d+x\d+"):
        prepare_reference(np.zeros((8, 8, 3), np.uint8), size)


@pytest.mark.parametrize(
    "rgb", [np.zeros((8, 8, 3), np.float32), np.zeros((8, 8, 4), np.uint8), np.zeros((0, 8, 3), np.uint8)]
)
def test_refuses_what_is_no_picture(rgb: np.ndarray) -> None:  # type: ignore[type-arg]
    with pytest.raises(LiveActError, match="expected uint8"):
        prepare_reference(rgb, (16, 16))


def test_condition_is_mask_then_picture_then_grey() -> None:
    config = VAEConfig(base_dim=4)
    module = vae.build(config)
    fill_random(module, 1)
    ours = WanVAE(module, config)
    image = torch.rand(3, 16, 32) * 2 - 1
    y = encode_condition(ours, image, latents=4)
    assert y.shape == (1, 20, 4, 2, 4)
    assert torch.equal(y[:, :4, 0], torch.ones(1, 4, 2, 4))
    assert not y[:, :4, 1:].any()
    grey = torch.zeros(1, 3, 13, 16, 32)
    grey[:, :, 0] = image
    assert torch.equal(y[:, 4:], ours.encode(grey))
    assert encode_condition(ours, image).shape[2] == 14
    assert encode_condition(ours.to(dtype=torch.bfloat16), image, latents=1).dtype == torch.bfloat16
    with pytest.raises(LiveActError, match="at least 1"):
        encode_condition(ours, image, latents=0)
    with pytest.raises(LiveActError, match=r"\[3, H, W\]"):
        encode_condition(ours, image[None])
