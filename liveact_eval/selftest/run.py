"""One self-test: a run over all levels of all distortions, and the verdicts on it.

It is a run like any other, with the same folder, journal and engine: a killed one continues, and a distorted clip is
measured exactly as any video, by one pass for all metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from liveact_eval.clips.clip import printable, safe_name
from liveact_eval.datasets.base import Fingerprint
from liveact_eval.errors import ExitCode, UserError
from liveact_eval.execution.aggregate import aggregate
from liveact_eval.execution.config import RunConfig, build_config
from liveact_eval.execution.plan import Plan, check_space, make_plan
from liveact_eval.execution.run import Execution, Watcher
from liveact_eval.execution.session import execute
from liveact_eval.files import write_text
from liveact_eval.metrics.base import Metric
from liveact_eval.metrics.registry import networks_of, select, shipped
from liveact_eval.networks.provider import Networks
from liveact_eval.results.folder import Layout
from liveact_eval.results.provenance import gather
from liveact_eval.results.schema import Results
from liveact_eval.selftest.distorted import entrants
from liveact_eval.selftest.judge import judge
from liveact_eval.selftest.ladders import Ladder, check_levels, chosen
from liveact_eval.selftest.schema import SelfTest, Unavailable

CLIPS, SECONDS, LEVELS = 4, 3.0, 5
"""What is used where nothing else is said."""
_LOSSLESS = 6
"""How many times larger a lossless video is than a near-lossless one, roughly."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """A self-test that is asked for."""

    config: RunConfig
    """Dataset, metrics that can be run, clips, folder."""
    ladders: tuple[Ladder, ...]
    levels: int
    unavailable: tuple[Unavailable, ...]
    """Metrics that cannot be run, and why."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """How a self-test ended."""

    selftest: SelfTest
    root: Path
    exit_code: ExitCode


def build_request(
    flags: Mapping[str, Any], assignments: Sequence[str], distortions: Sequence[str], levels: int
) -> Request:
    """What was asked for, with the metrics that can be run here.

    Args:
        flags: fields of `RunConfig` that were given; those that were not are the self-test's own.
        assignments: `--set` texts.
        distortions: names of ladders; none: all.
        levels: levels above 0.

    Raises:
        UserError: an unknown name or field, or no metric can be run.
    """
    ladders, levels = tuple(chosen(distortions)), check_levels(levels)
    own = {
        "dataset": "talkers",
        "metrics": ["all"],
        "limit": CLIPS,
        "protocol": {"clip_seconds": SECONDS, "encoding": {"crf": 0, "preset": "ultrafast"}},
    }
    given = {name: value for name, value in flags.items() if value not in (None, [])}
    config = build_config(None, assignments, own | given)
    if config.score is not None or config.models != RunConfig().models:
        raise UserError(
            "A self-test makes its own videos: it takes no `models` and no `score`. Leave them out"
        )
    metrics, unavailable = _available(config)
    if not metrics:
        reasons = "".join(f"\n{lacking.metric}: {lacking.reason}" for lacking in unavailable)
        raise UserError(f"None of the metrics asked for can be run here:{reasons}")
    if config.out is None:
        config = config.model_copy(update={"out": _folder(config)})
    config = config.model_copy(update={"models": (), "metrics": tuple(metrics)})
    return Request(config=config, ladders=ladders, levels=levels, unavailable=tuple(unavailable))


def _available(config: RunConfig) -> tuple[list[str], list[Unavailable]]:
    """Selectors of the metrics that can be run, and the others."""
    networks = config.networks.provider()
    good: list[str] = []
    lacking: list[Unavailable] = []
    known = shipped() | {metric.name: metric for metric in select(list(config.metrics), with_parts=False)}
    for selector in config.metrics:
        for metric in select([selector], with_parts=False):
            reasons = _reasons(metric, known, networks)
            if reasons:
                lacking.append(Unavailable(metric=metric.name, reason="; ".join(reasons)))
            else:
                good.append(selector if selector.endswith(".py") else metric.name)
    return list(dict.fromkeys(good)), lacking


def _reasons(metric: Metric, known: Mapping[str, Metric], networks: Networks) -> list[str]:
    needed = networks_of(metric, known)
    return [why for name in needed if (why := networks.missing(name)) is not None]


def _folder(config: RunConfig) -> Path:
    given = Path(config.dataset)
    name = given.resolve().stem if given.exists() else config.dataset
    return Path("runs") / safe_name(f"selftest-{printable(name)}")


def run_selftest(request: Request, watch: Callable[[Plan], Watcher]) -> Judged:
    """Do a self-test, or what is left of it, and write its files.

    Args:
        request: what to do.
        watch: called with the plan before anything is done; gives who is told about progress.

    Raises:
        UserError: wrong request; nothing was done.
        BrokenEnvironmentError: the disk is full or the like; what was finished is kept.
    """
    judged: list[SelfTest] = []

    def write(plan: Plan, execution: Execution, layout: Layout, _: Results | None) -> Results:
        results, verdicts = _write(request, plan, execution, layout)
        judged.append(verdicts)
        return results

    def planner(config: RunConfig, fingerprint: Fingerprint) -> Plan:
        return _plan(request, config, fingerprint)

    finished = execute(request.config, watch, planner=planner, writer=write)
    code = finished.exit_code if judged[0].passed else ExitCode.GATE
    return Judged(selftest=judged[0], root=finished.layout.root, exit_code=code)


def _plan(request: Request, config: RunConfig, fingerprint: Fingerprint) -> Plan:
    """The plan of a run with a row for each level."""
    plan = make_plan(config, fingerprint)
    made = entrants(
        list(request.ladders),
        request.levels,
        plan.protocol.encoding,
        plan.dataset,
        plan.dataset.entries(fingerprint),
    )
    size = _LOSSLESS * plan.dataset.estimate_bytes(len(plan.entries), len(made))
    if not (plan.out / "journal.sqlite").is_file():
        check_space(plan.out, size)
    return replace(plan, entrants=[*plan.entrants, *made], estimated_bytes=size)


def _write(request: Request, plan: Plan, execution: Execution, layout: Layout) -> tuple[Results, SelfTest]:
    from liveact_eval.selftest.pictures import write_pictures
    from liveact_eval.selftest.tables import markdown

    name = printable(layout.root.resolve().name)
    results = aggregate(plan, execution, name, gather() | {"seed": plan.config.seed}, compared=False)
    verdicts = judge(
        results, plan.metrics, request.ladders, request.levels, plan.config.statistics, request.unavailable
    )
    write_text(layout.results, results.model_dump_json(indent=1) + "\n")
    write_text(layout.root / "selftest.json", verdicts.model_dump_json(indent=1) + "\n")
    write_text(layout.root / "selftest.md", markdown(verdicts))
    write_pictures(verdicts, layout.root)
    return results, verdicts
