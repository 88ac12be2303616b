"""The metrics here against the reference tools themselves: same clips, same weights from a rule, same machine, one run.

The tools live in an environment of their own: `env build` makes it, or it is made as reference_tools.txt says. Each
side of a case is a process that loads its networks once and then measures in turn with the others, so that all see the
same machine; ours is measured in float32 and in bfloat16 (`networks.precision`). What is done is written down after
each case; a second call goes on unless --again is given.

    liveact-eval env build reference-tools
    python bench/reference_tools.py                # writes results/reference_tools.md and .json
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from _reference_tools_report import markdown

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
SUITE = "whole suite"
SECONDS = {"short": 1.44, "long": 4.0}
SIZES = {"short": 256, "long": 512}


class Case(NamedTuple):
    """One comparison."""

    tool: str
    """Case of _reference_tool.py; empty: ours alone."""
    metrics: str
    """Ours, with commas."""
    clip: str
    """`short` or `long`."""
    dear: bool = False
    """Minutes rather than seconds: fewer runs, and none thrown away."""


PARTS = {
    "sync": Case("sync", "sync", "short"),
    "subject consistency": Case("subject_consistency", "subject_consistency", "short"),
    "imaging quality": Case("imaging_quality", "imaging_quality", "short"),
    "background consistency": Case("background_consistency", "background_consistency", "short"),
    "aesthetic quality": Case("aesthetic_quality", "aesthetic_quality", "short", dear=True),
    "temporal flickering": Case("temporal_flickering", "temporal_flickering", "short"),
    "motion smoothness": Case("motion_smoothness", "motion_smoothness", "short", dear=True),
    "dynamic degree": Case("dynamic_degree", "dynamic_degree", "short", dear=True),
    "FID": Case("fid", "fid", "short"),
    "LPIPS": Case("lpips", "lpips", "short"),
    "PSNR and SSIM": Case("psnr_ssim", "psnr,ssim", "short"),
}
"""The parts of the whole suite, on one clip."""
CASES = {
    "sync, 4 s": Case("sync", "sync", "long"),
    **PARTS,
    SUITE: Case("", ",".join(case.metrics for case in PARTS.values()), "short", dear=True),
}


class Side:
    """A process that has loaded what it needs and measures when it is told to."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        self._log = log
        self._errors = log.open("w")
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=environment,
            cwd=HERE,
        )
        self.ready = self._read()

    def go(self) -> dict[str, Any]:
        """One measurement."""
        if self._process.stdin is None:
            raise RuntimeError("the process has no input")
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        return self._read()

    def close(self) -> None:
        """End the process."""
        self._process.communicate()
        self._errors.close()

    def _read(self) -> dict[str, Any]:
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line:
            code = self._process.wait()
            said = self._log.read_text(errors="replace")[-1500:]
            raise RuntimeError(f"a side of the comparison ended with {code}: {said}")
        answer: dict[str, Any] = json.loads(line)
        return answer


class Bench:
    """Everything that the cases have in common."""

    def __init__(self, arguments: argparse.Namespace, folder: Path) -> None:
        self._arguments, self._folder = arguments, folder
        # The path is not resolved: an environment's interpreter is often a link out of it.
        self._home = (arguments.home or arguments.tools.absolute().parents[1] / "home").absolute()
        self._environment = {
            **os.environ,
            **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(arguments.threads)),
            "VBENCH_CACHE_DIR": str(self._home / "vbench"),
            "TORCH_HOME": str(self._home / "torch"),
            "CUDA_VISIBLE_DEVICES": "",
        }
        self.clips = self._clips()

    def prepare(self) -> None:
        """Write the weights, and put the code of DINO where VBench looks for it."""
        from _reference_weights import write_weights

        write_weights(self._home)
        code = self._home / "vbench" / "dino_model" / "facebookresearch_dino_main"
        if self._arguments.dino is not None and not code.exists():
            code.symlink_to(self._arguments.dino.absolute())

    def measure(self, case: Case) -> dict[str, Any]:
        """The tool, ours, and ours in bfloat16 in turn."""
        pair = [str(path) for path in self.clips[case.clip]]
        ours = [sys.executable, str(HERE / "_reference_ours.py"), case.metrics, *pair]
        commands = {"ours": [*ours, "float32"], "bf16": [*ours, "bfloat16"]}
        if case.tool:
            tool = [str(self._arguments.tools.absolute()), str(HERE / "_reference_tool.py"), case.tool]
            commands = {"tool": [*tool, str(self._home), *pair], **commands}
        sides = {
            name: Side(command, self._environment, self._folder / f"{name}.log")
            for name, command in commands.items()
        }
        runs: dict[str, list[dict[str, Any]]] = {name: [] for name in sides}
        if not case.dear:
            for side in sides.values():
                side.go()
        for _ in range(self._arguments.dear if case.dear else self._arguments.repeats):
            for name, side in sides.items():
                runs[name].append(side.go())
        for side in sides.values():
            side.close()
        return {name: {**side.ready, "runs": runs[name]} for name, side in sides.items()}

    def _clips(self) -> dict[str, tuple[Path, Path]]:
        given = (self._arguments.video, self._arguments.real)
        if all(given):
            return dict.fromkeys(SECONDS, (given[0].absolute(), given[1].absolute()))
        made = {}
        for name, seconds in SECONDS.items():
            pair = (self._folder / f"{name}.mp4", self._folder / f"{name}_real.mp4")
            for path, crf in zip(pair, (30, 16), strict=True):
                draw(path, SIZES[name], seconds, crf)
            made[name] = pair
        return made


def draw(path: Path, size: int, seconds: float, crf: int) -> None:
    """A drawn talker with sound, encoded once more strongly and once less."""
    from liveact_eval.cards.protocol import Encoding
    from liveact_eval.clips.encode import VideoWriter
    from liveact_eval.datasets.talkers import TalkerSpec, stream

    spec = TalkerSpec(split="test", speaker=0, utterance=0, size=size, seconds=seconds)
    encoding = Encoding(crf=crf)
    with VideoWriter(path, size=(size, size), rate=Fraction(25), encoding=encoding, sound=True) as writer:
        for block in stream(spec):
            writer.write_sound(block.samples)
            for rgb in block.frames:
                writer.write(rgb)


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        "--tools",
        type=Path,
        help="interpreter with the reference tools; default: liveact-eval env build made it",
    )
    add("--home", type=Path, help="folder for the tools' weight files, about 3.2 GB; default: beside them")
    add("--dino", type=Path, help="a copy of facebookresearch/dino; default: VBench clones it")
    add("--video", type=Path, help="25 fps with sound and a face in the middle; default: a drawn talker")
    add("--real", type=Path, help="the real video beside --video, of the same size and length")
    add("--cases", nargs="+", choices=list(CASES), default=list(CASES), metavar="CASE")
    add("--threads", type=int, default=2, help="of each side")
    add("--repeats", type=int, default=3, help="runs of each side, after one that is thrown away")
    add("--dear", type=int, default=2, help="runs of each side where one takes minutes; none is thrown away")
    add("--again", action="store_true", help="measure anew what the results have already")
    add("--out", type=Path, default=RESULTS, help="folder of the results")
    arguments = parser.parse_args()
    if arguments.tools is None:
        arguments.tools, arguments.home = built_tools(arguments.home)
    if not arguments.tools.is_file():
        parser.error(f"no such interpreter: {arguments.tools}; make it as reference_tools.txt says")
    if bool(arguments.video) != bool(arguments.real):
        parser.error("--video and --real go together")
    return arguments


def built_tools(home: Path | None) -> tuple[Path, Path]:
    """Interpreter and home of the environment that `liveact-eval env build reference-tools` has made."""
    from liveact_eval.environments.store import environment
    from liveact_eval.errors import UserError

    try:
        built = environment("reference-tools")
    except UserError as error:
        raise SystemExit(f"{error}\nOr give an interpreter with --tools.") from error
    return built.python, home or built.home


def main() -> None:
    """Measure what is missing, write after each case."""
    from liveact_eval.results.provenance import gather

    arguments = options()
    file = arguments.out / "reference_tools.json"
    clip = "drawn talkers"
    if arguments.video is not None:
        clip = f"videos given, SHA-256 {hashlib.sha256(arguments.video.read_bytes()).hexdigest()[:12]}"
    found = gather()
    settings = {
        "threads": arguments.threads,
        "clips": clip,
        "machine": found["machine"],
        "revision": found["revision"],
    }
    record: dict[str, Any] = {"settings": settings, "packages": found["packages"], "cases": {}}
    if file.is_file() and not arguments.again:
        before = json.loads(file.read_text(encoding="utf-8"))
        if before["settings"] == settings:
            record = before
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(arguments, Path(folder))
        bench.prepare()
        for name in arguments.cases:
            if name in record["cases"]:
                continue
            load = os.getloadavg()[0]
            measured = bench.measure(CASES[name])
            record["cases"][name] = {**measured, "load_before": load, "date": date.today().isoformat()}
            arguments.out.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
            page = markdown(record, list(PARTS), SUITE)
            (arguments.out / "reference_tools.md").write_text(page, encoding="utf-8")
            sys.stderr.write(f"{name}: {_short(record['cases'][name])}\n")


def _short(case: dict[str, Any]) -> str:
    return ", ".join(
        f"{side} {' '.join(format(run['wall_s'], '.2f') for run in case[side]['runs'])} s"
        for side in ("tool", "ours")
        if side in case
    )


if __name__ == "__main__":
    main()
