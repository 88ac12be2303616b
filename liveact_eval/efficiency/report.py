"""The table of a benchmark: figures as rows, cases as columns, each with its spread."""

from __future__ import annotations

from liveact_eval.efficiency.figures import Figure
from liveact_eval.efficiency.schema import CaseRecord, Efficiency
from liveact_eval.reporting.numbers import ARROWS, number


def heading(figure: Figure) -> str:
    """Title, unit and arrow of a row."""
    unit = f" [{figure.unit}]" if figure.unit else ""
    return f"{figure.title}{unit} {ARROWS[figure.direction]}".rstrip()


def cell(figure: Figure) -> str:
    """Median, and the smallest and largest of the repeats where they differ."""
    value, low, high = (_shown(at, figure.digits) for at in (figure.value, figure.low, figure.high))
    return value if low == high else f"{value} ({low} to {high})"


def _shown(value: float | None, digits: int) -> str:
    """A number with its decimals; one that they would round away, as with a small model, with three figures."""
    if value is not None and 0 < abs(value) < 10.0**-digits:
        return f"{value:.3g}"
    return number(value, digits)


def rows(efficiency: Efficiency) -> list[tuple[str, list[str]]]:
    """Heading and cells of every figure that some case has."""
    table = []
    for figures in zip(*(case.figures for case in efficiency.cases), strict=True):
        if any(figure.value is not None for figure in figures):
            table.append((heading(figures[0]), [cell(figure) for figure in figures]))
    return table


def stage_rows(case: CaseRecord) -> list[tuple[str, str, str, str]]:
    """Stage, milliseconds per steady block, their spread, share."""
    return [
        (
            stage.name,
            f"{stage.ms_per_block:.2f}",
            f"{stage.low_ms:.2f} to {stage.high_ms:.2f}",
            "beside" if stage.beside else f"{100 * stage.share:.2f} %",
        )
        for stage in case.stages
    ]


def conditions(efficiency: Efficiency) -> str:
    """One line that every table carries."""
    return (
        f"{efficiency.title}, {efficiency.device}, {efficiency.precision}, {efficiency.threads} CPU threads, weights "
        f"{efficiency.weights}; median of {efficiency.repeats} repeats, in brackets smallest and largest; deadlines at "
        f"{efficiency.target_fps:g} FPS, played at {efficiency.playback_fps:g}; machine {efficiency.fingerprint}"
    )


def lines_below(efficiency: Efficiency) -> list[str]:
    """Warm-up, denominators, what is missing and why, and notes."""
    lines = []
    for case in efficiency.cases:
        warm = case.warm_up
        lines.append(
            f"{case.name}, warm-up, in no figure: networks built in {warm.build_s:.1f} s, first frame of the first "
            f"video after {warm.ttff_cold_ms:.0f} ms, {warm.graphs_compiled} graphs compiled"
            + (f", {warm.graphs_compiled_later} MORE WHILE MEASURING" if warm.graphs_compiled_later else "")
        )
        if case.peak is not None:
            peak = case.peak
            lines.append(
                f"{case.name}: share of {peak.tflops:g} TFLOP/s, {peak.device}, {peak.precision}, dense: {peak.source}"
            )
    reasons: dict[str, list[str]] = {}
    for figure in efficiency.cases[0].figures:
        if figure.reason is not None:
            reasons.setdefault(figure.reason, []).append(figure.title)
    lines += [f"no {', '.join(titles)}: {reason}" for reason, titles in reasons.items()]
    if efficiency.gpu_after is not None and efficiency.gpu_after.throttled_by:
        lines.append(f"THE GPU WAS THROTTLED: {', '.join(efficiency.gpu_after.throttled_by)}")
    return lines + efficiency.notes


def markdown(efficiency: Efficiency) -> str:
    """The page of a benchmark."""
    names = [case.name for case in efficiency.cases]
    lines = [f"# Efficiency of {efficiency.title}", "", conditions(efficiency) + ".", ""]
    lines += [f"| | {' | '.join(names)} |", "|:---|" + "---:|" * len(names)]
    lines += [f"| {title} | {' | '.join(cells)} |" for title, cells in rows(efficiency)]
    for case in efficiency.cases:
        lines += ["", f"## Stages of a steady block, {case.name}", ""]
        lines += ["| stage | ms per block | smallest and largest repeat | share |", "|:---|---:|---:|---:|"]
        lines += [f"| {' | '.join(row)} |" for row in stage_rows(case)]
    lines += ["", *(f"- {line}" for line in lines_below(efficiency)), ""]
    return "\n".join(lines)
