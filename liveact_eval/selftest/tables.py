"""The matrix of a self-test as text: metrics are rows, distortions columns."""

from __future__ import annotations

from liveact_eval.reporting.numbers import ARROWS
from liveact_eval.selftest.schema import Cell, OutputRecord, SelfTest

_FETCH = "liveact-eval metrics fetch"
_ARROWS = {"up": "↑", "down": "↓", "none": "·"}
LEGEND = (
    "↑ ↓ the value rises or falls with the distortion; the number is Spearman's rank correlation with the level, "
    "mean over clips",
    "✓ what is expected came; ✗ it did not; no mark: nothing is expected",
    "~ not monotone; – flat: does not move beyond its interval; d2: dead up to level 2; s3: saturated from level 3; "
    "m4: no value from level 4 on",
)


def rows(selftest: SelfTest) -> list[tuple[OutputRecord, list[Cell]]]:
    """Outputs that have a curve under at least one distortion, with their cells in order of the columns."""
    by_output: dict[str, dict[str, Cell]] = {}
    for cell in selftest.cells:
        by_output.setdefault(cell.output, {})[cell.distortion] = cell
    order = [distortion.name for distortion in selftest.distortions]
    found = [(output, [by_output[output.name][name] for name in order]) for output in selftest.outputs]
    return [(output, cells) for output, cells in found if any(cell.verdict != "missing" for cell in cells)]


def cell_text(cell: Cell) -> str:
    """A cell in a few characters: `↑+1.00 ✓ s4`."""
    if cell.verdict == "missing":
        return ""
    if cell.verdict == "flat":
        text = "–"
    else:
        arrow = "~ " if cell.verdict == "not monotone" else _ARROWS[cell.trend]
        text = arrow + ("" if cell.rank_correlation is None else f"{cell.rank_correlation:+.2f}")
    marks = [mark(cell)] if cell.met is not None else []
    return " ".join([text, *marks, *ranges(cell)])


def ranges(cell: Cell) -> list[str]:
    """Where the curve is dead, saturated or broken off: `d2`, `s4`, `m5`."""
    found = [("d", cell.dead_until), ("s", cell.saturated_from), ("m", _lost_from(cell))]
    return [f"{letter}{level}" for letter, level in found if level is not None]


def _lost_from(cell: Cell) -> int | None:
    """The level from which on no clip has a value."""
    known = [level.level for level in cell.levels if level.value is not None]
    return known[-1] + 1 if known and known[-1] + 1 < len(cell.levels) else None


def mark(cell: Cell) -> str:
    """Whether what is expected came."""
    return {True: "✓", False: "✗", None: ""}[cell.met]


def title(output: OutputRecord) -> str:
    """The name of a row: title, which way is better, and whether its networks are trained."""
    seeded = " (seeded)" if output.seeded else ""
    return f"{output.title} {ARROWS[output.direction]}".rstrip() + seeded


def summary(selftest: SelfTest) -> str:
    """What came out, in one line."""
    counted = f"{selftest.checked} expectations of metrics that count"
    said = f"all {counted} met" if selftest.passed else f"{len(selftest.broken)} of {counted} not met"
    seeded = sum(output.seeded for output in selftest.outputs)
    beside = (
        f"; {seeded} outputs of networks that are not trained are shown and do not count" if seeded else ""
    )
    return said + beside


def conditions(selftest: SelfTest) -> str:
    """What every table carries: clips, protocol, how intervals were made."""
    mini = " (mini)" if selftest.tier == "mini" else ""
    return (
        f"{' '.join(selftest.dataset_title.split())}{mini}, protocol {selftest.protocol}, n = {len(selftest.clips)} "
        f"clips unless noted, {selftest.speakers} speakers; a step counts beyond its {selftest.confidence:.0%} "
        f"interval ({selftest.interval})"
    )


def incomplete(selftest: SelfTest) -> list[str]:
    """Lines about curves that not every clip has."""
    found: dict[str, list[str]] = {}
    for output, cells in rows(selftest):
        for cell in cells:
            if cell.n < cell.n_total:
                reasons = sorted({reason for level in cell.levels for reason in level.failures})
                key = f"n = {cell.n}/{cell.n_total} ({', '.join(reasons)})"
                found.setdefault(key, []).append(f"{output.name} under {cell.distortion}")
    return [f"{key}: {', '.join(pairs)}" for key, pairs in found.items()]


def nowhere(selftest: SelfTest) -> list[str]:
    """Lines about outputs without a single curve: `no_truth: AV offset`."""
    shown = {output.name for output, _ in rows(selftest)}
    found: dict[str, list[str]] = {}
    for output in selftest.outputs:
        if output.name not in shown:
            of = [cell for cell in selftest.cells if cell.output == output.name]
            reasons = sorted({reason for cell in of for level in cell.levels for reason in level.failures})
            found.setdefault(", ".join(reasons) or "too few levels", []).append(output.name)
    return [f"{reasons}: {', '.join(names)}" for reasons, names in found.items()]


def not_run(selftest: SelfTest) -> list[str]:
    """The metrics that were not run, in a few lines with the command that fetches what they lack."""
    fetched = [lacking.metric for lacking in selftest.unavailable if _FETCH in lacking.reason]
    others = [lacking for lacking in selftest.unavailable if _FETCH not in lacking.reason]
    lines = [f"Not run, {lacking.metric}: {lacking.reason}" for lacking in others]
    if fetched:
        names = " ".join(fetched)
        lines.append(
            f"Not run, since weights are not there: {', '.join(fetched)}. Fetch them with: {_FETCH} {names}"
        )
    return lines


def markdown(selftest: SelfTest) -> str:
    """The whole self-test as a page."""
    shown = rows(selftest)
    lines = ["# Self-test of metrics", "", f"**{summary(selftest)}.** {conditions(selftest)}.", ""]
    lines += ["| | " + " | ".join(d.title for d in selftest.distortions) + " |"]
    lines += ["|---" * (len(selftest.distortions) + 1) + "|"]
    lines += [
        f"| {_escaped(title(output))} | " + " | ".join(cell_text(cell) for cell in cells) + " |"
        for output, cells in shown
    ]
    lines += ["", *(f"- {line}" for line in LEGEND)]
    for heading, content in (
        ("Not met", selftest.broken),
        (
            "Distortions",
            [
                f"{d.title} ({d.name}): {d.says} {', '.join(f'{s:g}' for s in d.strengths)} {d.unit}."
                for d in selftest.distortions
            ],
        ),
        ("Not run", [f"{lacking.metric}: {lacking.reason}" for lacking in selftest.unavailable]),
        ("Without a curve", nowhere(selftest)),
        ("Not all clips", incomplete(selftest)),
        ("Failed", [f"{f.model} {f.clip}: {f.reason}, {f.message}" for f in selftest.failed]),
    ):
        if content:
            lines += ["", f"## {heading}", "", *(f"- {_escaped(line)}" for line in content)]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")
