"""Videos made by a function that stays loaded in an environment of its own."""

from __future__ import annotations

import functools
import os
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liveact_eval.cards.command import CommandSpec
from liveact_eval.cards.command_rules import WorkerSpec
from liveact_eval.cards.placeholders import Value, fill
from liveact_eval.cards.protocol import Encoding
from liveact_eval.clips.clip import Clip
from liveact_eval.environments.needs import Lack
from liveact_eval.errors import ClipError
from liveact_eval.generators.command.adapter import processes_for, time_limit_s
from liveact_eval.generators.command.arguments import command_variables, shared_values
from liveact_eval.generators.command.devices import keep, lease
from liveact_eval.generators.command.finishing import finish_video
from liveact_eval.generators.command.input_file import fill_value
from liveact_eval.generators.command.installed import find_installed
from liveact_eval.generators.command.prerequisites import find_lacking
from liveact_eval.generators.command.staging import StagedClip, stage_clip
from liveact_eval.generators.command.timing_lines import Block, Timings
from liveact_eval.generators.command.workspace import Workspace, workspace
from liveact_eval.generators.protocol import Generation
from liveact_eval.generators.worker.supervisor import SCRIPT, Launch, Supervisor

_KEPT = 4


@dataclass(frozen=True)
class WorkerGenerator:
    """Makes videos with the loaded function of a card. It is loaded with the first clip of a process."""

    name: str
    title: str
    spec: CommandSpec
    encoding: Encoding

    @property
    def processes(self) -> int | None:
        """One per GPU, or per group of GPUs; `None`: any number."""
        return processes_for(self.spec)

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
            UserError: the function cannot be loaded.
        """
        with workspace(out) as space:
            staged = stage_clip(clip, self.spec, space.inputs)
            log = out.parent.absolute() / f"worker-{os.getpid()}.log"
            loaded = _loaded(self.spec, self.title, log)
            job = self._job(staged, space.output, seed)
            made = loaded.supervisor.make(job, time_limit_s(self.spec, [staged]))
            file = Path(str(job["output"]))
            if not file.is_file():
                raise ClipError(
                    "no_output", f"{self.title} ended without an error, and wrote no file at job['output']"
                )
            details = finish_video(file, out, staged, self.spec.length, self.encoding)
        skip = 0 if self.spec.worker is None else self.spec.worker.warm_up_blocks
        blocks = [Block(s, frames, place >= skip) for place, (s, frames) in enumerate(made.blocks)]
        timings = Timings(blocks=blocks, load_s=loaded.supervisor.load_s)
        ran: dict[str, str | int | float] = {
            "process_s": made.seconds,
            "starts": loaded.supervisor.starts,
        }
        return Generation(
            video=out, seconds=made.seconds, details=made.details | details | timings.details() | ran
        )

    def _job(self, staged: StagedClip, output: Path, seed: int) -> dict[str, Value]:
        values = staged.values(index=0, output=output)
        named = {
            name: values[name]
            for name in sorted(values)
            if name not in {"index", "output_stem", "output_file"}
        }
        return named | {
            "output": values["output_file"],
            "seed": seed % self.spec.seed_limit,
            "fps": self.spec.length.fps,
        }


class _Loaded:
    """A supervisor with the folder in which its worker runs and the GPUs that it may see, for as long as it is kept."""

    def __init__(self, spec: CommandSpec, worker: WorkerSpec, title: str, log: Path) -> None:
        self._held = ExitStack()
        self.closed = False
        """Whether it was ended for good."""
        try:
            self.supervisor = self._supervisor(spec, worker, title, log)
        except BaseException:
            self.close()
            raise
        if spec.gpu.count:
            keep(self.close)

    def close(self) -> None:
        """End the worker, and give its GPUs back."""
        self.closed = True
        self._held.close()

    def _supervisor(self, spec: CommandSpec, worker: WorkerSpec, title: str, log: Path) -> Supervisor:
        root = self._held.enter_context(tempfile.TemporaryDirectory(prefix="liveact-eval-worker-"))
        space = Workspace(Path(root))
        space.output.mkdir(parents=True)
        installed = find_installed(spec)
        values = shared_values(
            spec, installed, work=space.work, inputs=space.inputs, output=space.output, seed=0, clips=1
        )
        space.link(spec.work, installed.repository, values)
        devices = self._held.enter_context(lease(spec.gpu.count))
        paths = [] if installed.repository is None else [str(installed.repository)]
        options: Any = fill_value(worker.options, values)
        log.unlink(missing_ok=True)
        return self._held.enter_context(
            Supervisor(
                Launch(
                    title=title,
                    words=[fill(spec.program, values), str(SCRIPT)],
                    variables=command_variables(spec, installed, values, devices=devices),
                    folder=space.work,
                    log=log,
                    function=worker.function,
                    options=options,
                    paths=[*paths, str(space.work)],
                    start_s=spec.limits.start_s,
                    heartbeat_s=worker.heartbeat_s,
                    restarts=worker.restarts,
                )
            )
        )


def _loaded(spec: CommandSpec, title: str, log: Path) -> _Loaded:
    """The worker of a system in this process: loading it again for each clip is what it is there to avoid."""
    if spec.worker is None:
        raise ValueError("the card describes no worker")
    kept, key = _all_loaded(), (spec.model_dump_json(), title, log)
    for old in [old for old, one in kept.items() if one.closed]:
        del kept[old]
    if key not in kept:
        while len(kept) >= _KEPT:
            kept.pop(next(iter(kept))).close()
        kept[key] = _Loaded(spec, spec.worker, title, log)
    return kept[key]


@functools.cache
def _all_loaded() -> dict[tuple[str, str, Path], _Loaded]:
    """Those of this process, the earliest first."""
    return {}
