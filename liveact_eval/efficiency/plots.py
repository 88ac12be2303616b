"""Plots of a benchmark: blocks by stage, memory against time, and what size and block length cost."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from liveact_eval.efficiency.figures import Figure as Quantity
from liveact_eval.efficiency.report import conditions
from liveact_eval.efficiency.schema import BlockRecord, CaseRecord, Efficiency
from liveact_eval.files import atomic_path
from liveact_eval.reporting.plots import PALETTE, STYLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PLOTS = ("timeline", "memory", "sizes", "blocks", "quality")
"""Names of all plots that a folder may have."""
_GREY = "#888888"
# Okabe and Ito's palette by what a stage is; denoising steps are shades of one blue.
_COLOURS = {
    "sound": "#999933",
    "speech": "#CC79A7",
    "reference": "#117733",
    "image": "#882255",
    "text": "#D55E00",
    "rollout": "#BBBBBB",
    "memory": "#000000",
    "context_pass": "#332288",
    "vae": "#009E73",
    "host": "#E69F00",
}
_STEPS = ("#0072B2", "#56B4E9", "#A6D5F2", "#00517F")
_MOST_TICKS = 24
_MINOR = 0.005
"""Stages below this share of all time are drawn as one."""


def write_plots(efficiency: Efficiency, folder: Path) -> list[Path]:
    """Write the plots that this benchmark has data for; returns their paths."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    for name in PLOTS:
        # Those of an earlier benchmark in this folder would be taken for this one's.
        (folder / f"{name}.png").unlink(missing_ok=True)
    written = []
    with mpl.rc_context(STYLE):
        for name, draw in (("timeline", _timelines), ("memory", _memories)):
            if not any(_drawn(case, name) for case in efficiency.cases):
                continue
            figure = Figure(figsize=(7.2, 2.9 * len(efficiency.cases) + 0.5), layout="constrained")
            panels = figure.subplots(len(efficiency.cases), 1, squeeze=False)[:, 0]
            for axes, case in zip(panels, efficiency.cases, strict=True):
                draw(axes, case, efficiency)
            written.append(_save(figure, efficiency, folder / f"{name}.png"))
        sizes = {case.size for case in efficiency.cases}
        if len(sizes) > 1 and all(_known(case, "fps_sustained") for case in efficiency.cases):
            figure = Figure(figsize=(4.6, 3.2), layout="constrained")
            _against_size(figure.subplots(), efficiency)
            written.append(_save(figure, efficiency, folder / "sizes.png"))
        if len({case.latents_per_block for case in efficiency.cases}) > 1:
            figure = Figure(figsize=(4.6, 3.2), layout="constrained")
            _against_blocks(figure.subplots(), efficiency)
            written.append(_save(figure, efficiency, folder / "blocks.png"))
    return written


def _drawn(case: CaseRecord, plot: str) -> bool:
    """Whether there is something to draw: a program may print no blocks, and its memory is not watched."""
    if plot == "timeline":
        return bool(case.blocks)
    return any(block.host_mib is not None or block.device_mib is not None for block in case.blocks)


def _timelines(axes: Axes, case: CaseRecord, efficiency: Efficiency) -> None:
    """Each block of the first repeat as a bar, stacked by stage; the deadline of each block as a line."""
    blocks = [block for block in case.blocks if block.repeat == 1]
    bottom = [0.0] * len(blocks)
    for name, seconds in _stacked(blocks):
        axes.bar(
            range(len(blocks)),
            seconds,
            bottom=bottom,
            width=0.75,
            color=_colour(name),
            label=name,
        )
        bottom = [under + own for under, own in zip(bottom, seconds, strict=True)]
    due = [block.frames / efficiency.target_fps for block in blocks]
    axes.hlines(
        due,
        [at - 0.45 for at in range(len(blocks))],
        [at + 0.45 for at in range(len(blocks))],
        color="#000000",
        linewidth=1.3,
        linestyle=(0, (3, 1.5)),
        label=f"deadline at {efficiency.target_fps:g} FPS",
    )
    # Names of all blocks of a long video would be one black line.
    marked = blocks[:: max(1, -(-len(blocks) // _MOST_TICKS))]
    names = [str(block.block) if block.steady else f"{block.block}\nwarm-up" for block in marked]
    axes.set_xticks([block.block for block in marked], names)
    axes.grid(visible=False, axis="x")
    axes.set_xlabel("block")
    axes.set_ylabel("s")
    axes.set_title(f"{case.name}: time of each block, first repeat", fontsize=9, loc="left")
    axes.legend(fontsize=6.5, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5), reverse=True)


def _colour(name: str) -> str:
    """The same for a stage in every plot; grey for what has no name of its own."""
    number = name.removeprefix("step_")
    if number != name and number.isdecimal():
        return _STEPS[int(number) % len(_STEPS)]
    return _COLOURS.get(name, _GREY)


def _stacked(blocks: list[BlockRecord]) -> list[tuple[str, list[float]]]:
    """(stage, seconds in each block); small stages together, and last of all what no stage claimed with them."""
    names = list(dict.fromkeys(name for block in blocks for name in block.stages_ms))
    total = sum(block.compute_ms for block in blocks)
    large = [n for n in names if sum(b.stages_ms.get(n, 0.0) for b in blocks) >= _MINOR * total]
    found = [(name, [block.stages_ms.get(name, 0.0) / 1000 for block in blocks]) for name in large]
    rest = [(b.compute_ms - sum(b.stages_ms.get(n, 0.0) for n in large)) / 1000 for b in blocks]
    return [*found, ("all other", rest)]


def _memories(axes: Axes, case: CaseRecord, efficiency: Efficiency) -> None:
    """Memory behind each block against the seconds computed, one line per repeat."""
    kinds = (("host_mib", "process", PALETTE[1]), ("device_mib", "device, most so far", PALETTE[5]))
    for field, label, colour in kinds:
        for repeat in range(1, efficiency.repeats + 1):
            blocks = [block for block in case.blocks if block.repeat == repeat]
            seconds, sizes, at = [], [], 0.0
            for block in blocks:
                at += block.compute_ms / 1000
                size = getattr(block, field)
                if size is not None:
                    seconds.append(at)
                    sizes.append(size / 1024)
            if seconds:
                axes.plot(
                    seconds,
                    sizes,
                    color=colour,
                    linewidth=1.2,
                    marker="o",
                    markersize=2.5,
                    alpha=0.75,
                    label=f"{label}, {efficiency.repeats} repeats" if repeat == 1 else None,
                )
    axes.set_ylim(0, 1.15 * axes.get_ylim()[1])
    axes.set_xlabel("seconds of computing")
    axes.set_ylabel("GiB")
    axes.set_title(f"{case.name}: memory behind each block", fontsize=9, loc="left")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=6.5, frameon=False, loc="lower right")


def _against_size(axes: Axes, efficiency: Efficiency) -> None:
    """FPS against pixels, one line per block length; the target as a line."""
    for place, latents in enumerate(dict.fromkeys(case.latents_per_block for case in efficiency.cases)):
        cases = sorted((c for c in efficiency.cases if c.latents_per_block == latents), key=_pixels)
        values = [value_of(case, "fps_sustained") for case in cases]
        axes.errorbar(
            [_pixels(case) for case in cases],
            [value for value, _, _ in values],
            yerr=[[value - low for value, low, _ in values], [high - value for value, _, high in values]],
            fmt="o-",
            capsize=3,
            linewidth=0.9,
            markersize=4,
            color=PALETTE[(place + 1) % len(PALETTE)],
            label="blocks of the program" if latents is None else f"blocks {latents[0]}+{latents[1]}",
        )
        for case, (value, _, _) in zip(cases, values, strict=True):
            axes.annotate(
                f"{value:.2f}", (_pixels(case), value), xytext=(6, 3), textcoords="offset points", fontsize=7
            )
    axes.axhline(
        efficiency.target_fps,
        color="#000000",
        linewidth=1,
        linestyle=(0, (3, 1.5)),
        label=f"target, {efficiency.target_fps:g}",
    )
    sizes = sorted({(_pixels(case), case.size) for case in efficiency.cases})
    axes.set_xscale("log")
    axes.set_xticks([at for at, _ in sizes], [f"{width}x{height}" for _, (width, height) in sizes])
    axes.set_xticks([], minor=True)
    axes.set_ylim(bottom=0)
    axes.margins(x=0.2)
    axes.set_ylabel("frames per second")
    title = _figure(efficiency.cases[0], "fps_sustained").title
    axes.set_title(f"{title}, against size", fontsize=9, loc="left")
    axes.legend(fontsize=7, frameon=False)


def _pixels(case: CaseRecord) -> int:
    return case.size[0] * case.size[1]


def _latents(case: CaseRecord) -> tuple[int, int]:
    """Of the first and of every later block."""
    if case.latents_per_block is None:
        raise ValueError(f"{case.name} has no latents per block; expected a native model")
    return case.latents_per_block


def _against_blocks(axes: Axes, efficiency: Efficiency) -> None:
    """Milliseconds per frame against latent frames per block, one line per size."""
    for place, size in enumerate(sorted({case.size for case in efficiency.cases})):
        cases = sorted(
            (case for case in efficiency.cases if case.size == size),
            key=lambda case: _latents(case)[::-1],
        )
        values = [value_of(case, "frame_ms") for case in cases]
        at = [_latents(case)[1] for case in cases]
        axes.errorbar(
            at,
            [value for value, _, _ in values],
            yerr=[[value - low for value, low, _ in values], [high - value for value, _, high in values]],
            fmt="o-",
            capsize=3,
            linewidth=0.9,
            markersize=4,
            color=PALETTE[(place + 1) % len(PALETTE)],
            label=f"{size[0]}x{size[1]}",
        )
        for x, (value, _, _), case in zip(at, values, cases, strict=True):
            text = "+".join(map(str, _latents(case)))
            axes.annotate(text, (x, value), xytext=(6, 3), textcoords="offset points", fontsize=7)
    axes.set_xlabel("latent frames per later block")
    axes.set_ylabel("ms per frame")
    axes.set_ylim(bottom=0)
    axes.margins(x=0.15)
    axes.set_title("Cost per frame against block size", fontsize=9, loc="left")
    axes.legend(fontsize=7, frameon=False)


def value_of(case: CaseRecord, name: str) -> tuple[float, float, float]:
    """Value, smallest and largest of a figure that every case has."""
    found = _figure(case, name)
    if found.value is None or found.low is None or found.high is None:
        raise ValueError(f"{case.name} has no {name}: {found.reason}")
    return found.value, found.low, found.high


def _known(case: CaseRecord, name: str) -> bool:
    return _figure(case, name).value is not None


def _figure(case: CaseRecord, name: str) -> Quantity:
    return next(figure for figure in case.figures if figure.name == name)


def _save(figure: Figure, efficiency: Efficiency, path: Path) -> Path:
    wide = int(19 * figure.get_figwidth())
    text = "\n".join(textwrap.wrap(conditions(efficiency), width=wide)).replace("$", r"\$")
    figure.supxlabel(text, fontsize=6, color="#555555")
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png")
    return path
