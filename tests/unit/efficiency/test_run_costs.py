"""Efficiency columns of a run: from the journal, of what this command made, and with a reason where there is none."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from liveact_eval.efficiency.run_costs import RunCosts, any_made, cost_of, journal_payloads
from liveact_eval.efficiency.run_page import markdown, rows
from liveact_eval.efficiency.run_table import run_costs, write_run_costs
from liveact_eval.errors import UserError
from liveact_eval.results.folder import Layout
from liveact_eval.results.journal import Journal, Unit

DETAILS = {
    "frames": 100,
    "fps": 25.0,
    "first_frame_s": 1.5,
    "condition_s": 1.0,
    "dit_s": 2.0,
    "vae_s": 4.5,
    "host_s": 0.5,
}


def unit(key: str, model: str = "liveact-mini", **details: Any) -> Unit:
    given = DETAILS | details if model == "liveact-mini" else details
    return Unit(key=key, model=model, clip=key, stage="generate", payload={"seconds": 9.0, "details": given})


def test_cost_of_a_native_model() -> None:
    other: dict[str, Any] = {"frames": 200, "first_frame_s": 0.5, "peak_device_bytes": 2**31}
    cost = cost_of("m", "M", "native", [unit("a").payload, unit("b", **other).payload])
    assert cost.fps == pytest.approx(300 / 16)
    assert cost.real_time_factor == pytest.approx(16 / 12)
    assert cost.ttff_ms == pytest.approx(1000)
    assert cost.peak_device_gib == 2
    assert (cost.clips, cost.reason) == (2, None)


def test_no_device_no_memory() -> None:
    cost = cost_of("m", "M", "native", [unit("a").payload])
    assert cost.peak_device_gib is None
    assert "on the CPU" in (cost.memory_reason or "")


@pytest.mark.parametrize(
    ("kind", "payloads", "reason"),
    [
        ("native", [], "made by an earlier command"),
        ("native", [{"seconds": 1.0, "details": {"frames": 3}}], "notes no times"),
        ("control", [{"seconds": 1.0, "details": {"codec": "x"}}], "a control"),
        ("videos", [{"seconds": 0.0, "details": {}}], "made elsewhere"),
    ],
)
def test_no_figures_have_a_reason(kind: str, payloads: list[dict[str, Any]], reason: str) -> None:
    cost = cost_of("m", "M", kind, payloads)
    assert (cost.fps, cost.real_time_factor, cost.ttff_ms, cost.peak_device_gib) == (None,) * 4
    assert reason in (cost.reason or "")


def plan() -> Any:
    names = (("real", "control"), ("liveact-mini", "native"))
    entrants = [SimpleNamespace(name=name, title=name.title(), kind=kind) for name, kind in names]
    return cast(Any, SimpleNamespace(entrants=entrants, workers=2))


def test_only_what_this_command_made_counts() -> None:
    """An earlier unit does not; one that was made again under its old key does."""
    earlier = {"a": unit("a", dit_s=1000.0), "b": unit("b", dit_s=1000.0)}
    now = {**earlier, "b": unit("b"), "c": unit("c"), "r": unit("r", "real")}
    costs = {cost.model: cost for cost in run_costs(plan(), earlier, now).costs}
    assert costs["liveact-mini"].clips == 2
    assert costs["liveact-mini"].fps == pytest.approx(100 / 8)
    assert "a control" in (costs["real"].reason or "")


def test_a_command_that_made_nothing_leaves_the_table(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    made = {"a": unit("a")}
    write_run_costs(run_costs(plan(), {}, made), layout)
    page = (layout.tables / "efficiency.md").read_text(encoding="utf-8")
    assert "| FPS, with VAE and host copy ↑ | – | 12.50 |" in page
    assert "taken from this run, 2 processes at once" in page
    assert "Real: a control, made from the real clip" in page
    again = run_costs(plan(), made, made)
    assert not any_made(again.costs)
    write_run_costs(again, layout)
    assert (layout.tables / "efficiency.md").read_text(encoding="utf-8") == page
    assert RunCosts.model_validate_json((layout.tables / "efficiency.json").read_bytes()).workers == 2


def test_rows_without_a_number_are_left_out() -> None:
    costs = RunCosts(workers=1, costs=[cost_of("m", "A|B", "native", [unit("a").payload])])
    assert [title for title, _ in rows(costs)] == [
        "FPS, with VAE and host copy ↑",
        "real-time factor ↓",
        "time to first frame [ms] ↓",
    ]
    assert "A\\|B" in markdown(costs)


def test_journal_is_read(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    failed = Unit(key="x", model="liveact-mini", clip="x", stage="generate", failed=True, payload={})
    with Journal(path) as journal:
        journal.record([unit("a"), unit("b"), unit("r", "real"), failed])
    found = journal_payloads(path)
    assert {model: len(payloads) for model, payloads in found.items()} == {"liveact-mini": 2, "real": 1}
    assert found["liveact-mini"][0]["details"] == DETAILS
    path.write_bytes(b"no journal" * 1000)
    with pytest.raises(UserError, match="cannot be read"):
        journal_payloads(path)
