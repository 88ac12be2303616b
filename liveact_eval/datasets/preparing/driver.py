"""Preparing a dataset: videos over worker processes, every finished clip written down at once, nothing done twice."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from fractions import Fraction
from typing import Protocol

from liveact_eval.datasets.preparing.cutting import library_versions
from liveact_eval.datasets.preparing.making import (
    MadeClip,
    Workshop,
    get_video,
    make_clip,
    status_without_clip,
    status_without_video,
)
from liveact_eval.datasets.preparing.manifest import Manifest
from liveact_eval.datasets.preparing.obtaining import Obtained
from liveact_eval.datasets.preparing.outlook import Outlook, is_given_up
from liveact_eval.datasets.preparing.rows import ClipRow, SourceFacts, Status
from liveact_eval.datasets.preparing.site_answers import RATE_LIMITED
from liveact_eval.datasets.preparing.wanted import Wanted
from liveact_eval.errors import ClipError
from liveact_eval.execution.pool import Task, run_tasks
from liveact_eval.execution.tasks import Outcome
from liveact_eval.files import remove_abandoned

_NOT_TRIED = ClipError(
    "not_tried", "the site asked to slow down before this video; run the same command again later"
)
_BEGUN = re.compile(r"\.(?P<stem>.+)\.\d+\.part(?P<suffix>\.\w+)")
"""What a file is called while it is written."""


class Listener(Protocol):
    """Who is told how far it is."""

    def begin(self, total: int, done: int) -> None:
        """So many clips are wanted, so many are ready already."""

    def video(self, name: str, how: str) -> None:
        """A video is begun."""

    def clip(self, row: ClipRow) -> None:
        """A clip is settled: ready, or not to be had in this run."""


@dataclass
class Preparation:
    """One run of `prepare`. Call `run` once.

    Args:
        shop: where videos come from, where clips go.
        wanted: all clips, in the order of the split.
        retry_failed: whether clips that are dead or bad are tried again.
        listener: is told how far it is.
    """

    shop: Workshop
    wanted: Sequence[Wanted]
    retry_failed: bool
    listener: Listener
    _waiting: dict[str, set[str]] = field(default_factory=dict, init=False)
    _got: dict[str, Obtained | ClipError] = field(default_factory=dict, init=False)
    _slowed: bool = field(default=False, init=False)
    _tools: dict[str, str] = field(default_factory=dict, init=False)

    def run(self, workers: int) -> list[ClipRow]:
        """Prepare all clips; the rows of those that were wanted, in their order.

        Args:
            workers: processes; with one, everything runs in this process.

        Raises:
            UserError: another process prepares this dataset.
            BrokenEnvironmentError: the disk is full.
        """
        self._tools = library_versions() | self.shop.source.tools
        with Manifest(self.shop.folder.manifest) as manifest:
            self._sweep()
            outlook = Outlook.of(self.shop, self.wanted, manifest, retry_failed=self.retry_failed)
            self.listener.begin(len(self.wanted), len(outlook.ready))
            self._waiting = {one.id: set(one.videos) for one in outlook.open}
            for one in outlook.open:
                row = manifest.get(one.id)
                if row is None or row.identity != one.identity(self.shop.recipe) or row.status == "ready":
                    manifest.put(self._row(one, "todo"))
            for row in outlook.given_up:
                self.listener.clip(row)
            run_tasks(self._videos(manifest, outlook), workers)
            manifest.tidy(one.id for one in self.wanted)
            return [row for one in self.wanted if (row := manifest.get(one.id)) is not None]

    def _videos(self, manifest: Manifest, outlook: Outlook) -> Iterator[Task]:
        """One task per video that is needed, in the order of the clips."""
        for video, served in outlook.videos.items():
            # Long sound of which one video is gone needs none of the others.
            users = [one for one in served if one.id in self._waiting]
            if not users:
                continue
            if self._slowed and self.shop.source.way == "yt-dlp":
                for one in users:
                    self._settle(manifest, one, "todo", _NOT_TRIED)
                continue
            needed = max((one.end_in(video, self.shop.recipe) for one in users), default=Fraction(0))
            clips = tuple(part for one in users for part in one.parts if part.video_id == video)
            self.listener.video(clips[0].video_name, self.shop.source.way)
            yield Task(get_video, (self.shop, clips, needed), self._video_done(manifest, video, users))

    def _video_done(
        self, manifest: Manifest, video: str, users: Sequence[Wanted]
    ) -> Callable[[Outcome], list[Task]]:
        def done(outcome: Outcome) -> list[Task]:
            got: Obtained | ClipError = outcome.error if outcome.error is not None else outcome.value
            self._got[video] = got
            self._slowed |= isinstance(got, ClipError) and got.reason == RATE_LIMITED
            follow: list[Task] = []
            for one in users:
                if one.id not in self._waiting:
                    continue
                if isinstance(got, ClipError):
                    status = status_without_video(got, self.shop.source.way)
                    self._settle(manifest, one, status, got)
                    continue
                self._waiting[one.id].discard(video)
                if not self._waiting[one.id]:
                    follow += self._begin(manifest, one)
            return follow

        return done

    def _begin(self, manifest: Manifest, one: Wanted) -> list[Task]:
        """The task that makes a clip of which all videos are there, unless it is known not to work."""
        first = self._got[one.first.video_id]
        known = manifest.get(one.id)
        if (
            known is not None
            and known.status == "bad"
            and not self.retry_failed
            and is_given_up(known, one, self.shop)
            and isinstance(first, Obtained)
            and known.source is not None
            and known.source.sha256 == first.sha256
        ):
            del self._waiting[one.id]
            self.listener.clip(known)
            return []
        manifest.put(self._row(one, "downloaded", source=self._source(one)))
        paths = {video: got.path for video in one.videos if isinstance(got := self._got[video], Obtained)}
        return [Task(make_clip, (self.shop, one, paths), self._clip_done(manifest, one))]

    def _clip_done(self, manifest: Manifest, one: Wanted) -> Callable[[Outcome], list[Task]]:
        def done(outcome: Outcome) -> list[Task]:
            if outcome.error is not None:
                self._settle(manifest, one, status_without_clip(outcome.error), outcome.error)
                return []
            made: MadeClip = outcome.value
            manifest.put(self._finished(one, made))
            self._told(manifest, one)
            return []

        return done

    def _settle(self, manifest: Manifest, one: Wanted, status: Status, error: ClipError) -> None:
        """Write down that a clip is not to be had in this run; the first reason counts."""
        if one.id not in self._waiting:
            return
        row = self._row(one, status, source=self._source(one))
        manifest.put(row.model_copy(update={"reason": error.reason, "message": error.message}))
        self._told(manifest, one)

    def _told(self, manifest: Manifest, one: Wanted) -> None:
        self._waiting.pop(one.id, None)
        row = manifest.get(one.id)
        if row is not None:
            self.listener.clip(row)

    def _row(self, one: Wanted, status: Status, *, source: SourceFacts | None = None) -> ClipRow:
        clip = one.first
        return ClipRow(
            dataset=self.shop.folder.path.name,
            clip_id=one.id,
            video_id=clip.video_id,
            video_name=clip.video_name,
            url=clip.url,
            subset=clip.subset,
            speaker=clip.speaker,
            prompt=clip.prompt,
            identity=one.identity(self.shop.recipe),
            status=status,
            way=self.shop.source.way,
            source=source,
            parts=tuple(part.id for part in one.parts) if one.long_seconds is not None else (),
            notes=clip.notes,
            tools=self._tools,
            finished_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        )

    def _finished(self, one: Wanted, made: MadeClip) -> ClipRow:
        cut, recipe = made.cut, self.shop.recipe
        source = self._source(one)
        if source is not None:
            width, height = cut.source_size
            turned = {"rotation": cut.rotation, "interlaced": cut.interlaced}
            source = source.model_copy(update={"width": width, "height": height, **turned})
        return self._row(one, "ready", source=source).model_copy(
            update={
                "start_s": float(cut.window.start),
                "end_s": float(cut.window.end),
                "frames": cut.window.frames,
                "fps": float(recipe.rate),
                "size": recipe.size,
                "samples": cut.window.samples,
                "silent_samples": cut.silent_samples,
                "box": cut.box,
                "files": cut.files,
                "mean_luma": cut.mean_luma,
                "judgement": made.judgement,
            }
        )

    def _source(self, one: Wanted) -> SourceFacts | None:
        got = self._got.get(one.first.video_id)
        if not isinstance(got, Obtained):
            return None
        return SourceFacts(
            file=got.path.name,
            way=self.shop.source.way,
            sha256=got.sha256,
            fps=round(got.probe.fps, 4),
            seconds=round(got.probe.seconds, 3),
            codec=got.probe.codec,
            width=got.probe.size[0],
            height=got.probe.size[1],
        )

    def _sweep(self) -> None:
        """Take away what killed processes have begun."""
        for path in self.shop.folder.path.rglob(".*.part*"):
            begun = _BEGUN.fullmatch(path.name)
            if begun is not None:
                remove_abandoned(path.with_name(begun["stem"] + begun["suffix"]))
