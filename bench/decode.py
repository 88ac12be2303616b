"""What decoding and preparing a clip for all metrics costs here, and in the tools that it replaces.

python bench/decode.py --repeats 5
"""

from __future__ import annotations

import argparse
import datetime
import gc
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _meter import Ledger
    from _ours import Pass
    from _reference import Evaluation

RESULTS = Path(__file__).resolve().parent / "results"
NEEDED = ("cv2", "decord", "imageio_ffmpeg", "scenedetect")


def main() -> int:
    """Measure, print the table and write it."""
    parser = argparse.ArgumentParser(description="CPU and wall time to decode and prepare one clip.")
    parser.add_argument("--video", type=Path, help="clip to use, 25 fps with sound (default: one is made)")
    parser.add_argument("--repeats", type=int, default=5, help="measured repeats (default: 5)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for decode.md and decode.json")
    options = parser.parse_args()
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        print(f"Not installed: {', '.join(missing)}. Run: pip install -e '.[bench]'", file=sys.stderr)
        return 4
    if options.repeats < 1:
        parser.error(f"--repeats is {options.repeats}, expected 1 or more")
    if options.video is not None and not options.video.is_file():
        parser.error(f"--video: there is no file {options.video.name!r}")
    try:
        record = measure(options.video, options.repeats)
    except ValueError as error:
        parser.error(str(error))
    from _report import markdown

    page = markdown(record)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "decode.md").write_text(page)
    (options.out / "decode.json").write_text(json.dumps(record, indent=1) + "\n")
    print(page)
    return 0


def measure(video: Path | None, repeats: int) -> dict[str, Any]:
    """Both sides by turns, after one turn that is thrown away; everything that the results hold."""
    from _clip import default_clip, facts
    from _machine import machine, versions
    from _meter import warm_memory
    from _ours import fixed_track, prepare
    from _reference import evaluate

    before = machine()
    with tempfile.TemporaryDirectory() as folder:
        source = "a given file"
        if video is None:
            video = Path(folder) / "clip.mp4"
            source = default_clip(video)
        clip = facts(video, source)
        track = fixed_track((clip.width, clip.height), clip.frames)
        evaluations: list[Evaluation] = []
        passes: list[Pass] = []
        for turn in range(repeats + 1):
            gc.collect()
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                evaluation = evaluate(video, clip.frames, clip.rgb_bytes, Path(scratch))
            gc.collect()
            warm_memory(2 * clip.rgb_bytes)
            ours = prepare(video, track)
            if ours.frames != clip.frames:
                raise RuntimeError(f"our pass yielded {ours.frames} frames, expected {clip.frames}")
            if turn:
                evaluations.append(evaluation)
                passes.append(ours)
            print(f"repeat {turn} of {repeats} done" if turn else "warm-up done", file=sys.stderr)
    return {
        "schema": 1,
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "machine": before,
        "versions": versions(),
        "clip": clip.as_json(),
        "repeats": repeats,
        **_compare(evaluations, passes),
    }


def _compare(evaluations: Sequence[Evaluation], passes: Sequence[Pass]) -> dict[str, Any]:
    from _ours import SHARED_WORK
    from _reference import LIBRARY_DECODES

    theirs, ours = [made.ledger for made in evaluations], [made.ledger for made in passes]
    reference = {
        "total": _sums(theirs),
        "same_work": _sums(theirs),
        "decodes": _sums(theirs, lambda step: step.endswith(LIBRARY_DECODES)),
        "tools": _grouped(theirs, evaluations[0].decodes, lambda step: step.split(":")[0]),
        "steps": _grouped(theirs, evaluations[0].decodes, lambda step: step),
    }
    own = {
        "total": _sums(ours),
        "same_work": _sums(ours, lambda step: step in SHARED_WORK),
        "decodes": _sums(ours, lambda step: step in SHARED_WORK[:2]),
        "steps": _grouped(ours, {}, lambda step: step),
    }
    ratios = {
        "cpu": _ratio(reference["total"]["cpu_s"], own["total"]["cpu_s"]),
        "wall": _ratio(reference["total"]["wall_s"], own["total"]["wall_s"]),
        "cpu_same_work": _ratio(reference["same_work"]["cpu_s"], own["same_work"]["cpu_s"]),
        "cpu_decodes": _ratio(reference["decodes"]["cpu_s"], own["decodes"]["cpu_s"]),
    }
    counts = {
        "reference_decodes": sum(evaluations[0].decodes.values()),
        "our_opens": passes[0].opens,
        "temporary_files": evaluations[0].temporary_files,
        "temporary_bytes": evaluations[0].temporary_bytes,
        "our_written_bytes": None if passes[0].written is None else max(made.written or 0 for made in passes),
        "our_temporary_files": max(made.files_written for made in passes),
    }
    return {"ratios": ratios, "counts": counts, "reference": reference, "ours": own}


def _sums(
    ledgers: Sequence[Ledger], wanted: Callable[[str], bool] = lambda _: True
) -> dict[str, list[float]]:
    """CPU and wall seconds of each repeat over the wanted steps."""
    costs = [[cost for step, cost in ledger.steps.items() if wanted(step)] for ledger in ledgers]
    return {
        "cpu_s": [round(sum(cost.cpu_s for cost in turn), 6) for turn in costs],
        "wall_s": [round(sum(cost.wall_s for cost in turn), 6) for turn in costs],
    }


def _grouped(
    ledgers: Sequence[Ledger], decodes: dict[str, int], group: Callable[[str], str]
) -> list[dict[str, Any]]:
    """Sums by group, in order of appearance."""
    names = dict.fromkeys(group(step) for step in ledgers[0].steps)
    return [
        {
            "name": name,
            "decodes": sum(count for step, count in decodes.items() if group(step) == name),
            **_sums(ledgers, lambda step, name=name: group(step) == name),
        }
        for name in names
    ]


def _ratio(theirs: Sequence[float], ours: Sequence[float]) -> dict[str, float]:
    from _report import Spread

    found = Spread.of([a / b for a, b in zip(theirs, ours, strict=True)])
    return {name: round(value, 3) for name, value in found._asdict().items()}


if __name__ == "__main__":
    sys.exit(main())
