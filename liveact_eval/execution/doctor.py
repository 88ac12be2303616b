"""Is this machine fit to run? Each finding comes with the command that mends it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

from liveact_eval.cards.model import ControlSpec
from liveact_eval.cards.protocol import Encoding
from liveact_eval.errors import ClipError, LiveactEvalError
from liveact_eval.results.provenance import gpus, packages

_REINSTALL = "pip install --force-reinstall liveact-eval"
_SPARE_GIB = 2.0


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    state: Literal["ok", "note", "broken"]
    """`note`: works, but something is worth knowing."""
    found: str
    """What was found."""
    mend: str = ""
    """The command that mends it."""


def examine() -> list[Check]:
    """All checks, in the order in which they should be mended."""
    return [_python(), *_packages(), _encoder(), _gpu(), _cache(), _space(), *_programs(), _self_test()]


def _python() -> Check:
    version = platform.python_version()
    if (3, 10) <= sys.version_info[:2] < (3, 13):
        return Check("python", "ok", version)
    return Check("python", "broken", f"{version}; expected 3.10 to 3.12", "python3.11 -m venv .venv")


def _packages() -> list[Check]:
    found = packages()
    missing = [name for name, version in found.items() if version is None]
    if missing:
        return [Check("packages", "broken", f"missing: {', '.join(missing)}", _REINSTALL)]
    return [Check("packages", "ok", ", ".join(f"{name} {version}" for name, version in found.items()))]


def _encoder() -> Check:
    try:
        import av
    except ImportError as error:
        return Check(
            "video", "broken", f"PyAV cannot be imported: {error}", "pip install --force-reinstall av"
        )
    lacking = [name for name in ("libx264", "flac") if name not in av.codecs_available]
    if lacking:
        return Check(
            "video", "broken", f"PyAV lacks {', '.join(lacking)}", "pip install --force-reinstall av"
        )
    return Check("video", "ok", f"PyAV {av.__version__} with libx264 and flac")


def _gpu() -> Check:
    found = gpus()
    if not found:
        return Check("gpu", "note", "no NVIDIA GPU: everything offered in this version runs on the CPU")
    return Check(
        "gpu", "ok", "; ".join(f"{gpu['name']}, driver {gpu['driver']}, {gpu['memory']}" for gpu in found)
    )


def _cache() -> Check:
    from liveact_eval.datasets.open import CACHE_VARIABLE, cache_root

    root = cache_root()
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=root):
            return Check("cache", "ok", str(root))
    except OSError as error:
        mend = f"export {CACHE_VARIABLE}=/a/folder/that/can/be/written"
        return Check("cache", "broken", f"{root} cannot be written: {error.strerror}", mend)


def _space() -> Check:
    here = Path.cwd()
    free = shutil.disk_usage(here).free / 2**30
    if free < _SPARE_GIB:
        return Check("disk", "note", f"{free:.1f} GiB free here", "give a folder with more space: --out DIR")
    return Check("disk", "ok", f"{free:.0f} GiB free here, {os.cpu_count()} cores")


def _programs() -> list[Check]:
    """What fetches videos; videos that one has are cut without either."""
    from liveact_eval.datasets.preparing.ytdlp import INSTALLS, version_command, version_of

    checks = []
    for program, install in INSTALLS.items():
        path = shutil.which(program)
        if path is None:
            found = "not found; only needed to fetch videos of published datasets"
            checks.append(Check(program, "note", found, install))
            continue
        try:
            checks.append(Check(program, "ok", f"{path}, {version_of(version_command(program, path))}"))
        except LiveactEvalError as error:
            checks.append(Check(program, "note", str(error), install))
    return checks


def _self_test() -> Check:
    """Draw, encode, move the sound, decode, measure: the offset must be the one that was put in."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            return _known_offset(Path(folder))
    except (ClipError, LiveactEvalError, ImportError, OSError) as error:
        return Check("self-test", "broken", f"{type(error).__name__}: {error}", _REINSTALL)


def _known_offset(folder: Path) -> Check:
    from liveact_eval.clips.clip import Clip, ClipEntry
    from liveact_eval.clips.encode import write_video
    from liveact_eval.clips.sound import write_wav
    from liveact_eval.datasets.talkers import TalkerSpec, render
    from liveact_eval.generators.controls import ControlGenerator
    from liveact_eval.measure.engine import Job, measure
    from liveact_eval.metrics.registry import select

    moved = 4
    talker = render(TalkerSpec(split="test", speaker=0, utterance=0, seconds=3.0))
    size, rate = (64, 64), Fraction(25)
    write_video(
        folder / "v.mp4", talker.frames, size=size, rate=rate, encoding=Encoding(), samples=talker.samples
    )
    write_wav(folder / "a.wav", talker.samples)
    talker.truth.save(folder / "t.npz")
    clip = Clip(
        entry=ClipEntry(id="self-test", speaker="self-test", content_hash="0"),
        video=folder / "v.mp4",
        audio=folder / "a.wav",
        image=None,
        prompt="",
        truth=folder / "t.npz",
        rate=rate,
        size=size,
        seconds=None,
    )
    control = ControlGenerator(ControlSpec(effect="shift", frames=moved), Encoding())
    generation = control.generate(clip, folder / "s.mp4", 0)
    found = measure(
        Job(clip=clip, video=generation.video, metrics=select(["av_offset"]), faces=generation.faces)
    )
    offset = found.scores["av_offset"].values["av_offset_frames"]
    if offset == moved:
        return Check(
            "self-test", "ok", f"drawn, encoded, decoded and measured: an offset of {moved} frames found"
        )
    return Check(
        "self-test", "broken", f"expected an offset of {moved} frames, measured {offset}", _REINSTALL
    )
