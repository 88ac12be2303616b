"""Tables: the same numbers everywhere, whatever the names are."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from liveact_eval.reporting import tables
from liveact_eval.reporting.numbers import best_model, half_width, heading, number
from liveact_eval.reporting.plots import write_plots
from liveact_eval.results.folder import Layout
from liveact_eval.results.schema import Comparison, FlaggedClip, MetricRecord, ModelRecord, ResultRow, Results

NASTY = "A&B 100% $x_1$ #{1} ~^\\ |<>"
Values = dict[str, float | None]


def make(
    values: dict[str, Values],
    comparisons: list[Comparison] | None = None,
    titles: dict[str, str] | None = None,
) -> Results:
    """Results with one row per metric and model, all intervals ±1."""
    models = list(dict.fromkeys(model for row in values.values() for model in row))
    rows = [
        ResultRow(
            model=model,
            dataset="d",
            protocol="d@1:00000000",
            metric=metric,
            recipe="r@1",
            tier="mini",
            value=value,
            unit="dB",
            direction="down" if metric.startswith("low") else "up",
            ci_low=None if value is None else value - 1,
            ci_high=None if value is None else value + 0.5,
            n=0 if value is None else 3,
            n_total=4,
            n_speakers=2,
            failures={"unreadable": 1} if value is not None else {"no_truth": 4},
            value_reason=None if value is not None else "no_truth",
        )
        for metric, row in values.items()
        for model, value in row.items()
    ]
    return Results(
        name="run",
        dataset="d",
        dataset_title=(titles or {}).get("dataset", "Data"),
        tier="mini",
        protocol="d@1:00000000",
        clips=["a", "b", "c", "d"],
        confidence=0.95,
        interval="bootstrap",
        models=[
            ModelRecord(name=m, title=(titles or {}).get(m, m.title()), kind="control", generation_seconds=0)
            for m in models
        ],
        metrics=[
            MetricRecord(
                name=name,
                title=(titles or {}).get(name, name.upper()),
                direction="down" if name.startswith("low") else "up",
                unit="dB",
                digits=2,
                recipe="r@1",
                best=None,
            )
            for name in values
        ],
        rows=rows,
        comparisons=comparisons or [],
        clip_values=[],
        failed=[],
        flagged=[FlaggedClip(model=models[-1], clip="a", code="frozen", message="", rejected=False)],
        provenance={},
    )


def versus(model: str, other: str, verdict: str, metric: str = "m") -> Comparison:
    return Comparison.model_validate(
        {
            "metric": metric,
            "model": model,
            "other": other,
            "difference": 1.0,
            "ci_low": 0.5,
            "ci_high": None,
            "n": 3,
            "verdict": verdict,
        }
    )


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(1.005, 1, "1.0"), (-0.0004, 3, "0.000"), (-0.0006, 3, "-0.001"), (None, 2, "–"), (1e6, 0, "1000000")],
)
def test_number(value: float | None, digits: int, text: str) -> None:
    assert number(value, digits) == text


def test_half_width_is_the_larger_one() -> None:
    (row,) = make({"m": {"a": 5.0}}).rows
    assert half_width(row) == 1.0
    assert half_width(row.model_copy(update={"ci_low": None})) is None


@pytest.mark.parametrize(
    ("pairs", "best"),
    [
        ([("a", "b", "better"), ("a", "c", "better")], "a"),
        ([("b", "a", "worse"), ("c", "a", "worse")], "a"),
        ([("a", "b", "better"), ("a", "c", "cannot tell")], None),
        ([("a", "b", "better")], None),
        ([("a", "b", "worse"), ("b", "c", "better"), ("a", "c", "better")], "b"),
        ([], None),
    ],
)
def test_best_needs_every_paired_verdict(pairs: list[tuple[str, str, str]], best: str | None) -> None:
    found = make({"m": {"a": 3.0, "b": 2.0, "c": 1.0}}, [versus(*pair) for pair in pairs])
    assert best_model(found, found.metrics[0], among=["a", "b", "c"]) == best


def test_real_never_competes_and_one_model_alone_is_not_best() -> None:
    pairs = [versus("real", "a", "better"), versus("real", "b", "better"), versus("a", "b", "better")]
    text = tables.markdown(make({"m": {"real": 9.0, "a": 3.0, "b": 2.0}}, pairs))
    assert re.findall(r"\*\*(.*?)\*\*", text) == ["3.00"]
    assert "**" not in tables.markdown(make({"m": {"real": 9.0, "a": 3.0}}, pairs[:1]))


def test_missing_numbers_are_dashes_and_said_below() -> None:
    found = make({"m": {"a": 1.0, "b": None}, "n": {"a": None, "b": None}})
    text = tables.markdown(found)
    assert "| M [dB] ↑ | 1.00 ± 1.00 | – |" in text
    assert "N [dB]" not in text
    assert "- Not measured (no_truth): n." in text
    assert "- M of A: n = 3/4 (unreadable 1)." in text
    assert "- M of B: n = 0/4 (no_truth 4)." in text
    assert "- B: 1 of 4 clips flagged as frozen." in text
    assert "d@1:00000000" in text


def cells(line: str) -> int:
    return len(re.split(r"(?<!\\)(?:\\\\)*\|", line))


@pytest.mark.parametrize("title", [NASTY, "two\nlines", "tab\there", "[x]", "*"])
def test_markdown_has_as_many_columns_in_every_row(title: str) -> None:
    found = make(
        {"m": {"a": 1.0, "b": 2.0}}, [versus("a", "b", "better")], {"a": title, "m": title, "dataset": title}
    )
    lines = [line for line in tables.markdown(found).splitlines() if line.startswith("|")]
    assert [cells(line) for line in lines] == [5, 5, 5]
    lines = [line for line in tables.comparisons_markdown(found).splitlines() if line.startswith("|")]
    assert [cells(line) for line in lines] == [7, 7, 7]


def body(text: str) -> str:
    """LaTeX without comments."""
    return "\n".join(line for line in text.splitlines() if not line.startswith("%"))


@pytest.mark.parametrize("title", [NASTY, "two\n\nlines", "[x]", "*", "ΔE² ± |a|"])
def test_latex_is_escaped(title: str) -> None:
    found = make({"m": {"a": 1.0, "b": None}}, None, {"a": title, "m": title, "dataset": title})
    text = body(tables.latex(found))
    plain = text.replace(r"\{", "").replace(r"\}", "")
    assert plain.count("{") == plain.count("}")
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert [len(re.findall(r"(?<!\\)&", row)) for row in rows] == [2, 2]
    assert len(re.findall(r"(?<!\\)\$", text)) % 2 == 0
    for character in "%#":
        assert not re.search(rf"(?<!\\){character}", text)
    # A row that begins so would be an option of the row end before it.
    assert not any(row.startswith(("[", "*")) for row in rows)
    assert r"\textbackslash{}" in text if "\\" in title else True


@pytest.mark.skipif(not (shutil.which("pdflatex") or shutil.which("tectonic")), reason="no LaTeX here")
def test_latex_compiles(tmp_path: Path) -> None:
    titles = {"a": NASTY, "m": "[ΔE²]", "dataset": "*"}
    table = tables.latex(make({"m": {"a": 1.0, "b": None}}, None, titles))
    page = rf"\documentclass{{article}}\usepackage{{booktabs}}\begin{{document}}{table}\end{{document}}"
    (tmp_path / "t.tex").write_text(page, encoding="utf-8")
    program = ["pdflatex", "-halt-on-error"] if shutil.which("pdflatex") else ["tectonic"]
    subprocess.run([*program, "t.tex"], cwd=tmp_path, check=True, capture_output=True, timeout=300)


def test_csv_reads_back() -> None:
    found = make({"m": {"a": 0.1 + 0.2, "b": None}}, [versus("a", "b", "cannot tell")])
    frame = pd.read_csv(io.StringIO(tables.rows_csv(found)), float_precision="round_trip")
    assert frame["value"].tolist()[0] == 0.1 + 0.2
    assert frame["value"].isna().tolist() == [False, True]
    assert set(ResultRow.model_fields) == set(frame.columns)
    assert frame["failures"].tolist() == ["unreadable=1", "no_truth=4"]
    pairs = pd.read_csv(io.StringIO(tables.comparisons_csv(found)), float_precision="round_trip")
    assert pairs.to_dict("records")[0]["verdict"] == "cannot tell"
    assert set(pairs.columns) == set(Comparison.model_fields)


def test_heading_has_unit_and_arrow() -> None:
    found = make({"m": {"a": 1.0}, "low": {"a": 1.0}})
    assert [heading(metric) for metric in found.metrics] == ["M [dB] ↑", "LOW [dB] ↓"]


@pytest.mark.parametrize("title", [NASTY, r"$\nonsense$", "plain"])
def test_plots_take_any_title(title: str, tmp_path: Path) -> None:
    found = make({"m": {"a": 1.0, "b": None}}, None, {"a": title, "m": title, "dataset": title})
    assert write_plots(found, {}, Layout(tmp_path)) == ["metrics.png"]
    assert (tmp_path / "plots" / "metrics.png").read_bytes()[:4] == b"\x89PNG"


def test_nothing_to_plot(tmp_path: Path) -> None:
    assert write_plots(make({"m": {"a": None}}), {}, Layout(tmp_path)) == []


@pytest.mark.parametrize("write", [tables.markdown, tables.latex, tables.comparisons_markdown])
def test_no_numbers_at_all(write: Callable[[Results], str]) -> None:
    assert "d@1:00000000" in write(make({"m": {"a": None}}))
