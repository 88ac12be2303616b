"""SyncNet: the clip-wise video branch against the layers as they stand, and batches."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor

from liveact_eval.errors import UserError
from liveact_eval.networks.files import load_syncnet
from liveact_eval.networks.seeded import calibrate, fill_seeded
from liveact_eval.networks.syncnet import EMBEDDING, WINDOW_FRAMES, SyncNet, build_syncnet


@pytest.fixture(scope="module")
def crops() -> Tensor:
    generator = torch.Generator().manual_seed(2)
    return torch.randint(0, 256, (12, 224, 224, 3), dtype=torch.uint8, generator=generator)


@pytest.fixture(scope="module")
def network(crops: Tensor) -> SyncNet:
    """Seeded weights, with moments under which what goes in still shows in what comes out."""
    made = build_syncnet()
    fill_seeded(made, "syncnet")
    sound = torch.randn(8, 1, 13, 20, generator=torch.Generator().manual_seed(1))
    for trunk, head, example in (
        (made.netcnnlip, made.netfclip, windows_of(crops[:7]).float()),
        (made.netcnnaud, made.netfcaud, sound),
    ):
        calibrate(trunk, example)
        calibrate(head, trunk(example).flatten(1))
    return made


def windows_of(crops: Tensor) -> Tensor:
    """As the reference lays them out: every window a batch entry (3, 5, 224, 224), blue first."""
    planes = crops.flip(-1).double().permute(0, 3, 1, 2)
    return torch.stack([planes[start : start + 5].transpose(0, 1) for start in range(len(crops) - 4)])


def window_by_window(network: SyncNet, crops: Tensor) -> Tensor:
    with torch.inference_mode():
        rows: Tensor = network.netfclip(network.netcnnlip(windows_of(crops)).flatten(1))
    return rows


@pytest.mark.slow
def test_the_clip_in_one_go_gives_the_windows(network: SyncNet, crops: Tensor) -> None:
    # In float64, where another order of the same sums leaves no trace.
    exact = copy.deepcopy(network).double()
    expected = window_by_window(exact, crops[:7])
    with torch.inference_mode():
        rows = exact.embed_video(crops[:7], at_once=2)
    assert rows.shape == (3, EMBEDDING)
    assert float((rows - expected).abs().max()) < 1e-9


def test_video_rows_do_not_depend_on_what_comes_with_them(network: SyncNet, crops: Tensor) -> None:
    with torch.inference_mode():
        whole = network.embed_video(crops)
        part = network.embed_video(crops[3 : 3 + WINDOW_FRAMES])
    assert len(whole) == len(crops) - 4
    assert torch.equal(part[0], whole[3])


def test_sound_rows_do_not_depend_on_what_comes_with_them(network: SyncNet) -> None:
    windows = torch.randn(40, 20, 13, generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        whole = network.embed_audio(windows)
        part = network.embed_audio(windows[35:36])
    assert torch.equal(part[0], whole[35])
    assert len(whole) == 40


def test_sound_runs_along_the_last_axis(network: SyncNet) -> None:
    windows = torch.randn(1, 20, 13, generator=torch.Generator().manual_seed(4))
    with torch.inference_mode():
        expected = network.netfcaud(network.netcnnaud(windows.transpose(1, 2)[:, None]).flatten(1))
        rows = network.embed_audio(windows, at_once=1)
    assert torch.allclose(rows, expected, atol=1e-4)


def test_fewer_than_five_crops_have_no_window(network: SyncNet, crops: Tensor) -> None:
    assert network.embed_video(crops[:4]).shape == (0, EMBEDDING)
    assert network.embed_audio(torch.zeros(0, 20, 13)).shape == (0, EMBEDDING)


def test_the_official_state_is_taken_whole_or_not_at_all(network: SyncNet, tmp_path: Path) -> None:
    state = network.state_dict()
    torch.save(state, tmp_path / "whole.model")
    loaded = load_syncnet(tmp_path / "whole.model").state_dict()
    assert torch.equal(loaded["netcnnlip.0.weight"], state["netcnnlip.0.weight"])
    torch.save(
        {key: value for key, value in state.items() if key != "netfclip.3.bias"}, tmp_path / "part.model"
    )
    with pytest.raises(UserError, match=r"netfclip\.3\.bias"):
        load_syncnet(tmp_path / "part.model")
