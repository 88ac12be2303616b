"""SyncNet of the mini tier: what it sees, that rows stand for themselves, and its file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from liveact_eval.errors import UserError
from liveact_eval.networks.mini_syncnet import (
    EMBEDDING,
    HEIGHT,
    LEFT,
    TOP,
    WIDTH,
    MiniSyncNet,
    build_mini_syncnet,
    cut_mouths,
    load_mini_syncnet,
    mouth_windows,
    seeded_mini_syncnet,
)


@pytest.fixture(scope="module")
def network() -> MiniSyncNet:
    return seeded_mini_syncnet()


def pictures(count: int) -> torch.Tensor:
    return torch.randint(0, 256, (count, 64, 64, 3), generator=torch.Generator().manual_seed(3)).byte()


def test_rows_do_not_depend_on_what_comes_with_them(network: MiniSyncNet) -> None:
    frames = pictures(45)
    sound = torch.randn(41, 20, 13, generator=torch.Generator().manual_seed(4)) * 10
    video, audio = network.embed_video(frames), network.embed_audio(sound)
    assert video.shape == audio.shape == (41, EMBEDDING)
    assert network.embed_video(frames[7:19]).equal(video[7:15])
    assert network.embed_audio(sound[40:]).equal(audio[40:])
    assert network.embed_video(frames[:4]).shape == network.embed_audio(sound[:0]).shape == (0, EMBEDDING)
    assert 0.01 < float(video.std(dim=0).mean()) < 100


def test_it_sees_the_mouths_place_alone(network: MiniSyncNet) -> None:
    frames = pictures(6)
    before = network.embed_video(frames)
    other = frames.clone()
    other[:, :TOP] = other[:, TOP + HEIGHT :] = other[:, :, :LEFT] = other[:, :, LEFT + WIDTH :] = 0
    assert network.embed_video(other).equal(before)
    other[3, TOP, LEFT] = 255 - other[3, TOP, LEFT]
    assert not network.embed_video(other).equal(before)


def test_a_window_holds_five_frames_in_order() -> None:
    mouths = torch.arange(7).view(7, 1, 1, 1).expand(7, 2, 4, 3) * 40
    windows = mouth_windows(mouths)
    assert windows.shape == (3, 15, 2, 4)
    levels = (windows[1, :, 0, 0] + 1) * 127.5
    torch.testing.assert_close(levels, torch.tensor([40.0, 80, 120, 160, 200]).repeat_interleave(3))


def test_the_place_can_be_moved() -> None:
    frames = torch.zeros(64, 64, 3)
    frames[TOP + 2, LEFT - 1] = 1
    assert float(cut_mouths(frames).sum()) == 0
    assert cut_mouths(frames, down=2, right=-1)[0, 0].tolist() == [1, 1, 1]


def test_other_pictures_are_refused(network: MiniSyncNet) -> None:
    with pytest.raises(ValueError, match=r"pictures of \(32, 64, 3\); expected \(64, 64, 3\)"):
        network.embed_video(torch.zeros(6, 32, 64, 3))


def test_a_file_in_half_precision_is_read_strictly(tmp_path: Path) -> None:
    state = {name: value.half() for name, value in seeded_mini_syncnet().state_dict().items()}
    path = tmp_path / "syncnet.safetensors"
    save_file(state, path)
    read = load_mini_syncnet(path).state_dict()
    assert all(
        read[name].dtype == torch.float32 and read[name].equal(value.float()) for name, value in state.items()
    )
    save_file(state | {"more": torch.zeros(1)}, path)
    with pytest.raises(UserError, match=r'is not the file of MiniSyncNet: Unexpected key\(s\).*"more"'):
        load_mini_syncnet(path)
    save_file({name: value for name, value in state.items() if name != "video.0.bias"}, path)
    with pytest.raises(UserError, match=r'Missing key\(s\).*"video\.0\.bias"'):
        load_mini_syncnet(path)
    save_file(state | {"video.0.bias": torch.zeros(3)}, path)
    with pytest.raises(UserError, match=r"size mismatch for video\.0\.bias"):
        load_mini_syncnet(path)
    path.write_bytes(b"cut short")
    with pytest.raises(UserError, match="cannot be read as safetensors"):
        load_mini_syncnet(path)
    with pytest.raises(UserError, match="cannot be read as safetensors"):
        load_mini_syncnet(tmp_path / "none.safetensors")


def test_seeded_weights_are_the_same_every_time(network: MiniSyncNet) -> None:
    again = seeded_mini_syncnet().state_dict()
    assert all(again[name].equal(value) for name, value in network.state_dict().items())
    assert not build_mini_syncnet().training
