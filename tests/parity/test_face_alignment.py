"""Alignment of faces against stored matrices and crops of the reference implementation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from liveact_eval.clips.faces import TEMPLATE_112, similarity
from liveact_eval.measure.streams import _warp
from tests.helpers import read_all


@pytest.fixture(scope="module")
def stored(shared: Path) -> Any:
    return np.load(shared / "parity" / "metrics" / "csim.npz", allow_pickle=False)


def test_template(stored: Any) -> None:
    assert np.abs(stored["template112"] - TEMPLATE_112).max() < 1e-4


def test_matrices(stored: Any) -> None:
    one = similarity(stored["landmarks"][None].astype(np.float64))
    assert np.abs(one[0] - stored["matrix"]).max() < 1e-3
    many = similarity(stored["landmarks_batch"].astype(np.float64))
    assert many.shape == (6, 2, 3)
    assert np.abs(many - stored["matrix_batch"]).max() < 1e-3


def test_matrix_of_the_128_pixel_variant(stored: Any) -> None:
    # The template of 112 pixels, moved by eight to the right.
    made = similarity(stored["landmarks"][None].astype(np.float64), TEMPLATE_112 + np.array([8.0, 0.0]))
    assert np.abs(made[0] - stored["matrix128"]).max() < 1e-3


def test_crops(stored: Any, shared: Path) -> None:
    frames = [frame.rgb for frame in read_all(shared / "clips" / "portrait_a.mp4", sound=False)[0]]
    matrices = similarity(stored["landmarks_batch"].astype(np.float64))
    # The frames are those that the vectors were made from; they are named by their index alone.
    chosen = torch.from_numpy(np.stack([frames[n] for n in (0, 6, 18, 30, 54, 78)]))
    crops = _warp(chosen, matrices, (112, 112)).numpy()
    # The reference interpolates in fixed point and rounds: half a level, and a little more.
    assert np.abs(crops - stored["aligned_frames_rgb_u8"]).max() < 0.6
    one = _warp(torch.from_numpy(frames[0][None]), stored["matrix"][None], (112, 112)).numpy()
    assert np.abs(one[0] - stored["aligned_rgb_u8"]).max() < 0.6
