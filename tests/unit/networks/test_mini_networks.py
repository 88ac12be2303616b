"""The frame and the clip network of the mini tier: what they take and give, and files that are strictly read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from liveact_eval.errors import UserError
from liveact_eval.networks import mini_clip, mini_frame

LOADERS = {"frame": mini_frame.load_mini_frame, "clip": mini_clip.load_mini_clip}
SEEDED = {"frame": mini_frame.seeded_mini_frame, "clip": mini_clip.seeded_mini_clip}


@pytest.fixture(scope="module")
def frame() -> nn.Module:
    return mini_frame.seeded_mini_frame()


@pytest.fixture(scope="module")
def clip() -> nn.Module:
    return mini_clip.seeded_mini_clip()


def noise(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0)) * 2 - 1


@torch.no_grad()
def test_a_frame_gives_features_identity_and_mouth(frame: nn.Module) -> None:
    pictures = noise(5, 3, 64, 64)
    seen = frame(pictures)
    assert seen.features.shape == (5, 128) and seen.identity.shape == (5, 64) and seen.mouth.shape == (5, 3)
    torch.testing.assert_close(seen.identity.norm(dim=1), torch.ones(5))
    assert (seen.mouth > 0).all() and (seen.mouth < 1).all()
    assert seen.features.std(dim=0).min() > 0 and seen.mouth.std(dim=0).min() > 0
    for all_at_once, alone in zip(seen, frame(pictures[3:4]), strict=True):
        torch.testing.assert_close(all_at_once[3:4], alone, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_a_clip_is_more_than_its_frames(clip: nn.Module) -> None:
    windows = noise(2, 3, 16, 64, 64)
    features = clip(windows)
    assert features.shape == (2, 96)
    torch.testing.assert_close(clip(windows[1:])[0], features[1], atol=1e-5, rtol=1e-4)
    spread = features.std(dim=0).mean()
    assert (clip(windows.flip(2)) - features).abs().mean() > 0.1 * spread
    still = windows[:, :, :1].expand_as(windows)
    assert (clip(still) - features).abs().mean() > spread


@pytest.mark.parametrize("kind", ["frame", "clip"])
def test_they_are_small(kind: str) -> None:
    assert sum(parameter.numel() for parameter in SEEDED[kind]().parameters()) <= 600_000


@pytest.mark.parametrize("kind", ["frame", "clip"])
def test_files_in_half_precision_are_read_strictly(kind: str, tmp_path: Path) -> None:
    load: Callable[[Path], nn.Module] = LOADERS[kind]
    seeded = SEEDED[kind]()
    half = {name: t.half() if t.is_floating_point() else t for name, t in seeded.state_dict().items()}
    path = tmp_path / "weights.safetensors"
    save_file(half, path)
    loaded = load(path)
    assert not loaded.training
    for name, value in loaded.state_dict().items():
        assert value.equal(half[name].to(value.dtype)), name
    assert all(p.dtype == torch.float32 and not p.requires_grad for p in loaded.parameters())
    first, *others = half
    for wrong, said in (
        ({name: half[name] for name in others}, first),
        (half | {"stray": torch.zeros(1)}, "stray"),
        (half | {first: torch.zeros(3)}, first),
    ):
        save_file(wrong, path)
        with pytest.raises(UserError, match=said):
            load(path)


def test_pictures_of_64_are_taken_as_they_are() -> None:
    levels = torch.arange(256, dtype=torch.uint8).repeat(48).view(1, 64, 64, 3)
    made = mini_frame.to_mini_frames(levels)
    assert made.shape == (1, 3, 64, 64)
    torch.testing.assert_close(made.permute(0, 2, 3, 1), levels / 127.5 - 1)


def test_other_sizes_are_resized_with_antialiasing() -> None:
    board = (torch.arange(256)[:, None] + torch.arange(128)) % 2 * 255
    made = mini_frame.to_mini_frames(board.to(torch.uint8)[None, :, :, None].expand(-1, -1, -1, 3))
    assert made.shape == (1, 3, 64, 64)
    # Without antialiasing, a resize by half or by a quarter would show black, white, or stripes.
    assert made[..., 2:-2, 2:-2].abs().max() < 0.05


def test_windows_keep_their_order() -> None:
    levels = torch.arange(32, dtype=torch.uint8).view(2, 16, 1, 1, 1).expand(-1, -1, 64, 64, 3)
    made = mini_clip.to_mini_clips(levels)
    assert made.shape == (2, 3, 16, 64, 64)
    torch.testing.assert_close(made[1, 2, :, 5, 7], torch.arange(16, 32) / 127.5 - 1)
