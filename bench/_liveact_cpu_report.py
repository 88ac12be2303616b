"""The page and the curve of the CPU benchmark of the native LiveAct."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

GOAL_PERCENT = 1.9
"""The paper's figure for what ConvKV adds."""


def draw(curve: dict[str, Any], path: Path) -> None:
    """Both sizes over the blocks."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, left = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
    blocks = range(1, curve["blocks"] + 1)
    left.plot(blocks, [b / 1e6 for b in curve["resident_bytes"]], color="#0072B2", label="process, resident")
    left.set_xlabel("block")
    left.set_ylabel("resident size [MB]")
    left.set_ylim(bottom=0, top=1.2 * max(curve["resident_bytes"]) / 1e6)
    right = left.twinx()
    right.plot(blocks, [b / 1e6 for b in curve["cache_bytes"]], color="#D55E00", label="keys and values")
    right.set_ylabel("keys and values [MB]")
    right.set_ylim(bottom=0, top=1.6 * max(curve["cache_bytes"]) / 1e6)
    lines = [*left.get_lines(), *right.get_lines()]
    left.legend(lines, [str(line.get_label()) for line in lines], loc="lower right")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def markdown(record: dict[str, Any]) -> str:
    curve, convkv = record["stream"], record["convkv"]
    settled = curve["resident_bytes"][curve["settled_after"] :]
    scatter = max(settled) - min(settled)
    shown = [n for n in (1, 2, 3, 10, 20, 50, 100, 150, 200, 500, 1000) if n <= curve["blocks"]]
    added, direct = convkv["added_percent"], convkv["added_by_the_update_percent"]
    return "\n".join(
        [
            "# LiveAct on a CPU",
            "",
            "## Memory over a long stream",
            "",
            f"{curve['config']} at {curve['size']}, one stream of {curve['blocks']} blocks ({curve['frames']} frames) "
            "with the VAE.",
            "",
            "| blocks | keys and values [MB] | process, resident [MB] |",
            "|---:|---:|---:|",
            *(
                f"| {n} | {curve['cache_bytes'][n - 1] / 1e6:.3f} | {curve['resident_bytes'][n - 1] / 1e6:.1f} |"
                for n in shown
            ),
            "",
            f"Beside block {curve['settled_after'] + 1}, the process is {curve['resident_growth_percent']:+.2f} % "
            f"in size at the end; a straight line through all blocks from there on rises by "
            f"{curve['resident_slope_bytes_per_block'] / 1e3:.1f} kB per block, in sizes that scatter by "
            f"{scatter / 1e6:.0f} MB.",
            "",
            "![sizes over the blocks](liveact_cpu.png)",
            "",
            "## What ConvKV adds to a plain window of the same size",
            "",
            f"{convkv['model']}; {convkv['pairs']} pairs of blocks in changing order; CPU time, "
            "which other programs on the machine disturb less than elapsed time; median and its 95 % interval. "
            f"The paper says {GOAL_PERCENT} %.",
            "",
            "| | added CPU time [%] | 95 % interval |",
            "|:---|---:|---:|",
            f"| whole block against whole block | {added['median']:.2f} | {added['low']:.2f} to {added['high']:.2f} |",
            f"| the updates of the memory alone, over the block's time | {direct['median']:.2f} | "
            f"{direct['low']:.2f} to {direct['high']:.2f} |",
            "",
            "Both memories are of equal size, so blocks differ by the updates alone. Where other work disturbs the "
            "machine, whole blocks scatter by more than that, and the second row is the one to read.",
            "",
            f"Median block: {median(convkv['convkv_block_s']):.3f} s with ConvKV, "
            f"{median(convkv['window_block_s']):.3f} s with the window.",
            "",
            f"{record['date']}, {record['machine']['cpu']}, {record['machine']['cores']} cores, "
            f"{record['threads']} thread(s), load {record['load_at_start']:g} at the start; Python {record['python']}, "
            f"torch {record['torch']}.",
            "",
        ]
    )
