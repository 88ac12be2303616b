"""What the numbers were measured with; no names of machines, users or folders."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

PACKAGES = ("liveact-eval", "numpy", "torch", "av", "decord", "scenedetect", "imageio-ffmpeg")


def machine() -> dict[str, object]:
    """Processor, cores, system, and how busy it was at the start."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "load_at_start": round(os.getloadavg()[0], 2),
    }


def versions() -> dict[str, str]:
    """Versions of everything that decodes or computes, and the commit of this project."""
    import av
    import cv2
    import imageio_ffmpeg

    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-version"]
    first = subprocess.run(ffmpeg, capture_output=True, text=True, check=True).stdout.split("\n")[0]
    found = {"python": platform.python_version(), "commit": _commit()}
    found |= {name: metadata.version(name) for name in PACKAGES}
    found |= {
        "opencv": cv2.__version__,
        "ffmpeg (program)": first.split()[2],
        "libavcodec (av)": ".".join(map(str, av.library_versions["libavcodec"])),
    }
    return found


def _commit() -> str:
    here = Path(__file__).resolve().parent
    git = ["git", "-C", str(here)]
    try:
        head = subprocess.run(
            [*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
        )
        state = subprocess.run(
            [*git, "status", "--porcelain", "-uno", "--", "../liveact_eval", "."],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head.stdout.strip() + (" with changes" if state.stdout.strip() else "")


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
