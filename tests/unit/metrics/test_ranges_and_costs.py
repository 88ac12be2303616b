"""What `metrics list` says beside names: the range of each output, and what a metric costs where that was measured."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from liveact_eval.cli.metrics_rows import described, list_row, shown_row
from liveact_eval.errors import UserError
from liveact_eval.metrics._costs import COSTS, Cost, cost_of, costs
from liveact_eval.metrics.registry import shipped
from liveact_eval.networks.provider import Networks

OUTPUTS = [(metric.name, output) for metric in shipped().values() for output in metric.outputs]


def test_every_output_states_its_range() -> None:
    silent = [f"{metric}: {output.name}" for metric, output in OUTPUTS if output.range is None]
    assert silent == [], "Output(range=(low, high)) is missing, None where there is no bound"


def test_ranges_are_ranges_and_hold_the_best_score() -> None:
    for _, output in OUTPUTS:
        low, high = output.range or (None, None)
        assert low is None or high is None or low < high, output.name
        if output.best is not None:
            assert (low is None or low <= output.best) and (high is None or output.best <= high), output.name
            # The best of a score lies at the end of its range that its direction names.
            end = {"up": high, "down": low}.get(output.direction)
            assert end is None or output.best == end, output.name


def test_costs_are_of_metrics_that_there_are_and_say_where_they_were_measured() -> None:
    table = costs()
    assert set(table.metrics) <= set(shipped())
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", table.measured)
    assert "cores" in table.machine and "512x512" in table.video and "torch" in table.software
    assert all(
        cost.gflop_per_frame == 0 for name, cost in table.metrics.items() if not shipped()[name].networks
    )


def test_a_cost_that_nobody_measured_is_a_dash(monkeypatch: pytest.MonkeyPatch) -> None:
    known, networks = shipped(), Networks(mode="seeded")
    given = {"ssim": Cost(cpu_s_per_min=12.5, gflop_per_frame=0.0)}
    monkeypatch.setattr("liveact_eval.metrics._costs.cost_of", given.get)
    row = list_row(known["ssim"], known, networks)
    assert (row["cpu_s_per_min"], row["range"]) == (12.5, {"ssim": (-1.0, 1.0)})
    shown = shown_row(known["ssim"], row, recipes=False, wide=True)
    assert (shown["CPU s/min"], shown["outputs"]) == ("12.5", "ssim ↑ -1..1")
    row = list_row(known["psnr"], known, networks)
    assert row["cpu_s_per_min"] is None
    assert shown_row(known["psnr"], row, recipes=False, wide=False)["CPU s/min"] == "–"
    assert shown_row(known["psnr"], row, recipes=False, wide=False)["outputs"] == "psnr_db ↑"
    assert shown_row(known["psnr"], row, recipes=False, wide=True)["outputs"] == "psnr_db ↑ 0..100 dB"
    assert described(known["psnr"], known, networks, None)["cost"] == {
        "cpu_s_per_min": None,
        "gflop_per_frame": None,
        "measured": None,
    }
    assert "measured" in described(known["ssim"], known, networks, None)["cost"]


def test_a_composite_costs_what_its_parts_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    known, networks = shipped(), Networks(mode="seeded")
    one = Cost(cpu_s_per_min=10.0, gflop_per_frame=2.0)
    composite = known["temporal_quality"]
    monkeypatch.setattr("liveact_eval.metrics._costs.cost_of", lambda name: one)
    assert list_row(composite, known, networks)["cpu_s_per_min"] == 50.0
    monkeypatch.setattr(
        "liveact_eval.metrics._costs.cost_of", lambda name: None if name == "dynamic_degree" else one
    )
    assert list_row(composite, known, networks)["cpu_s_per_min"] is None


def test_a_damaged_table_is_said(tmp_path: Path) -> None:
    damaged = tmp_path / "costs.yaml"
    damaged.write_text(
        COSTS.read_text(encoding="utf-8").replace("cpu_s_per_min", "seconds"), encoding="utf-8"
    )
    with pytest.raises(UserError, match=r"(?s)is no table of costs.*Reinstall"):
        costs(damaged)
    assert cost_of("no such metric") is None
