"""Memory does not grow with the length of a video."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.helpers import moving_square, tone, write_av

MEASURE = """
import re, sys
from pathlib import Path
from tests.helpers import clip_of
from liveact_eval.measure.engine import Job, measure
from liveact_eval.metrics.registry import select
names = ["psnr", "sharpness", "repetition", "temporal_flickering"]
real, made, frames = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
measured = measure(Job(clip=clip_of(real), video=made, metrics=select(names)))
assert (measured.frames, measured.paired_frames) == (frames, frames)
print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="peak memory is read from /proc")
def test_peak_memory_is_that_of_a_short_video(tmp_path: Path) -> None:
    ten_seconds = moving_square(250, (128, 128))
    peaks = []
    for seconds in (5, 60):
        pictures = np.concatenate([ten_seconds] * 6)[: seconds * 25]
        sound = tone(seconds)
        made = write_av(tmp_path / "made.mp4", pictures, sound=sound, options={"preset": "ultrafast"})
        real = write_av(tmp_path / "real.mp4", pictures[::-1], options={"preset": "ultrafast"})
        done = subprocess.run(
            [sys.executable, "-c", MEASURE, str(real), str(made), str(len(pictures))],
            capture_output=True,
            text=True,
            check=False,
            cwd=Path(__file__).parents[2],
        )
        assert done.returncode == 0, done.stderr
        peaks.append(int(done.stdout))
    # The frames alone would be 74 MB more.
    assert peaks[1] < 1.1 * peaks[0], peaks
