"""Lip sync by SyncNet: how near mouth and sound are, how clearly, and by how many frames they are apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from liveact_eval.measure.needs import FrameNeed, SoundNeed
from liveact_eval.metrics._mfcc import MfccStream, sound_windows
from liveact_eval.metrics._sync_crops import whole_pictures
from liveact_eval.metrics._sync_curve import (
    EDGE_SHIFT,
    HOP_S,
    MIN_WINDOWS,
    RATE_FPS,
    WINDOW_S,
    SyncScores,
    framewise_confidence,
    over_time,
    scores,
)
from liveact_eval.metrics._sync_pairs import Counts, SyncPairs
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Collector, Metric, Missing, Output, Rows
from liveact_eval.metrics.registry import register

if TYPE_CHECKING:
    import torch

    from liveact_eval.networks.syncnet import SyncNet

_SAMPLES = 640
"""Samples of a frame."""
COUNTED_FRAMES = 6
"""Frames that a window must have: the network sees five, but the reference counts one window fewer than fit."""
SOUND = SoundNeed(
    window=COUNTED_FRAMES * _SAMPLES + 1,
    hop=_SAMPLES,
    # The sample before a window, which pre-emphasis reaches back to.
    lead=1,
    at_once=32,
)


_LARGEST = float(EDGE_SHIFT - 1)
"""Largest offset, in frames: beyond it there is none."""


def sync_outputs(prefix: str, title: str) -> tuple[Output, ...]:
    """The numbers of a metric of lip sync, by the beginning of their names and of their titles."""
    return (
        Output(name=f"{prefix}_c", title=f"{title}-C", direction="up", range=(0.0, None)),
        Output(name=f"{prefix}_d", title=f"{title}-D", direction="down", range=(0.0, None)),
        Output(
            name=f"{prefix}_offset_frames",
            title=f"{title} offset",
            direction="none",
            unit="frames",
            digits=2,
            best=0.0,
            range=(-_LARGEST, _LARGEST),
        ),
        Output(
            name=f"{prefix}_offset_abs_frames",
            title=f"|{title} offset|",
            direction="down",
            unit="frames",
            digits=2,
            best=0.0,
            range=(0.0, _LARGEST),
        ),
        Output(name=f"{prefix}_d_zero", title=f"{title}-D at 0", direction="down", range=(0.0, None)),
        Output(
            name=f"{prefix}_coverage",
            title=f"{title} coverage",
            direction="up",
            digits=2,
            best=1.0,
            range=(0.0, 1.0),
        ),
    )


class SyncMetric(Metric):
    """Embeddings of mouths and of sound, met in one table of distances."""

    prefix: ClassVar[str]
    networks = ("syncnet",)
    only_fps = float(RATE_FPS)
    source = "Chung and Zisserman, ACCV workshops 2016; joonson/syncnet_python"

    def collectors(self) -> Mapping[str, Collector]:
        """Two ends of one table."""
        pairs = SyncPairs()
        return {"mouths": pairs.video, "sound": pairs.sound}

    def features(self, need: str, batch: Batch) -> torch.Tensor:
        """(N, 1024) embeddings; NaN where a frame of the window has no face."""
        import torch

        network: Any = batch.network(self.networks[0])
        device = next(network.parameters()).device
        windows = batch.windows
        if need == "sound":
            return batch.once((self.networks[0], "sound"), lambda: _heard(network, windows, device))
        frames = torch.cat([windows[:, 0], windows[-1, 1:-1]])
        return self._embedded(network, frames, device)

    def _embedded(self, network: SyncNet, frames: torch.Tensor, device: torch.device) -> torch.Tensor:
        """(N, 1024) embeddings of (N + 4, H, W, 3) consecutive pictures of the stream."""
        import torch

        from liveact_eval.networks.syncnet import EMBEDDING, WINDOW_FRAMES

        if bool(frames.isnan().flatten(1).any(dim=1).unfold(0, WINDOW_FRAMES, 1).any(dim=1).all()):
            return torch.full((len(frames) - WINDOW_FRAMES + 1, EMBEDDING), torch.nan)
        return _cpu(network.embed_video(frames.to(device)))

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """Scores of the longest stretch with face and sound."""
        table, counts = rows["mouths"], Counts(*(int(n) for n in rows["sound"][0]))
        missing = _unmeasured(len(table), counts)
        if missing is not None:
            values: dict[str, float | Missing] = {output.name: missing for output in self.outputs}
            return ClipScore(values=values)
        found = scores(table)
        curves = sync_curves(self.prefix, table, counts.first)
        return ClipScore(
            values=sync_values(self.prefix, [found], found.windows / counts.video), curves=curves
        )


@register
class Sync(SyncMetric):
    """On the face that is followed through the clip."""

    name = prefix = "sync"
    outputs = sync_outputs("sync", "Sync")
    needs = {"mouths": FrameNeed(region="sync", window=COUNTED_FRAMES, at_once=8), "sound": SOUND}
    recipe = "syncnet-v1-direct-yunet-everyframe@1"
    summary = (
        "SyncNet's distance between mouth and sound at the best shift (D), how clearly that shift stands out (C), the "
        "shift (positive: the sound comes earlier than the mouth) and the distance without any. Clips under 10 s "
        "compare only with clips of their length. A shift at the end of the search, 14 frames or more, is no sync."
    )


@register
class SyncLse(SyncMetric):
    """On whole pictures, for videos that are face crops already."""

    name = "sync_lse"
    prefix = "lse"
    outputs = sync_outputs("lse", "LSE")
    needs = {"mouths": FrameNeed(window=COUNTED_FRAMES, at_once=8), "sound": SOUND}
    recipe = "syncnet-v1-lse-wholepicture@1"
    summary = (
        "The same numbers as Wav2Lip's script gives them: the whole picture is taken for the face. For videos that are "
        "face crops already; of others it says nothing."
    )

    def _embedded(self, network: SyncNet, frames: torch.Tensor, device: torch.device) -> torch.Tensor:
        import torch

        return super()._embedded(network, torch.from_numpy(whole_pictures(frames.numpy())), device)


def sync_values(prefix: str, found: Sequence[SyncScores], coverage: float) -> dict[str, float | Missing]:
    """The numbers of a clip: means over its stretches; an offset is the mean of those that are one.

    Args:
        prefix: of the outputs.
        found: scores of the stretches that were measured, at least one.
        coverage: share of the clip that they cover.
    """
    offset: float | Missing
    distance: float | Missing
    synced = [one.offset for one in found if not one.at_edge]
    if synced:
        offset, distance = float(np.mean(synced)), float(np.mean(np.abs(synced)))
    else:
        offset = distance = Missing(
            "no_sync", f"the nearest sound is {found[0].offset} frames away, at the end of the search"
        )
    return {
        f"{prefix}_c": float(np.mean([one.confidence for one in found])),
        f"{prefix}_d": float(np.mean([one.distance for one in found])),
        f"{prefix}_offset_frames": offset,
        f"{prefix}_offset_abs_frames": distance,
        f"{prefix}_d_zero": float(np.mean([one.distance_at_zero for one in found])),
        f"{prefix}_coverage": coverage,
    }


def sync_curves(prefix: str, table: Rows, first: int) -> dict[str, Rows]:
    """Curves of a stretch that begins with window `first`; frame 0 of every curve is that of the clip."""
    curves: dict[str, Rows] = {f"{prefix}_confidence": framewise_confidence(table)}
    stretches = over_time(table)
    if stretches:
        curves[f"{prefix}_c_5s"] = _per_frame([part.confidence for part in stretches], len(table))
        curves[f"{prefix}_d_5s"] = _per_frame([part.distance for part in stretches], len(table))
    before = np.full(first, np.nan)
    return {name: np.concatenate([before, curve]) for name, curve in curves.items()}


def _heard(network: SyncNet, windows: torch.Tensor, device: torch.device) -> torch.Tensor:
    """(N, 1024) embeddings of (N, samples) windows of sound."""
    import torch

    # The windows of a batch follow each other: the steps that they share are made once.
    samples = torch.cat([windows[0], windows[1:, -_SAMPLES:].flatten()]).numpy()
    steps = MfccStream(previous=float(samples[0])).push(samples[1:])
    heard = torch.from_numpy(sound_windows(steps, len(windows)))
    return _cpu(network.embed_audio(heard.to(device)))


def _unmeasured(windows: int, counts: Counts) -> Missing | None:
    """Why there is no score, if there is none."""
    if counts.video and not counts.seen:
        return Missing("no_face", "no six frames in a row have a face")
    if counts.video >= MIN_WINDOWS and not counts.sound:
        return Missing("no_audio", "the video has less than 0.24 s of sound")
    if windows < MIN_WINDOWS:
        return Missing(
            "too_short",
            f"the longest stretch with face and sound has {windows} windows of six frames, "
            f"expected at least {MIN_WINDOWS} (1.2 s)",
        )
    return None


def _per_frame(values: Sequence[float], frames: int) -> Rows:
    """Values of stretches drawn through the middles of these."""
    middles = [RATE_FPS * (index * HOP_S + WINDOW_S / 2) for index in range(len(values))]
    return np.interp(np.arange(frames), middles, values)


def _cpu(rows: torch.Tensor) -> torch.Tensor:
    return rows.float().cpu()
