"""Lip sync by every step of the reference, while a video streams by, in memory that does not grow with it.

    frames --MPEG-4, JPEG--> S3FD in each, tracks --cut--> crops of a track --MPEG-4, JPEG--> SyncNet --+
                                         sound of the track --MFCC from its first sample on--> SyncNet --+--> distances

What is held: frames until their crops are known (see `_sync_stream`), sound since the earliest of these, and 31 numbers
for each window of a track. Of tracks that turn out too short or too small everything is dropped. Not repeated: the
reference first cuts the video into shots; here it is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from liveact_eval.metrics._mfcc import COEFFICIENTS, STEPS_PER_FRAME, WINDOW_STEPS, MfccStream, sound_windows
from liveact_eval.metrics._sync_codec import CROPS, VIDEO, Picture, Recompressor
from liveact_eval.metrics._sync_crops import CROP, KERNEL
from liveact_eval.metrics._sync_curve import SHIFTS, DistanceStream, usable_windows
from liveact_eval.metrics._sync_recipes import EXACT
from liveact_eval.metrics._sync_stream import CropStream, TrackCrops, VideoEmbedder
from liveact_eval.metrics._sync_tape import SAMPLES, SoundTape
from liveact_eval.metrics.base import Batch, Follower

if TYPE_CHECKING:
    import torch
    from torch import nn

_LATE = EXACT.rules.max_gap + KERNEL
"""Frames after its beginning by which a track has crops, at most."""

Table = NDArray[np.float32]


class ExactCounts(NamedTuple):
    """What a clip held."""

    frames: int
    """Frames of the video."""
    seen: int
    """Those with a face."""
    longest: int
    """Frames in which the face that was found most often was found."""
    heard: int
    """Frames that have sound."""
    width: int
    """Of the pictures, in pixels."""
    height: int
    """Of the pictures, in pixels."""


class TrackTable(NamedTuple):
    """One track that counts."""

    start: int
    """Frame that it begins with."""
    distances: Table
    """(W, 31), see `_sync_curve`."""


class ExactSync:
    """All tracks of one clip. Frames and sound come as two streams, in any order and in runs of any length."""

    def __init__(self) -> None:
        self.frames = _Frames(self)
        """Takes windows of single frames. Its table: one row per window of a track, [track, its start, distances]."""
        self.sound = _Sound(self)
        """Takes windows of 640 samples that follow each other. Its table: one row of `ExactCounts`."""
        self._compressor: Recompressor | None = None
        self._networks: tuple[Any, Any] | None = None
        self._waiting: list[Picture] = []
        self._crops = CropStream(EXACT.rules)
        self._tracks: dict[int, _Track] = {}
        self._tape = SoundTape()
        self._made: list[tuple[int, TrackTable]] = []
        self._size = (0, 0)
        self._given = self._shown = self._seen = self._longest = 0
        self._over = False

    @property
    def tracks(self) -> list[TrackTable]:
        """The tracks that count, in the order of their beginning; nothing may follow."""
        self._finish()
        return [table for _, table in sorted(self._made, key=lambda made: made[0])]

    @property
    def counts(self) -> ExactCounts:
        """What there was; nothing may follow."""
        self._finish()
        heard = self._tape.end // SAMPLES
        return ExactCounts(self._given, self._seen, self._longest, heard, *self._size)

    def look(self, batch: Batch) -> None:
        """Take the next frames, (N, 1, H, W, 3)."""
        pictures = batch.windows[:, 0].numpy()
        if self._networks is None:
            self._networks = batch.network("s3fd"), batch.network("syncnet")
            self._size = pictures.shape[2], pictures.shape[1]
            if is_even(*self._size):
                self._compressor = Recompressor(VIDEO, self._size)
        self._given += len(pictures)
        if self._compressor is not None:
            self._search(self._compressor.push(pictures), all_of_them=False)
            self._advance()

    def listen(self, samples: NDArray[np.int16]) -> None:
        """Take the next samples."""
        if self._networks is not None and self._compressor is None:
            # Pictures of an odd size are not searched: nobody will ask for this sound, or for it to be forgotten.
            return
        self._tape.push(samples)
        self._advance()

    def _search(self, pictures: Sequence[Picture], *, all_of_them: bool) -> None:
        """Look for faces in pictures that are through the codecs, as many at a time as the detector takes."""
        import torch

        from liveact_eval.clips.face_detect import AT_ONCE, detect

        self._waiting += pictures
        while self._networks is not None and len(self._waiting) >= (1 if all_of_them else AT_ONCE):
            part, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
            given = torch.from_numpy(np.stack(part)).to(_device(self._networks[0]))
            for picture, faces in zip(
                part, detect(self._networks[0], given, EXACT.scale_for(*self._size)), strict=True
            ):
                self._shown += 1
                self._seen += len(faces) > 0
                self._sort(self._crops.push(picture, faces.boxes))

    def _sort(self, news: list[TrackCrops]) -> None:
        """Give crops to their tracks."""
        for new in news:
            if new.ended:
                self._longest = max(self._longest, new.detections)
            if new.ended and not new.counts:
                self._tracks.pop(new.track, None)
                continue
            if new.track not in self._tracks and self._networks is not None:
                self._tracks[new.track] = _Track(new.start, self._networks[1])
            self._tracks[new.track].see(new.crops)
            self._tracks[new.track].ended = new.ended

    def _advance(self) -> None:
        """Let tracks hear what is there of their sound, and close those that have heard all of it."""
        for number, track in list(self._tracks.items()):
            track.hear(self._tape.read(*track.wanted))
            if track.ended and (self._over or track.wanted[0] == track.wanted[1]):
                self._made.append((number, TrackTable(track.start, track.finish())))
                del self._tracks[number]
        needed = [track.wanted[0] for track in self._tracks.values()]
        self._tape.forget(min([max(0, self._shown - _LATE) * SAMPLES, *needed]))

    def _finish(self) -> None:
        if self._over:
            return
        self._over = True
        if self._compressor is not None:
            self._search(self._compressor.finish(), all_of_them=True)
        self._sort(self._crops.finish())
        self._advance()


class _Track:
    """One face: crops and sound to distances."""

    def __init__(self, start: int, syncnet: Any) -> None:
        from liveact_eval.networks.syncnet import VIDEO_AT_ONCE

        self.start = start
        self.ended = False
        self._frames = self._heard = 0
        self._codec = Recompressor(CROPS, (CROP, CROP))
        self._mouths = VideoEmbedder(syncnet, VIDEO_AT_ONCE)
        self._sounds = _SoundEmbedder(syncnet)
        self._distances = DistanceStream()
        self._rows: list[Table] = []

    @property
    def wanted(self) -> tuple[int, int]:
        """First sample that it has not heard, and the end of its sound as far as it is known."""
        return self.start * SAMPLES + self._heard, (self.start + self._frames) * SAMPLES

    def see(self, crops: NDArray[np.uint8]) -> None:
        """Take the next crops."""
        self._frames += len(crops)
        self._rows.append(self._distances.push_video(self._mouths.push(self._codec.push(crops))))

    def hear(self, samples: NDArray[np.int16]) -> None:
        """Take the next samples, never beyond what is wanted."""
        if len(samples):
            self._heard += len(samples)
            self._rows.append(self._distances.push_audio(self._sounds.push(samples)))

    def finish(self) -> Table:
        """All distances, (W, 31)."""
        self._rows.append(self._distances.push_video(self._mouths.push(self._codec.finish())))
        self._rows.append(self._distances.push_video(self._mouths.finish()))
        self._rows.append(self._distances.push_audio(self._sounds.finish()))
        self._rows.append(self._distances.finish(usable_windows(self._frames, self._heard)))
        return np.concatenate(self._rows)


class _SoundEmbedder:
    """Embeddings of sound that arrives in runs of any length, from the first sample of a track on."""

    def __init__(self, syncnet: Any) -> None:
        self._network = syncnet
        self._mfcc = MfccStream()
        self._steps = np.zeros((0, COEFFICIENTS))

    def push(self, samples: NDArray[np.int16]) -> Table:
        """Take (n,) samples; return rows (k, 1024) of full passes."""
        from liveact_eval.networks.syncnet import AUDIO_AT_ONCE

        self._steps = np.concatenate([self._steps, self._mfcc.push(samples)])
        known = self._known()
        return self._rows(known - known % AUDIO_AT_ONCE)

    def finish(self) -> Table:
        """The rows that waited for others."""
        return self._rows(self._known())

    def _known(self) -> int:
        return max(0, (len(self._steps) - WINDOW_STEPS) // STEPS_PER_FRAME + 1)

    def _rows(self, count: int) -> Table:
        import torch

        windows = torch.from_numpy(sound_windows(self._steps, count)).to(_device(self._network))
        self._steps = self._steps[count * STEPS_PER_FRAME :].copy()
        with torch.inference_mode():
            rows: torch.Tensor = self._network.embed_audio(windows)
        return np.asarray(rows.float().cpu())


class _Frames(Follower):
    def __init__(self, clip: ExactSync) -> None:
        self._clip = clip

    def follow(self, batch: Batch) -> None:
        self._clip.look(batch)

    @property
    def table(self) -> NDArray[Any]:
        parts = [
            np.column_stack([np.full(len(track.distances), number), np.full(len(track.distances), track.start),
                             track.distances]).astype(np.float32)
            for number, track in enumerate(self._clip.tracks)
        ]  # fmt: skip
        return np.concatenate([np.zeros((0, 2 + SHIFTS), np.float32), *parts])


class _Sound(Follower):
    def __init__(self, clip: ExactSync) -> None:
        self._clip = clip

    def follow(self, batch: Batch) -> None:
        self._clip.listen(batch.windows.numpy().reshape(-1))

    @property
    def table(self) -> NDArray[Any]:
        return np.array([self._clip.counts], dtype=np.float64)


def track_tables(rows: NDArray[Any]) -> list[TrackTable]:
    """The tracks in the table of `ExactSync.frames`."""
    numbers = np.unique(rows[:, 0])
    of_each = [rows[rows[:, 0] == number] for number in numbers]
    return [TrackTable(int(part[0, 1]), part[:, 2:]) for part in of_each]


def is_even(width: int, height: int) -> bool:
    """Whether MPEG-4 can hold pictures of that size."""
    return width % 2 == 0 and height % 2 == 0


def _device(network: nn.Module) -> torch.device:
    return next(network.parameters()).device
