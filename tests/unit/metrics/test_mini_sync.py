"""Sync scores of the mini tier through the engine: drawn clips alone, whatever box the script has."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from liveact_eval.clips.clip import Clip
from liveact_eval.measure.engine import Job, Measurement, measure
from liveact_eval.metrics._mfcc import mfcc, sound_windows
from liveact_eval.metrics._sync_curve import distances, scores
from liveact_eval.metrics.base import Missing
from liveact_eval.metrics.mini_sync import MiniSync
from liveact_eval.networks.mini_syncnet import seeded_mini_syncnet
from liveact_eval.networks.provider import Networks
from tests.helpers import clip_of, moving_square, numbers, read_all, tone, values, write_av

OUTPUTS = {"mini_sync_c", "mini_sync_d", "mini_sync_offset_frames", "mini_sync_offset_abs_frames"}


@dataclass(frozen=True)
class OneNetwork(Networks):
    """Hands out a given network."""

    network: nn.Module | None = None

    def missing(self, name: str) -> str | None:
        assert name == "mini_syncnet"
        return None

    def get(self, name: str) -> nn.Module:
        assert self.network is not None
        return self.network


class Clock(nn.Module):
    """Knows a mouth's moment by its brightness and a sound's by its energy, of which both are given."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(1.0), requires_grad=False)

    def embed_video(self, pictures: torch.Tensor) -> torch.Tensor:
        assert pictures.shape[1:] == (64, 64, 3) and pictures.dtype == torch.uint8
        loud = (pictures.float().mean(dim=(1, 2, 3)) > 100).float()
        return loud.unfold(0, 5, 1)

    def embed_audio(self, windows: torch.Tensor) -> torch.Tensor:
        # The energy of the middle step of each frame.
        return (windows[:, 1::4, 0] > 12).float()


def measured(clip: Clip, networks: Networks) -> Measurement:
    assert clip.video is not None
    return measure(Job(clip=clip, video=clip.video, metrics=[MiniSync()], networks=networks))


def test_scores_are_those_of_the_whole_clip(talker: Clip) -> None:
    network = seeded_mini_syncnet()
    clip = replace(talker, seconds=2)
    made = measured(clip, OneNetwork(network=network))
    assert clip.video is not None
    frames, samples = read_all(clip.video)
    pictures, samples = np.stack([frame.rgb for frame in frames[:50]]), samples[: 50 * 640]
    with torch.inference_mode():
        seen = network.embed_video(torch.from_numpy(pictures)).numpy()[:45]
        heard = network.embed_audio(torch.from_numpy(sound_windows(mfcc(samples), 45))).numpy()
    expected = scores(distances(seen, heard))
    found = values(made)
    assert found.keys() == OUTPUTS
    assert found["mini_sync_c"] == pytest.approx(expected.confidence, abs=1e-5)
    assert found["mini_sync_d"] == pytest.approx(expected.distance, abs=1e-5)
    assert {"mini_sync_confidence"} <= made.scores["mini_sync"].curves.keys()


@pytest.mark.parametrize("shift", [-6, 0, 4])
def test_the_offset_is_that_of_sound_and_pictures(talker: Clip, tmp_path: Path, shift: int) -> None:
    assert talker.video is not None
    random = np.random.RandomState(1)
    loud = random.rand(80) > 0.5
    frames = [np.full((64, 64, 3), 200 if on else 30, np.uint8) for on in loud[10:70]]
    heard = loud[10 + shift : 70 + shift]
    wave = random.standard_normal(60 * 640) * np.repeat(np.where(heard, 6000.0, 3.0), 640)
    path = write_av(tmp_path / "made.mp4", frames, sound=wave.astype(np.int16))
    job = Job(
        clip=replace(talker, seconds=2.4),
        video=path,
        metrics=[MiniSync()],
        networks=OneNetwork(network=Clock()),
    )
    found = numbers(measure(job))
    # Sound that shows what comes later is early.
    assert found["mini_sync_offset_frames"] == shift
    assert found["mini_sync_offset_abs_frames"] == abs(shift)
    assert found["mini_sync_c"] > 0.8 and found["mini_sync_d"] < 0.5


def test_only_drawn_clips_have_it(tmp_path: Path) -> None:
    path = write_av(tmp_path / "any.mp4", moving_square(40), sound=tone(1.6))
    made = measure(
        Job(clip=clip_of(None), video=path, metrics=[MiniSync()], networks=OneNetwork(network=Clock()))
    )
    reasons = {value.reason for value in values(made).values() if isinstance(value, Missing)}
    assert reasons == {"no_truth"} and not numbers(made)


def test_it_is_named_after_its_tier_and_needs_no_face() -> None:
    metric = MiniSync()
    assert {output.name for output in metric.outputs} == OUTPUTS
    assert [output.title for output in metric.outputs] == [
        "Sync-C (mini)",
        "Sync-D (mini)",
        "Sync offset (mini)",
        "|Sync offset| (mini)",
    ]
    # A generated head need not be where the script has it, and the box of the script follows its mouth.
    assert metric.truth and not metric.face
