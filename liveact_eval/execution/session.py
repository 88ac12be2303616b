"""One command's work in a run folder: plan, run, aggregate, write."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import liveact_eval
from liveact_eval.clips.clip import printable
from liveact_eval.datasets.base import Fingerprint
from liveact_eval.efficiency.run_costs import RunCosts
from liveact_eval.efficiency.run_table import run_costs, write_run_costs
from liveact_eval.errors import ExitCode, NewerFileError, UserError
from liveact_eval.execution.aggregate import aggregate, clip_curves
from liveact_eval.execution.config import RunConfig
from liveact_eval.execution.plan import Plan, make_plan, run_root
from liveact_eval.execution.run import Execution, TooManyFailuresError, Watcher, remove_leftovers
from liveact_eval.files import sha256_of, write_text
from liveact_eval.generators.settings import settings_of
from liveact_eval.results.folder import Layout, RunFolder
from liveact_eval.results.journal import Journal
from liveact_eval.results.provenance import gather
from liveact_eval.results.schema import Results, read_results

_KEY_FILE = ".results-key"
# Raised when the same units give other results, so that files of an earlier version are written anew.
_AGGREGATION_VERSION = 2
Planner = Callable[[RunConfig, Fingerprint], Plan]
Writer = Callable[[Plan, Execution, Layout, Results | None], Results]


@dataclass(frozen=True)
class Finished:
    """How a session ended."""

    results: Results
    layout: Layout
    exit_code: ExitCode
    stopped: str | None
    """Why it stopped early, if so."""
    costs: RunCosts
    """What making the videos of this command cost."""


def plan_only(config: RunConfig) -> Plan:
    """What a run would do, without touching the disk but for reading."""
    return make_plan(config, sha256_of)


def execute(
    config: RunConfig,
    watch: Callable[[Plan], Watcher],
    *,
    planner: Planner = make_plan,
    writer: Writer | None = None,
) -> Finished:
    """Do a run, or what is left of it, and write its results.

    Args:
        config: what to do.
        watch: called with the plan before anything is done; gives who is told about progress.
        planner: makes the plan of a configuration.
        writer: makes the results and writes all files; `None`: those of a run.

    Raises:
        UserError: wrong request; nothing was done.
        BrokenEnvironmentError: the disk is full or the like; what was finished is kept.
    """
    root = run_root(config)
    memory: dict[Path, str] = {}

    def remembered(path: Path) -> str:
        if path not in memory:
            memory[path] = sha256_of(path)
        return memory[path]

    # A new folder is made only for a request that can be met; in an old one the journal knows the hashes.
    plan = None if (root / "journal.sqlite").is_file() else planner(config, remembered)
    with RunFolder(root) as folder, Journal(folder.layout.journal) as journal:
        for path, digest in memory.items():
            journal.remember(path, digest)
        plan = plan or planner(config, journal.fingerprint)
        folder.claim(plan.source, _description(plan))
        remove_leftovers(folder.layout)
        earlier = _earlier(folder.layout)
        execution = Execution(plan, journal, folder.layout, watch(plan))
        before = dict(execution.units)
        stopped = None
        try:
            execution.run()
        except TooManyFailuresError as error:
            stopped = str(error)
        results = (writer or _write)(plan, execution, folder.layout, earlier)
        costs = run_costs(plan, before, execution.units)
        write_run_costs(costs, folder.layout)
    bad = stopped is not None or results.failed or any(flag.rejected for flag in results.flagged)
    return Finished(results, folder.layout, ExitCode.PARTIAL if bad else ExitCode.OK, stopped, costs)


def _earlier(layout: Layout) -> Results | None:
    """The results that are there. Damaged ones are made anew; those of a newer version stop the command."""
    try:
        return read_results(layout.results)
    except NewerFileError:
        raise
    except UserError:
        return None


def _write(plan: Plan, execution: Execution, layout: Layout, earlier: Results | None) -> Results:
    """Aggregate and write all files, unless they already say what the journal says."""
    name = printable(layout.root.resolve().name)
    key = _results_key(plan, execution, name)
    stamp = layout.root / _KEY_FILE
    tables = ("results.md", "results.tex", "results.csv", "comparisons.md", "comparisons.csv")
    others = (
        layout.parquet,
        layout.parquet.with_name("curves.parquet"),
        layout.plots / "metrics.png",
        *(layout.tables / table for table in tables),
    )
    whole = stamp.is_file() and all(path.is_file() for path in others)
    if earlier is not None and whole and stamp.read_text(encoding="utf-8") == key:
        return earlier
    from liveact_eval.reporting.plots import write_plots
    from liveact_eval.reporting.tables import write_tables
    from liveact_eval.results.parquet import write_parquet

    stamp.unlink(missing_ok=True)
    provenance = gather() | {"seed": plan.config.seed}
    results = aggregate(plan, execution, name, provenance)
    curves = clip_curves(plan, execution)
    write_text(layout.results, results.model_dump_json(indent=1) + "\n")
    write_parquet(results, curves, layout.parquet)
    write_tables(results, layout)
    write_plots(results, curves, layout)
    write_text(stamp, key)
    return results


def _results_key(plan: Plan, execution: Execution, name: str) -> str:
    """What the written files depend on: the plan, and every unit of the journal."""
    units = sorted((unit.key, unit.failed, unit.reason) for unit in execution.units.values())
    chosen = [
        name,
        _AGGREGATION_VERSION,
        liveact_eval.__version__,
        plan.dataset.title,
        plan.dataset.tier,
        plan.protocol_id,
        [(entry.id, entry.speaker) for entry in plan.entries],
        [pair.key for pair in execution.pairs()],
        [(entrant.name, entrant.title) for entrant in plan.entrants],
        [
            (metric.name, plan.recipe(metric), [vars(output) for output in metric.outputs])
            for metric in plan.metrics
        ],
        plan.config.sanity.model_dump(mode="json"),
        plan.config.statistics.model_dump(mode="json"),
    ]
    return hashlib.sha256(json.dumps([chosen, units]).encode()).hexdigest()


def _description(plan: Plan) -> dict[str, object]:
    """The content of `run.json`."""
    return {
        "config": plan.config.model_dump(mode="json"),
        "dataset": plan.dataset.name,
        "tier": plan.dataset.tier,
        "protocol": plan.protocol.model_dump(mode="json"),
        "protocol_id": plan.protocol_id,
        "clips": [
            {"id": e.id, "speaker": e.speaker, "content_hash": e.known_by}
            | ({} if e.absent is None else {"absent": e.absent})
            # Part of what was generated.
            | ({"prompt": printable(e.prompt)} if e.prompt else {})
            for e in plan.entries
        ],
        "models": [
            {"name": e.name, "title": e.title, "kind": e.kind, "settings": settings_of(e.generator)}
            for e in plan.entrants
        ],
        "metrics": [{"name": m.name, "recipe": plan.recipe(m)} for m in plan.metrics],
        "provenance": gather() | {"seed": plan.config.seed},
    }
