"""Videos made by a program: staged, run, found, checked, brought to the protocol."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from liveact_eval.cards.command import CommandSpec
from liveact_eval.cards.protocol import Encoding
from liveact_eval.clips.clip import Clip
from liveact_eval.environments.needs import Lack
from liveact_eval.errors import ClipError
from liveact_eval.generators.command.arguments import command_variables, command_words, shared_values
from liveact_eval.generators.command.devices import lease, visible_devices
from liveact_eval.generators.command.failures import check_log, failure_of
from liveact_eval.generators.command.finishing import finish_video
from liveact_eval.generators.command.guarded import Ended, run_to_end
from liveact_eval.generators.command.input_file import write_inputs
from liveact_eval.generators.command.installed import find_installed
from liveact_eval.generators.command.logs import log_lines
from liveact_eval.generators.command.output import Snapshot, find_output, output_pattern, snapshot
from liveact_eval.generators.command.prerequisites import find_lacking
from liveact_eval.generators.command.staging import StagedClip, stage_clip
from liveact_eval.generators.command.timing_lines import read_timings
from liveact_eval.generators.command.workspace import Workspace, workspace
from liveact_eval.generators.protocol import Generation

Outcome = Generation | ClipError
"""What came of one of several clips."""


@dataclass(frozen=True)
class Order:
    """A clip and where its video is to be."""

    clip: Clip
    out: Path


@dataclass(frozen=True)
class CommandGenerator:
    """Makes videos with the program of a card."""

    name: str
    title: str
    spec: CommandSpec
    encoding: Encoding

    @property
    def processes(self) -> int | None:
        """How many may run at once: one per GPU, or per group of GPUs; `None`: any number."""
        return processes_for(self.spec)

    @property
    def clips_per_call(self) -> int:
        """How many clips `generate_many` takes at once."""
        return self.spec.clips_per_process

    def lacking(self) -> list[Lack]:
        """What this machine lacks for it."""
        return find_lacking(self.name, self.spec)

    def suffix(self, clip: Clip) -> str:
        """MP4."""
        return ".mp4"

    def generate(self, clip: Clip, out: Path, seed: int) -> Generation:
        """Make the video of a clip; see `Generator.generate`.

        Raises:
            ClipError: this clip cannot be made.
            UserError: no clip can be made.
        """
        made = self._attempt([Order(clip, out)], seed)[0]
        if isinstance(made, ClipError):
            raise made
        return made

    def generate_many(self, orders: Sequence[Order], seed: int) -> list[Outcome]:
        """Make the videos of several clips in one process.

        Where the process fails, whole videos that it has left are taken, and each other clip is tried by itself: so a
        crash is one clip's failure.
        """
        outcomes = self._attempt(orders, seed)
        if len(orders) == 1:
            return outcomes
        return [
            self._attempt([order], seed)[0] if isinstance(outcome, _ProcessError) else outcome
            for order, outcome in zip(orders, outcomes, strict=True)
        ]

    def _attempt(self, orders: Sequence[Order], seed: int) -> list[Outcome]:
        """One process for all."""
        outcomes: list[Outcome | None] = [None] * len(orders)
        with workspace(orders[0].out) as space:
            staged: list[tuple[int, StagedClip]] = []
            for place, order in enumerate(orders):
                try:
                    staged.append((place, stage_clip(order.clip, self.spec, space.inputs)))
                except ClipError as error:
                    outcomes[place] = error
            if staged:
                made = self._run(
                    [clip for _, clip in staged], [orders[place].out for place, _ in staged], seed, space
                )
                for (place, _), outcome in zip(staged, made, strict=True):
                    outcomes[place] = outcome
        return [outcome for outcome in outcomes if outcome is not None]

    def _run(
        self, staged: Sequence[StagedClip], outs: Sequence[Path], seed: int, space: Workspace
    ) -> list[Outcome]:
        spec, installed = self.spec, find_installed(self.spec)
        shared = shared_values(
            spec,
            installed,
            work=space.work,
            inputs=space.inputs,
            output=space.output,
            seed=seed,
            clips=len(staged),
        )
        space.link(spec.work, installed.repository, shared)
        own = [clip.values(index=index, output=space.output) for index, clip in enumerate(staged)]
        try:
            paths = write_inputs(spec.files, space.inputs, shared=shared, clips=own)
        except ClipError as error:
            return self._none(error, len(staged))
        values = shared | paths | (own[0] if spec.clips_per_process == 1 else {})
        patterns = [output_pattern(spec.output, shared | clip) for clip in own]
        before = [snapshot(space.work, pattern) for pattern in patterns]
        log = outs[0].with_suffix(".log")
        log.unlink(missing_ok=True)
        with lease(spec.gpu.count) as devices:
            ended = run_to_end(
                command_words(spec, values),
                folder=space.work,
                variables=command_variables(spec, installed, values, devices=devices),
                log=log,
                limit_s=time_limit_s(spec, staged),
                silent_s=spec.limits.silent_s,
            )
        for other in outs[1:]:
            shutil.copyfile(log, other.with_suffix(".log"))
        failure = self._failure(ended, log)
        if failure is not None and len(staged) == 1:
            return [failure]
        found = [self._take(space, *each) for each in zip(patterns, before, staged, outs, strict=True)]
        if failure is not None:
            found = [_ProcessError(failure) if isinstance(one, ClipError) else one for one in found]
        return [
            one if isinstance(one, ClipError) else self._made(one, ended, log, len(staged)) for one in found
        ]

    def _failure(self, ended: Ended, log: Path) -> ClipError | None:
        if ended.failed:
            return failure_of(ended, self.spec.failures, log, title=self.title)
        try:
            check_log(self.spec.failures, log, title=self.title)
        except ClipError as error:
            return error
        return None

    def _take(
        self, space: Workspace, pattern: str, before: Snapshot, staged: StagedClip, out: Path
    ) -> Generation | ClipError:
        """The video of a clip, if the program has left a good one."""
        try:
            made = find_output(space.work, pattern, before)
            details = finish_video(made, out, staged, self.spec.length, self.encoding)
        except ClipError as error:
            return error
        return Generation(video=out, seconds=0.0, details=details)

    def _made(self, one: Generation, ended: Ended, log: Path, clips: int) -> Generation:
        # Blocks in the log of several clips belong to none of them.
        timings = read_timings(log_lines(log), self.spec.timing).details() if clips == 1 else {}
        ran: dict[str, str | int | float] = {"process_s": ended.seconds, "clips_in_process": clips}
        if not self.spec.uses_seed:
            ran["seed"] = "not taken by the program"
        return Generation(video=one.video, seconds=ended.seconds / clips, details=one.details | timings | ran)

    def _none(self, error: ClipError, clips: int) -> list[Outcome]:
        """No process was started because of one clip's text."""
        return [error] if clips == 1 else [_ProcessError(error)] * clips


class _ProcessError(ClipError):
    """The process failed, and this clip's video is not there: whose fault it was is not known."""

    def __init__(self, error: ClipError) -> None:
        super().__init__(error.reason, error.message)


def processes_for(spec: CommandSpec) -> int | None:
    """How many processes of a system may run at once on this machine; `None`: any number."""
    if spec.gpu.count == 0:
        return None
    return max(1, len(visible_devices()) // spec.gpu.count)


def time_limit_s(spec: CommandSpec, staged: Sequence[StagedClip]) -> float:
    """When a process that makes these clips is given up, in seconds."""
    seconds = sum(float(clip.lengths.seconds) for clip in staged)
    return spec.limits.start_s + spec.limits.per_second_s * seconds
