"""The table of an ablation: Markdown for people, CSV for programs."""

from __future__ import annotations

import csv
import io

from liveact_eval.ablations.schema import Ablation, MeasureRecord, Row
from liveact_eval.reporting.numbers import ARROWS, number


def heading(measure: MeasureRecord) -> str:
    """Title, unit and arrow: `Cost per frame [ms] ↓`."""
    unit = f" [{measure.unit}]" if measure.unit else ""
    return f"{measure.title}{unit} {ARROWS[measure.direction]}".rstrip()


def conditions(ablation: Ablation) -> str:
    """What every table carries: model, clips, seeds, how intervals were made."""
    mini = " (mini)" if ablation.tier == "mini" else ""
    confidence = "" if ablation.interval.startswith("none") else f"{ablation.confidence:.0%} "
    return (
        f"{ablation.model} on {ablation.dataset}{mini}, {len(ablation.clips)} clips of {ablation.seconds:g} s by "
        f"{ablation.speakers} speakers, seeds {', '.join(map(str, ablation.seeds))} of the sampling noise; "
        f"{confidence}intervals: {ablation.interval}"
    )


def cell(row: Row, measure: MeasureRecord) -> str:
    """A number with its interval; a dash with the reason where there is none."""
    if row.value is None:
        return f"– ({', '.join(row.reasons)})"
    text = number(row.value, measure.digits)
    if row.ci_low is not None and row.ci_high is not None:
        text += f" [{number(row.ci_low, measure.digits)}, {number(row.ci_high, measure.digits)}]"
    return text


def cells(ablation: Ablation) -> list[tuple[str, list[str]]]:
    """Title and cells of each variant, in order of the measures."""
    by_place = {(row.variant, row.measure): row for row in ablation.rows}
    return [
        (variant.title, [cell(by_place[variant.name, m.name], m) for m in ablation.measures])
        for variant in ablation.variants
    ]


def incomplete(ablation: Ablation) -> list[str]:
    """Lines about numbers that not every unit has, each reason once with all that it is about."""
    run = [variant for variant in ablation.variants if variant.unavailable is None]
    found: dict[str, dict[str, list[str]]] = {}
    for measure in ablation.measures:
        for variant in run:
            row = next(r for r in ablation.rows if (r.variant, r.measure) == (variant.name, measure.name))
            if row.n < row.n_total:
                why = ", ".join(f"{reason} {count}" for reason, count in row.reasons.items())
                said = f": {row.detail}" if row.detail else ""
                text = f"n = {row.n}/{row.n_total} ({why}){said}"
                found.setdefault(text, {}).setdefault(measure.title, []).append(variant.title)
    lines = [
        f"{variant.title}: {variant.unavailable}" for variant in ablation.variants if variant.unavailable
    ]
    for text, by_measure in found.items():
        about = [
            title if len(titles) == len(run) else f"{title} of {', '.join(titles)}"
            for title, titles in by_measure.items()
        ]
        lines.append(f"{'; '.join(about)}: {text}")
    return [" ".join(line.split()) for line in lines]


def markdown(ablation: Ablation) -> str:
    """The whole ablation as a page."""
    lines = [f"# {ablation.title}", "", f"{ablation.summary} {ablation.source}.", ""]
    lines += [f"{conditions(ablation)}.", ""]
    lines += ["| | " + " | ".join(heading(measure) for measure in ablation.measures) + " |"]
    lines += ["|---" + "|---:" * len(ablation.measures) + "|"]
    lines += [f"| {title} | " + " | ".join(found) + " |" for title, found in cells(ablation)]
    if ablation.units_done < ablation.units:
        lines += ["", f"{ablation.units_done} of {ablation.units} units are finished."]
    for title, content in (
        (
            "The paper's findings, as found",
            [f"{f.sentence} Put to the test: {f.test}. ({f.source})" for f in ablation.findings],
        ),
        ("To be known", ablation.notes),
        ("Missing", incomplete(ablation)),
        ("Failed", [f"{f.variant} {f.clip} seed {f.seed}: {f.reason}, {f.message}" for f in ablation.failed]),
    ):
        if content:
            lines += ["", f"## {title}", "", *(f"- {_escaped(line)}" for line in content)]
    return "\n".join(lines) + "\n"


def csv_text(ablation: Ablation) -> str:
    """One line per variant and measure; what is missing is empty, with its reasons."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["variant", "measure", "unit", "value", "ci_low", "ci_high", "n", "n_total", "reasons"])
    units = {measure.name: measure.unit for measure in ablation.measures}
    for row in ablation.rows:
        reasons = " ".join(f"{reason}:{count}" for reason, count in row.reasons.items())
        writer.writerow(
            [
                row.variant,
                row.measure,
                units[row.measure],
                *("" if value is None else repr(value) for value in (row.value, row.ci_low, row.ci_high)),
                row.n,
                row.n_total,
                reasons,
            ]
        )
    return stream.getvalue()


def _escaped(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")
