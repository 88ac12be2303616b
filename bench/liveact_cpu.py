"""What can be said of the native LiveAct without a GPU: flat memory over a long stream, and what ConvKV costs.

python bench/liveact_cpu.py                    # writes bench/results/liveact_cpu.md, .json and .png
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"
SETTLED = 20
"""Blocks after which the process has all that it needs."""


def main() -> int:
    """Measure both, draw the curve, write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--blocks", type=int, default=200, help="blocks of the long stream")
    parser.add_argument(
        "--pairs", type=int, default=40, help="pairs of blocks, with ConvKV and with a window"
    )
    parser.add_argument("--threads", type=int, default=1, help="threads of PyTorch")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    import torch
    from _liveact_cpu_report import draw, markdown

    from liveact_eval.results.provenance import gather

    torch.set_num_threads(options.threads)
    load = os.getloadavg()[0]
    curve = long_stream(options.blocks)
    overhead = convkv_overhead(options.pairs)
    facts = gather()
    record = {
        "schema": 1,
        "date": date.today().isoformat(),
        "machine": facts["machine"],
        "load_at_start": round(load, 2),
        "threads": options.threads,
        "python": facts["python"],
        "torch": torch.__version__,
        "revision": facts["revision"],
        "stream": curve,
        "convkv": overhead,
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "liveact_cpu.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    draw(curve, options.out / "liveact_cpu.png")
    page = markdown(record)
    (options.out / "liveact_cpu.md").write_text(page, encoding="utf-8")
    print(page)
    return 0


def long_stream(blocks: int) -> dict[str, Any]:
    """Cache bytes and resident size after each block of one stream, with the VAE, at toy width."""
    import torch

    from liveact_eval.liveact import vae
    from liveact_eval.liveact.config import liveact_tiny
    from liveact_eval.liveact.dit import CausalDiT
    from liveact_eval.liveact.stream import to_uint8
    from liveact_eval.liveact.stream_decoder import StreamDecoder
    from liveact_eval.liveact.weights import fill_random
    from liveact_eval.rollouts.neighbor import NeighborForcing

    config = liveact_tiny()
    dit, module = CausalDiT(config.dit).requires_grad_(False), vae.build(config.vae)
    fill_random(dit, 0)
    fill_random(module, 1)
    rollout, side = NeighborForcing(dit), 4
    decoder = StreamDecoder(vae.WanVAE(module, config.vae))
    make = _stream(rollout, config.dit, side)
    cache, resident, frames = [], [], 0
    with torch.no_grad():
        for n in range(blocks):
            frames += len(to_uint8(decoder.decode(make(n))))
            cache.append(rollout.memory_bytes())
            resident.append(_resident_bytes())
    settled = resident[SETTLED:]
    return {
        "config": config.name,
        "size": f"{side * 8}x{side * 8}",
        "blocks": blocks,
        "settled_after": SETTLED,
        "frames": frames,
        "cache_bytes": cache,
        "resident_bytes": resident,
        "resident_slope_bytes_per_block": _slope(settled),
        "resident_growth_percent": 100 * (settled[-1] / settled[0] - 1),
    }


def convkv_overhead(pairs: int) -> dict[str, Any]:
    """CPU time of a block with ConvKV over that with a plain window of the same size, in pairs of changing order."""
    from liveact_eval.liveact.config import DiTConfig
    from liveact_eval.liveact.dit import CausalDiT
    from liveact_eval.liveact.weights import fill_random
    from liveact_eval.rollouts.neighbor import NeighborForcing, NeighborOptions

    config = DiTConfig(
        dim=512,
        num_heads=8,
        num_layers=2,
        ffn_dim=1408,
        text_dim=64,
        text_len=64,
        image_dim=64,
        image_tokens=33,
        audio_layers=2,
        audio_channels=32,
        audio_hidden=64,
        audio_dim=64,
        audio_tokens=8,
    )
    dit, side = CausalDiT(config).requires_grad_(False), 24
    fill_random(dit, 0)
    policies = ("convkv", "window")
    rollouts = {name: NeighborForcing(dit, NeighborOptions(memory=name)) for name in policies}
    make = {name: _stream(rollout, config, side) for name, rollout in rollouts.items()}
    for name in policies:
        for n in range(3):
            make[name](n)
    samples: dict[str, list[float]] = {name: [] for name in policies}
    updates: dict[str, list[float]] = {name: [] for name in policies}
    for pair in range(pairs):
        for name in policies if pair % 2 else reversed(policies):
            with _Stopwatch(rollouts[name]) as watch:
                started = time.process_time()
                make[name](3 + pair)
                samples[name].append(time.process_time() - started)
            updates[name].append(watch.seconds)
    added = [100 * (a / b - 1) for a, b in zip(samples["convkv"], samples["window"], strict=True)]
    direct = [
        100 * (a - b) / whole
        for a, b, whole in zip(updates["convkv"], updates["window"], samples["window"], strict=True)
    ]
    return {
        "model": "dim 512, 8 heads, 2 layers, 12x12 tokens per latent frame, float32",
        "pairs": pairs,
        "convkv_block_s": samples["convkv"],
        "window_block_s": samples["window"],
        "convkv_update_s": updates["convkv"],
        "window_update_s": updates["window"],
        "added_percent": _spread(added),
        "added_by_the_update_percent": _spread(direct),
    }


class _Stopwatch:
    """CPU time that a rollout's memories take to make room for blocks, over all denoising steps."""

    def __init__(self, rollout: Any) -> None:
        self._memories = rollout.memories
        self.seconds = 0.0

    def __enter__(self) -> _Stopwatch:
        for memory in self._memories:
            memory.begin_block = self._timed(memory.begin_block)
        return self

    def __exit__(self, *error: object) -> None:
        for memory in self._memories:
            del memory.begin_block

    def _timed(self, function: Any) -> Any:
        def timed(frames: int, kernels: Sequence[Any]) -> Any:
            started = time.process_time()
            positions = function(frames, kernels)
            self.seconds += time.process_time() - started
            return positions

        return timed


def _stream(rollout: Any, config: Any, side: int) -> Any:
    """A function that makes the n-th block of a stream with random conditions."""
    import torch

    from liveact_eval.liveact.sampler import Noise

    draw = torch.Generator().manual_seed(2)
    rollout.begin(torch.randn(1, config.in_dim - config.out_dim, 14, side, side, generator=draw))
    shape = (1, 53, config.audio_window, config.audio_layers, config.audio_channels)
    windows = torch.randn(shape, generator=draw)
    text = torch.randn(9, config.text_dim, generator=draw)
    image = torch.randn(config.image_tokens, config.image_dim, generator=draw)
    with torch.no_grad():
        context = rollout.dit.encode_context(text, image)
    noise = Noise(3)
    return lambda n: rollout.block(n, context, windows, noise)


def _spread(samples: list[float], draws: int = 2000) -> dict[str, float]:
    """Median and its 95 % interval by bootstrap over the pairs, seeded."""
    generator = random.Random(0)
    medians = sorted(median(generator.choices(samples, k=len(samples))) for _ in range(draws))
    return {
        "median": median(samples),
        "low": medians[int(0.025 * draws)],
        "high": medians[int(0.975 * draws)],
    }


def _slope(samples: list[int]) -> float:
    """Least-squares slope per sample."""
    n = len(samples)
    centre, mean = (n - 1) / 2, sum(samples) / n
    spread = sum((i - centre) ** 2 for i in range(n))
    return sum((i - centre) * (y - mean) for i, y in enumerate(samples)) / spread if spread else 0.0


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    sys.exit(main())
