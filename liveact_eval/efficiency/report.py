"""The table of a benchmark: figures as rows, cases as columns, each with its spread."""

from __future__ import annotations

from collections.abc import Sequence

from liveact_eval.efficiency.figures import Figure
from liveact_eval.efficiency.schema import CaseRecord, Efficiency, WarmUp
from liveact_eval.reporting.numbers import ARROWS, number

_SAID = (
    "rollout",
    "steps",
    "memory",
    "audio_guidance",
    "attention",
    "compile",
    "cuda_graphs",
    "fp8_linear",
    "speech",
)
"""What decides most about times; all else of `ran` is on the page."""
_LIVE = {
    "simulated": "live call simulated from measured times",
    "real time": "live call fed in real time",
    "printed": "no live call: playout modelled from the times of blocks that the program printed, with all sound there "
    "from the start",
    "none": "no live call, and no printed times of blocks to model one from",
}


def heading(figure: Figure) -> str:
    """Title, unit and arrow of a row."""
    unit = f" [{figure.unit}]" if figure.unit else ""
    return f"{figure.title}{unit} {ARROWS[figure.direction]}".rstrip()


def cell(figure: Figure) -> str:
    """Median, smallest and largest of the repeats where they differ, and how many there are where some are missing."""
    value, low, high = (_shown(at, figure.digits) for at in (figure.value, figure.low, figure.high))
    spread = value if low == high else f"{value} ({low} to {high})"
    return f"{spread}, n = {figure.n}/{len(figure.values)}" if 0 < figure.n < len(figure.values) else spread


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
    threads = "CPU threads" if efficiency.runs_as == "native" else "processors"
    return (
        f"{efficiency.title}, {efficiency.device_count}x {efficiency.device}, {efficiency.precision}, "
        f"{efficiency.threads} {threads}, weights {efficiency.weights}; median of {efficiency.repeats} repeats, in "
        "brackets smallest and largest; "
        f"deadlines at {efficiency.target_fps:g} FPS, played at {efficiency.playback_fps:g}; "
        f"{_LIVE[efficiency.live_call]}; machine {efficiency.fingerprint}"
    )


def lines_below(efficiency: Efficiency) -> list[str]:
    """Warm-up, denominators, what is missing and why, and notes."""
    lines = []
    for case in efficiency.cases:
        said = [f"{name} {case.ran[name]}" for name in _SAID if name in case.ran]
        facts = [f"{case.frames} frames per video", *_blocks(case)]
        lines.append(f"{case.name}: {', '.join(facts)}" + (f"; {', '.join(said)}" if said else ""))
        if warm := _warm_up(case.warm_up):
            lines.append(f"{case.name}, warm-up, in no figure: {', '.join(warm)}")
        if case.peak is not None:
            peak = case.peak
            lines.append(
                f"{case.name}: share of {peak.tflops:g} TFLOP/s, {peak.device}, {peak.precision}, dense: {peak.source}"
            )
    return [*lines, *_missing(efficiency.cases), *_gpu(efficiency), *efficiency.notes]


def _blocks(case: CaseRecord) -> list[str]:
    if case.latents_per_block is None:
        return []
    first, later = case.latents_per_block
    return [f"blocks of {first}, then {later} latent frames"]


def _warm_up(warm: WarmUp) -> list[str]:
    """What is known of what comes before the steady state."""
    facts = []
    if warm.build_s is not None:
        facts.append(f"networks built in {warm.build_s:.1f} s")
    if warm.ttff_cold_ms is not None:
        facts.append(f"first frame of the first video after {warm.ttff_cold_ms:.0f} ms")
    if warm.graphs_compiled is not None:
        facts.append(f"{warm.graphs_compiled} graphs compiled")
    if warm.graphs_compiled_later:
        facts.append(f"{warm.graphs_compiled_later} MORE WHILE MEASURING")
    return facts


def _missing(cases: Sequence[CaseRecord]) -> list[str]:
    """What is not known and why, once for all cases and figures that say the same."""
    where: dict[tuple[str, str, str], list[str]] = {}
    for case in cases:
        for figure in case.figures:
            if figure.reason is not None:
                lacking = "some repeats lack" if figure.n else "no"
                where.setdefault((lacking, figure.reason, figure.title), []).append(case.name)
    lines: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for (lacking, reason, title), names in where.items():
        lines.setdefault((lacking, reason, tuple(names)), []).append(title)
    return [
        f"{'' if len(names) == len(cases) else ', '.join(names) + ': '}{lacking} {', '.join(titles)}: {reason}"
        for (lacking, reason, names), titles in lines.items()
    ]


def _gpu(efficiency: Efficiency) -> list[str]:
    """What the GPU was like while it worked."""
    load, after = efficiency.gpu_while, efficiency.gpu_after
    if load is None or after is None:
        return []
    known = [
        (load.sm_clock_median_mhz, f"SM clock {load.sm_clock_median_mhz or 0:.0f} MHz"),
        (load.sm_clock_low_mhz, f"({load.sm_clock_low_mhz} to {load.sm_clock_high_mhz})"),
        (load.power_mean_w, f"power {load.power_mean_w or 0:.0f} W"),
        (after.power_limit_w, f"of {after.power_limit_w or 0:.0f} W allowed"),
        (load.temperature_high_c, f"at most {load.temperature_high_c} C"),
    ]
    said = " ".join(text for value, text in known if value is not None)
    lines = [f"GPU while measuring, {load.looks} looks: {said}; driver {after.driver}"]
    if load.throttled:
        held = ", ".join(
            f"{reason} in {count} of {load.looks} looks" for reason, count in load.throttled.items()
        )
        lines.append(f"THE GPU WAS THROTTLED: {held}")
    return lines


def markdown(efficiency: Efficiency) -> str:
    """The page of a benchmark."""
    names = [case.name for case in efficiency.cases]
    lines = [f"# Efficiency of {efficiency.title}", "", conditions(efficiency) + ".", ""]
    lines += [f"| | {' | '.join(names)} |", "|:---|" + "---:|" * len(names)]
    lines += [f"| {title} | {' | '.join(cells)} |" for title, cells in rows(efficiency)]
    for case in (case for case in efficiency.cases if case.stages):
        lines += ["", f"## Stages of a steady block, {case.name}", ""]
        lines += ["| stage | ms per block | smallest and largest repeat | share |", "|:---|---:|---:|---:|"]
        lines += [f"| {' | '.join(row)} |" for row in stage_rows(case)]
    lines += ["", *(f"- {line}" for line in lines_below(efficiency)), "", "## What ran", ""]
    lines += [f"| | {' | '.join(names)} |", "|:---|" + "---|" * len(names)]
    for name in dict.fromkeys(key for case in efficiency.cases for key in case.ran):
        said = (str(case.ran.get(name, "")).replace("|", "\\|") for case in efficiency.cases)
        lines.append(f"| {name} | {' | '.join(said)} |")
    lines.append("")
    return "\n".join(lines)
