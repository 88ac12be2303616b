"""What the timers of `liveact-eval bench` cost: the same recording around nothing, over the block of a real model.

python bench/timer_overhead.py                      # about a minute; writes results/timer_overhead.md and .json
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from _machine import machine
from _report import Spread
from numpy.typing import NDArray

from liveact_eval.cards.load import load_model
from liveact_eval.efficiency.measure import PACKET_S, record
from liveact_eval.efficiency.memory import ProcessMemory
from liveact_eval.efficiency.native import NativeStreaming, VideoInputs
from liveact_eval.efficiency.streaming import MadeBlock
from liveact_eval.generators.recipe import build_pipeline, recipe_of
from liveact_eval.liveact.clock import StageClock, stage
from liveact_eval.liveact.request import GenerationOptions

RESULTS = Path(__file__).resolve().parent / "results"
RATE = 16_000
GOAL = 0.01
BLOCK_S = 1.6
"""Sound of a block: so often a live source is asked whether there is enough."""
MODELS = (("liveact-tiny", (16, 16)), ("liveact-mini", (64, 64)))
"""The shortest block that there is, and one of a trained model: the shorter the block, the more the timers weigh."""


class CpuClock:
    """CPU seconds of this process: other programs disturb them less than elapsed time."""

    def now(self) -> float:
        return time.process_time()


class Nothing:
    """A generator that is timed like a native one, and makes nothing."""

    settling = 0
    fps = Fraction(20)

    def __init__(self, device: Any, blocks: int) -> None:
        self._device, self._blocks = device, blocks
        self._heard = self._made = 0

    @property
    def done(self) -> bool:
        return self._made == self._blocks

    def open(self, seed: int) -> Nothing:
        return Nothing(self._device, self._blocks)

    def feed(self, samples: NDArray[np.int16], rate: int) -> None:
        self._heard += len(samples)

    def close(self) -> None:
        pass

    def blocks(self, *, wait: bool = False) -> Iterator[MadeBlock]:
        clock = StageClock.on(self._device)
        with clock.stage("speech"):
            ready = self._heard >= (self._made + 1) * round(BLOCK_S * RATE)
        if not ready:
            return
        with clock.listening():
            with stage("rollout"):
                for step in range(3):
                    with stage(f"step_{step}"), stage("memory"):
                        pass
            with stage("vae"):
                pass
            with stage("host"):
                pass
        self._made += 1
        yield MadeBlock(np.zeros((32, 1, 1, 3), np.uint8), clock.finish().stages)

    def kv_bytes(self) -> int:
        return 0

    def model_calls(self) -> int:
        return 0


def timers_s(device: Any, repeats: int, blocks: int) -> list[float]:
    """CPU seconds of the timers per block: all that a recording does beside making frames."""
    samples = []
    sound = np.zeros(round((blocks + 1) * BLOCK_S * RATE), np.int16)
    for _ in range(repeats + 1):
        before = time.process_time()
        record(Nothing(device, blocks), sound, RATE, seed=0, clock=CpuClock(), memory=ProcessMemory(device))
        samples.append((time.process_time() - before) / blocks)
    return samples[1:]


def block_s(name: str, size: tuple[int, int], repeats: int) -> list[float]:
    """CPU seconds of the steady blocks of a model."""
    card = load_model(name)
    assert card.native is not None
    options = GenerationOptions(decode=card.native.decode, speech="windowed")
    pipeline = build_pipeline(recipe_of(card, options=options, device="cpu"))
    inputs = VideoInputs(
        image=np.full((64, 64, 3), 128, np.uint8),
        prompt="a person is talking",
        size=size,
        fps=Fraction(card.native.fps),
        frames=21 + 4 * 32,
    )
    sound = np.random.RandomState(0).randint(-9000, 9000, 10 * RATE).astype(np.int16)
    seconds = []
    with NativeStreaming(pipeline, inputs) as generator:
        for _ in range(repeats):
            made = record(
                generator, sound, RATE, seed=0, clock=CpuClock(), memory=ProcessMemory(pipeline.models.device)
            )
            seconds += [block.compute_s for block in made.steady]
    return seconds


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--blocks", type=int, default=100, help="blocks of each recording around nothing")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    import torch

    facts = machine()
    timers = timers_s(torch.device("cpu"), options.repeats, options.blocks)
    models = {
        f"{name} at {size[0]}x{size[1]}": block_s(name, size, max(1, options.repeats // 2))
        for name, size in MODELS
    }
    cost = statistics.median(timers)
    shares = {name: cost / statistics.median(seconds) for name, seconds in models.items()}
    content = {
        "schema": 1,
        "date": date.today().isoformat(),
        "machine": facts,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "timers_cpu_s_per_block": timers,
        "block_cpu_s": models,
        "shares": shares,
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "timer_overhead.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    page = markdown(content)
    (options.out / "timer_overhead.md").write_text(page, encoding="utf-8")
    print(page)
    return 0 if max(shares.values()) < GOAL else 1


def markdown(content: dict[str, Any]) -> str:
    timers = content["timers_cpu_s_per_block"]
    facts = content["machine"]
    micro = Spread(*(1e6 * value for value in Spread.of(timers)))
    lines = [
        "# What the timers of a benchmark cost",
        "",
        "CPU time. A recording around a generator that makes nothing, with all stages, clocks and memory readings of a "
        f"native model and a look for sound every {1000 * PACKET_S:g} ms of it, over a steady block of real ones. "
        f"The goal is less than {100 * GOAL:g} %.",
        "",
        f"Timers per block: {micro.text(0)} µs; median of {len(timers)} repeats (smallest to largest).",
        "",
        "| model | block [ms] | share of the timers |",
        "|:---|---:|---:|",
    ]
    for name, seconds in content["block_cpu_s"].items():
        block = Spread(*(1000 * value for value in Spread.of(seconds)))
        lines.append(f"| {name} | {block.text(0)} | {100 * content['shares'][name]:.2f} % |")
    lines += [
        "",
        f"{content['date']}, {facts['cpu']}, {facts['cores']} cores, {content['threads']} thread(s), load "
        f"{facts['load_at_start']} at the start; torch {content['torch']}.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
