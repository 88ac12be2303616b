"""Speed of the native LiveAct with random weights: frames per second, delays, memory, share of the peak.

python bench/liveact_gpu.py                                    # 18.9 B at 512x512 on one GPU
python bench/liveact_gpu.py --config liveact-tiny --device cpu --size 64x64 --blocks 3 --out FOLDER
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from dataclasses import asdict
from datetime import date
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _liveact_run import Task

RESULTS = Path(__file__).resolve().parent / "results"
TARGET_FPS = 20.0
_FAST = {"attention": "sdpa-cudnn", "compile": "default", "channels_last_vae": True}
VARIANTS: dict[str, dict[str, Any]] = {
    "bf16": {},
    "bf16-compiled": _FAST,
    "bf16-graphs": _FAST | {"cuda_graphs": True},
    "fp8": {"fp8_linear": "scaled"},
    "fp8-compiled": _FAST | {"fp8_linear": "scaled"},
    "fp8-graphs": _FAST | {"fp8_linear": "scaled", "cuda_graphs": True},
    "float32": {"dtype": "float32"},
    "float32-fp8-emulated": {"dtype": "float32", "fp8_linear": "emulated"},
}
ON_GPU = tuple(name for name in VARIANTS if not name.startswith("float32"))
ON_CPU = ("float32", "float32-fp8-emulated")


def main() -> int:
    """Measure each variant in a process of its own, write JSON and a table."""
    options = parse()
    if options.measure:
        from _liveact_run import measure

        print(json.dumps(measure(task(options, options.variants[0]))))
        return 0
    variants = options.variants or (ON_GPU if options.device.startswith("cuda") else ON_CPU)
    runs: dict[str, dict[str, Any]] = {}
    for variant in variants:
        print(f"{variant} ...", file=sys.stderr)
        command = [sys.executable, __file__, *sys.argv[1:], "--measure", "--variants", variant]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if answer.returncode:
            reason = (answer.stderr.strip().splitlines() or ["no message"])[-1]
            print(f"{variant}: {reason}", file=sys.stderr)
            runs[variant] = {"failed": reason}
            continue
        runs[variant] = json.loads(answer.stdout.splitlines()[-1])
    record = finished(options, runs)
    options.out.mkdir(parents=True, exist_ok=True)
    name = f"{options.config}-{'gpu' if options.device.startswith('cuda') else 'cpu'}"
    (options.out / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    page = markdown(record)
    (options.out / f"{name}.md").write_text(page, encoding="utf-8")
    print(page)
    return 0 if any("failed" not in run for run in runs.values()) else 1


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", default="liveact-18b", help="liveact-18b or liveact-tiny")
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--size", default="512x512", help="width x height in pixels")
    parser.add_argument("--blocks", type=int, default=50, help="steady blocks that are measured")
    parser.add_argument("--decode", choices=("overlap", "carried"), default="overlap")
    parser.add_argument("--fp8-cache", action="store_true", help="keys and values in 8 bits")
    parser.add_argument("--variants", nargs="+", choices=tuple(VARIANTS), default=None)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def task(options: argparse.Namespace, variant: str) -> Task:
    from _liveact_run import Task

    from liveact_eval.liveact.acceleration import SpeedOptions
    from liveact_eval.rollouts.neighbor import NeighborOptions

    width, height = (int(side) for side in options.size.split("x"))
    return Task(
        config=options.config,
        device=options.device,
        size=(width, height),
        speed=SpeedOptions(**VARIANTS[variant]),
        rollout=NeighborOptions(fp8_cache=options.fp8_cache),
        decode=options.decode,
        blocks=options.blocks,
    )


def finished(options: argparse.Namespace, runs: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What is derived from the samples, beside them."""
    from importlib.metadata import version

    from _liveact_run import flops_per_block
    from _peaks import peak

    from liveact_eval.results.provenance import gather

    facts = gather()
    any_task = task(options, next(iter(runs)))
    flops = flops_per_block(any_task)
    for run in runs.values():
        if "failed" in run:
            continue
        run["summary"] = summary(run, flops, peak(run["gpu"]))
    versions = {name: version(name) for name in ("torch", "diffusers", "numpy")}
    return {
        "schema": 1,
        "date": date.today().isoformat(),
        "config": options.config,
        "weights": "random",
        "size": options.size,
        "decode": options.decode,
        "rollout": {key: str(value) for key, value in asdict(any_task.rollout).items()},
        "flops_per_steady_block": flops,
        "machine": facts["machine"],
        "gpus": facts["gpu"],
        "revision": facts["revision"],
        "versions": versions | {"python": facts["python"]},
        "runs": runs,
    }


def summary(run: dict[str, Any], flops: dict[str, int], ceiling: Any) -> dict[str, Any]:
    """Rates and delays of the steady blocks; warm-up is beside them, never in them."""
    steady = run["steady"]
    seconds, frames = [b["total_s"] for b in steady], sum(b["frames"] for b in steady)
    fps = frames / sum(seconds)
    rate = sum(flops.values()) * len(steady) / sum(seconds) / 1e12
    deadline = steady[0]["frames"] / TARGET_FPS
    return {
        "blocks": len(steady),
        "fps": fps,
        "block_s": {f"p{q}": percentile(seconds, q) for q in (50, 95, 99)},
        "parts_s": {part: median(b[part] for b in steady) for part in ("dit_s", "vae_s", "host_s")},
        "misses_of_20_fps": sum(s > deadline for s in seconds),
        "first_frames_cold_s": run["cold"][0]["total_s"],
        "first_frames_warm_s": run["start"][0]["total_s"],
        "tflop_per_frame": sum(flops.values()) * len(steady) / frames / 1e12,
        "tflop_per_s": rate,
        "share_of_bf16_peak": rate / ceiling.bf16 if ceiling else None,
        "share_of_fp8_peak": rate / ceiling.fp8 if ceiling and ceiling.fp8 else None,
        "peak_source": ceiling.source if ceiling else None,
    }


def percentile(samples: list[float], q: int) -> float:
    """The smallest sample that `q` per cent of all do not exceed."""
    return sorted(samples)[max(0, math.ceil(len(samples) * q / 100) - 1)]


def markdown(record: dict[str, Any]) -> str:
    gpu = record["gpus"][0]["name"] if record["gpus"] else "no GPU"
    flops = record["flops_per_steady_block"]
    lines = [
        f"# Speed of {record['config']} at {record['size']}, random weights",
        "",
        "One device. Frames per second include the DiT, the VAE and the copy of 8-bit frames to the host; encoders "
        "of text, picture and speech are not run. Steady blocks only: what comes before is in the columns of first "
        "frames. p50, p95 and p99 are of whole blocks. Share of peak: counted operations per second over the data "
        "sheet's dense figure for BF16, and for FP8.",
        "",
        "| variant | FPS | p50 [s] | p95 [s] | p99 [s] | DiT [s] | VAE [s] | host [s] | first frames, warm [s] | "
        "first frames, cold [s] | misses of 20 FPS | peak memory [GiB] | BF16 peak | FP8 peak |",
        "|:---|" + "---:|" * 13,
        *(row(name, run) for name, run in record["runs"].items()),
        "",
        f"Operations per steady block: DiT {flops['dit'] / 1e12:.4g} TFLOP, VAE {flops['vae'] / 1e12:.4g} TFLOP "
        f"(decode mode {record['decode']}).",
        f"{record['date']}, {gpu}, {record['machine']['cpu']}, {record['machine']['cores']} cores, "
        + ", ".join(f"{name} {value}" for name, value in record["versions"].items())
        + ".",
        "",
    ]
    return "\n".join(lines)


def row(name: str, run: dict[str, Any]) -> str:
    if "failed" in run:
        return f"| {name} | failed: {run['failed']} |" + " |" * 12
    found, parts = run["summary"], run["summary"]["parts_s"]
    cells = [
        f"{found['fps']:.2f}",
        *(f"{found['block_s'][q]:.3f}" for q in ("p50", "p95", "p99")),
        *(f"{parts[part]:.3f}" for part in ("dit_s", "vae_s", "host_s")),
        f"{found['first_frames_warm_s']:.3f}",
        f"{found['first_frames_cold_s']:.3f}",
        f"{found['misses_of_20_fps']}/{found['blocks']}",
        f"{max(run['peak_memory_gib'].values()):.1f}",
        *(
            "unknown" if found[share] is None else f"{100 * found[share]:.1f} %"
            for share in ("share_of_bf16_peak", "share_of_fp8_peak")
        ),
    ]
    return f"| {name} | " + " | ".join(cells) + " |"


if __name__ == "__main__":
    sys.exit(main())
