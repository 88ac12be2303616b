"""How far a block-by-block decode is from a decode in one go, by the number of latents that are decoded again.

The VAE has the published structure at toy width and random weights drawn from a seed: the shape of the curve
says something of trained weights, the values say nothing.

    python bench/vae_seam.py            # writes bench/results/vae_seam.md
"""

from __future__ import annotations

import argparse
import importlib.metadata
import time
from datetime import date
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from liveact_eval.liveact import vae
from liveact_eval.liveact.config import VAEConfig
from liveact_eval.liveact.stream_decoder import DecodeMode, StreamDecoder
from liveact_eval.liveact.vae import WanVAE
from liveact_eval.liveact.weights import fill_random
from liveact_eval.results.provenance import gather

RESULTS = Path(__file__).resolve().parent / "results"
BLOCKS = (6, 8, 8)
OVERLAPS = (1, 2, 3, 5, 8, 11)
SIZE = (3, 4)
WIDTH = 4


class Row(NamedTuple):
    """Absolute differences from the decode in one go, and what it took."""

    name: str
    first_block: float
    at_seam: float
    at_end: float
    mean: float
    largest: float
    latents: int
    seconds: float


def build(seed: int) -> WanVAE:
    config = VAEConfig(base_dim=WIDTH)
    module = vae.build(config)
    fill_random(module, seed)
    return WanVAE(module, config)


def measure(ours: WanVAE, mode: DecodeMode, overlap: int, latents: Tensor, whole: Tensor) -> Row:
    decoder = StreamDecoder(ours, mode, overlap_latents=overlap)
    started = time.perf_counter()
    blocks = [decoder.decode(block) for block in latents.split(BLOCKS, dim=2)]
    seconds = time.perf_counter() - started
    gap = (torch.cat(blocks, dim=2) - whole).abs()
    first, last = blocks[0].shape[2], blocks[-1].shape[2]
    begins = [sum(BLOCKS[:index]) for index in range(1, len(BLOCKS))]
    again = sum(min(overlap, begin) for begin in begins) if mode == "overlap" else 0
    return Row(
        name=f"{overlap} decoded again" if mode == "overlap" else "carried",
        first_block=float(gap[:, :, :first].max()),
        at_seam=float(gap[:, :, -last].mean()),
        at_end=float(gap[:, :, -1].mean()),
        mean=float(gap[:, :, -last:].mean()),
        largest=float(gap[:, :, -last:].max()),
        latents=sum(BLOCKS) + again,
        seconds=seconds,
    )


def average(rows: list[Row]) -> Row:
    numbers = [sum(column) / len(rows) for column in zip(*(row[1:] for row in rows), strict=True)]
    first, seam, end, mean, _, latents, seconds = numbers
    return Row(rows[0].name, first, seam, end, mean, max(r.largest for r in rows), round(latents), seconds)


def run(seeds: int) -> tuple[list[Row], float]:
    """One row per way of decoding, averaged over seeds; and the deviation of the video itself."""
    choices: list[tuple[DecodeMode, int]] = [*(("overlap", count) for count in OVERLAPS), ("carried", 1)]
    rows: dict[tuple[DecodeMode, int], list[Row]] = {choice: [] for choice in choices}
    spread = 0.0
    for seed in range(seeds):
        ours = build(seed)
        generator = torch.Generator().manual_seed(seed)
        latents = torch.randn(1, 16, sum(BLOCKS), *SIZE, generator=generator)
        whole = ours.decode(latents)
        spread += float(whole.std()) / seeds
        for mode, overlap in choices:
            rows[mode, overlap].append(measure(ours, mode, overlap, latents, whole))
    return [average(found) for found in rows.values()], spread


def markdown(rows: list[Row], spread: float, seeds: int) -> str:
    machine = gather()
    return "\n".join(
        [
            "# Seams of a block-by-block decode",
            "",
            f"Blocks of {', '.join(map(str, BLOCKS))} latents of {SIZE[1]}x{SIZE[0]}, VAE of the published structure "
            f"at width {WIDTH}, random weights and latents, mean over {seeds} seeds. Absolute difference from decoding "
            f"all latents in one go; the video lies in [-1, 1] with standard deviation {spread:.3f}.",
            "",
            "Columns: largest difference in the first block; of the last block, mean over its first frame, over its "
            "last frame, over all its frames, and the largest; latents that were decoded in all.",
            "",
            "| way | first block | first frame | last frame | mean | largest | latents | wall [s] |",
            "|:---|---:|---:|---:|---:|---:|---:|---:|",
            *(
                f"| {r.name} | {r.first_block:.4f} | {r.at_seam:.4f} | {r.at_end:.4f} | {r.mean:.4f} | "
                f"{r.largest:.4f} | {r.latents} | {r.seconds:.2f} |"
                for r in rows
            ),
            "",
            "The official program decodes 3 again. The weights are random: the shape of the curve says something of "
            "trained ones, the values say nothing.",
            "",
            f"{date.today().isoformat()}, {machine['machine']['cpu']}, one thread, float32, "
            f"torch {importlib.metadata.version('torch')}, diffusers {importlib.metadata.version('diffusers')}.",
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3, help="weights and latents drawn so many times")
    parser.add_argument("--out", type=Path, default=RESULTS / "vae_seam.md", help="where the page goes")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows, spread = run(arguments.seeds)
    page = markdown(rows, spread, arguments.seeds)
    arguments.out.write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
