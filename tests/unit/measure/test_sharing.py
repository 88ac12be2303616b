"""What metrics share in a pass: features are made once, and sharing changes no digit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from liveact_eval.clips.clip import Clip
from liveact_eval.clips.faces import FaceOrder
from liveact_eval.measure import engine, feeding
from liveact_eval.measure.engine import Job, Measurement, measure
from liveact_eval.measure.needs import FrameNeed, Need
from liveact_eval.measure.sharing import Memo
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Metric, Output, Rows
from liveact_eval.metrics.csim import CSIM, CSIMFirst, CSIMPaired
from liveact_eval.metrics.registry import select
from liveact_eval.networks.provider import Networks
from liveact_eval.networks.seeded import fill_seeded
from tests.helpers import clip_of, moving_square, tone, values, write_av

IDENTITY = (CSIM(), CSIMPaired(), CSIMFirst())
SECONDS = 1.4
FRAMES = 35


class Counting(nn.Module):
    """A small stand-in that maps the tensors of the face network, and counts faces."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.AvgPool2d(8), nn.Flatten(), nn.Linear(3 * 14 * 14, 32))
        self.faces = 0

    def forward(self, faces: torch.Tensor) -> torch.Tensor:
        self.faces += len(faces)
        made: torch.Tensor = self.inner(faces)
        return made


@pytest.fixture
def network() -> Counting:
    made = Counting()
    made.eval().requires_grad_(False)
    fill_seeded(made, "stand_in")
    return made


@pytest.fixture
def networks(network: Counting) -> Networks:
    found = Networks(mode="seeded")
    found._loaded["iresnet50"] = network
    return found


@pytest.fixture
def clip(talker: Clip) -> Clip:
    return replace(talker, seconds=SECONDS)


@pytest.fixture
def copied(clip: Clip, tmp_path: Path) -> Path:
    """The same video under another name: nobody knows that it is the real one."""
    assert clip.video is not None
    path = tmp_path / "copied.mp4"
    path.write_bytes(clip.video.read_bytes())
    return path


@pytest.fixture
def unshared(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is remembered."""
    monkeypatch.setattr(feeding, "Memo", Forgetful)
    yield


class Forgetful(Memo):
    def once(self, key: Any, make: Any) -> Any:
        return make()


def run(clip: Clip, video: Path | None, networks: Networks | None, *metrics: Metric) -> Measurement:
    assert video is not None
    found = measure(Job(clip=clip, video=video, metrics=metrics, faces=FaceOrder(), networks=networks))
    return found


def same(a: Measurement, b: Measurement) -> bool:
    return values(a) == values(b) and all(
        np.array_equal(curve, b.scores[name].curves[key], equal_nan=True)
        for name, score in a.scores.items()
        for key, curve in score.curves.items()
    )


def test_each_face_is_embedded_once_for_all_identity_metrics(
    clip: Clip, copied: Path, networks: Networks, network: Counting
) -> None:
    assert not run(clip, copied, networks, *IDENTITY).traces
    # Its own frames, the real ones, and the portrait.
    assert network.faces == 2 * FRAMES + 1


def test_the_real_video_shares_with_itself(clip: Clip, networks: Networks, network: Counting) -> None:
    assert not run(clip, clip.video, networks, *IDENTITY).traces
    assert network.faces == FRAMES + 1


def test_batches_of_other_lengths_are_not_shared(
    clip: Clip, copied: Path, networks: Networks, network: Counting, tmp_path: Path
) -> None:
    short = write_av(tmp_path / "short.mp4", moving_square(20, (64, 64)), sound=tone(0.8))
    found = run(replace(clip, video=short), copied, networks, *IDENTITY)
    assert not found.traces
    assert len(found.scores["csim_paired"].curves["csim_paired"]) == 20
    assert len(found.scores["csim"].curves["csim"]) == FRAMES
    # The paired one is cut short in the first run, so that its batches are its own.
    assert network.faces == FRAMES + 1 + 2 * 20


@pytest.mark.usefixtures("unshared")
def test_without_sharing_faces_are_embedded_for_each(
    clip: Clip, copied: Path, networks: Networks, network: Counting
) -> None:
    run(clip, copied, networks, *IDENTITY)
    assert network.faces > 4 * FRAMES


@pytest.mark.parametrize("run_bytes", [1, 5 * 64 * 64 * 3, 1 << 30])
def test_sharing_changes_no_digit(
    clip: Clip, copied: Path, networks: Networks, monkeypatch: pytest.MonkeyPatch, run_bytes: int
) -> None:
    together = run(clip, copied, networks, *IDENTITY)
    monkeypatch.setattr(engine, "RUN_BYTES", run_bytes)
    assert same(together, run(clip, copied, networks, *IDENTITY))
    for metric in IDENTITY:
        alone = run(clip, copied, networks, metric)
        assert alone.scores[metric.name].values == together.scores[metric.name].values
    monkeypatch.setattr(feeding, "Memo", Forgetful)
    assert same(together, run(clip, copied, networks, *IDENTITY))


class Asking(Metric):
    """Asks for the level of each frame, and may fail first or spoil what it got."""

    outputs = (Output(name="asking", title="", direction="none"),)
    needs: ClassVar[Mapping[str, Need]] = {"frames": FrameNeed()}
    recipe = summary = source = "test"

    def __init__(self, name: str, *, fails: bool = False, spoils: bool = False) -> None:
        self.name = name  # type: ignore[misc]
        self._fails, self._spoils = fails, spoils

    def features(self, need: str, batch: Batch) -> torch.Tensor:
        def make() -> torch.Tensor:
            if self._fails:
                raise RuntimeError("the network fell over")
            return batch.windows.float().flatten(1).mean(dim=1)

        made = batch.once("level", make)
        copied = made.clone()
        if self._spoils:
            made.zero_()
        return copied

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        return ClipScore(values={"asking": float(rows["frames"].mean())})


def test_a_metric_that_fails_or_spoils_what_it_got_harms_no_other(tmp_path: Path) -> None:
    video = write_av(tmp_path / "made.mp4", moving_square(10), sound=tone(0.4))
    alone = run(clip_of(None), video, None, Asking("c")).scores["c"].values["asking"]
    found = run(clip_of(None), video, None, Asking("a", fails=True), Asking("b", spoils=True), Asking("c"))
    assert set(found.traces) == {"a"}
    assert "the network fell over" in found.traces["a"]
    assert found.scores["b"].values["asking"] == found.scores["c"].values["asking"] == alone


def test_sound_is_heard_once_for_both_sync_metrics(talker: Clip) -> None:
    heard: list[int] = []

    class Small(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(1), requires_grad=False)

        def embed_audio(self, mfcc: torch.Tensor) -> torch.Tensor:
            heard.append(len(mfcc))
            return mfcc.float().flatten(1)[:, :1].repeat(1, 1024)

        def embed_video(self, crops: torch.Tensor) -> torch.Tensor:
            return crops.float().flatten(1).mean(dim=1)[4:, None].repeat(1, 1024)

    networks = Networks(mode="seeded")
    networks._loaded["syncnet"] = Small()
    clip = replace(talker, seconds=2.0)
    found = run(clip, clip.video, networks, *select(["sync", "sync_lse"]))
    assert not found.traces
    windows = sum(heard)
    heard.clear()
    run(clip, clip.video, networks, *select(["sync"]))
    assert windows == sum(heard) > 40
