"""Tables of a run: Markdown, LaTeX and CSV. Metrics are rows, models are columns, so that any run fits a page."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

from liveact_eval.files import write_text
from liveact_eval.reporting.notes import notes
from liveact_eval.reporting.numbers import (
    best_model,
    conditions,
    half_width,
    heading,
    number,
    rows_by_metric,
)
from liveact_eval.reporting.tex import tex_text
from liveact_eval.results.folder import Layout
from liveact_eval.results.schema import MetricRecord, ResultRow, Results

Cell = Callable[[MetricRecord, ResultRow, bool], str]


def write_tables(results: Results, layout: Layout) -> None:
    """Write all tables of a run into its folder."""
    write_text(layout.tables / "results.md", markdown(results))
    write_text(layout.tables / "results.tex", latex(results))
    write_text(layout.tables / "results.csv", rows_csv(results))
    write_text(layout.tables / "comparisons.csv", comparisons_csv(results))
    write_text(layout.tables / "comparisons.md", comparisons_markdown(results))


def grid(results: Results, cell: Cell) -> list[tuple[MetricRecord, list[str]]]:
    """Metrics that at least one model has a number for, each with one text per model.

    The last argument of `cell` says whether the model is the best beyond doubt; `real` never competes.
    """
    rows = rows_by_metric(results)
    models = [model.name for model in results.models]
    rivals = [name for name in models if name != "real"]
    table: list[tuple[MetricRecord, list[str]]] = []
    for metric in results.metrics:
        if all(row.value is None for row in rows[metric.name].values()):
            continue
        best = best_model(results, metric, among=rivals)
        table.append((metric, [cell(metric, rows[metric.name][name], name == best) for name in models]))
    return table


def markdown(results: Results) -> str:
    """The table for people, with its conditions and what is missing."""

    def cell(metric: MetricRecord, row: ResultRow, best: bool) -> str:
        width = half_width(row)
        text = number(row.value, metric.digits)
        text = f"**{text}**" if best else text
        return text if width is None else f"{text} ± {number(width, metric.digits)}"

    titles = [_escaped(model.title) for model in results.models]
    lines = [
        f"| {_escaped(results.dataset_title)}{' (mini)' if results.tier == 'mini' else ''} | "
        + " | ".join(titles)
        + " |",
        "|:---|" + "---:|" * len(titles),
    ]
    for metric, cells in grid(results, cell):
        lines.append(f"| {_escaped(heading(metric))} | " + " | ".join(cells) + " |")
    lines += ["", conditions(results) + "."]
    if any(model.name == "real" for model in results.models):
        lines.append(
            "`Real` is the ceiling and does not compete; bold is better than every rival by a paired interval."
        )
    lines += ["", *(f"- {line}" for line in notes(results))]
    return "\n".join(lines).rstrip() + "\n"


def latex(results: Results) -> str:
    """A booktabs table that compiles with `\\usepackage{booktabs}`."""

    def cell(metric: MetricRecord, row: ResultRow, best: bool) -> str:
        text = number(row.value, metric.digits).replace("–", "--")
        width = half_width(row)
        text = rf"\textbf{{{text}}}" if best else text
        return text if width is None else rf"{text} {{\scriptsize$\pm$\,{number(width, metric.digits)}}}"

    arrows = {"up": r" $\uparrow$", "down": r" $\downarrow$", "none": ""}
    titles = [tex_text(model.title) for model in results.models]
    body = []
    for metric, cells in grid(results, cell):
        unit = f" [{tex_text(metric.unit)}]" if metric.unit else ""
        body.append(
            f"{tex_text(metric.title)}{unit}{arrows[metric.direction]} & " + " & ".join(cells) + r" \\"
        )
    mini = " (mini)" if results.tier == "mini" else ""
    return "\n".join(
        [
            "% Needs \\usepackage{booktabs}. " + conditions(results).replace("\n", " "),
            r"\begin{tabular}{l" + "r" * len(titles) + "}",
            r"\toprule",
            f"{tex_text(results.dataset_title)}{mini} & " + " & ".join(titles) + r" \\",
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            "",
        ]
    )


def rows_csv(results: Results) -> str:
    """One line per number, with all its fields; any CSV reader loads it."""
    out = io.StringIO()
    fields = [name for name in ResultRow.model_fields if name != "failures"]
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*fields, "failures"])
    for row in results.rows:
        content = row.model_dump()
        failures = ";".join(f"{reason}={count}" for reason, count in row.failures.items())
        writer.writerow([*("" if content[name] is None else content[name] for name in fields), failures])
    return out.getvalue()


def comparisons_csv(results: Results) -> str:
    """One line per metric and pair of models, with the verdict."""
    out = io.StringIO()
    fields = ["metric", "model", "other", "difference", "ci_low", "ci_high", "n", "verdict"]
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(fields)
    for item in results.comparisons:
        content = item.model_dump()
        writer.writerow(["" if content[name] is None else content[name] for name in fields])
    return out.getvalue()


def comparisons_markdown(results: Results) -> str:
    """Per pair of models: what the paired comparison says about each metric that has a direction."""
    titles = {model.name: model.title for model in results.models}
    metrics = {metric.name: metric for metric in results.metrics if metric.direction != "none"}
    lines = [f"# {results.dataset_title}: paired comparisons", "", conditions(results) + ".", ""]
    lines.append(
        "Intervals of differences: Student's t with the standard error of that bootstrap, paired by clip. Each is at "
        "its own level; nothing is corrected for making many comparisons."
    )
    pairs = dict.fromkeys((item.model, item.other) for item in results.comparisons)
    for pair in pairs:
        model, other = (_escaped(titles[name]) for name in pair)
        lines += ["", f"## {model} against {other}", "", f"| | difference | interval | n | {model} is |"]
        lines.append("|:---|---:|---:|---:|:---|")
        for item in results.comparisons:
            metric = metrics.get(item.metric)
            if metric is None or (item.model, item.other) != pair:
                continue
            low, high = number(item.ci_low, metric.digits), number(item.ci_high, metric.digits)
            difference = number(item.difference, metric.digits)
            lines.append(
                f"| {_escaped(heading(metric))} | {difference} | {low} to {high} | {item.n} | {item.verdict} |"
            )
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|")
