"""What the stand-in programs share: reading sound, writing videos whose frames say their number, and misbehaving.

Standard library only, so that it starts at once. Videos are uncompressed, whatever their suffix says: the left half of
frame n has the luma 20 + 4 * (n % 50), the right half is grey.
"""

from __future__ import annotations

import os
import struct
import sys
import time
import wave
from pathlib import Path

MISBEHAVIOUR = os.environ.get("MISBEHAVE", "")


def sound_seconds(path: str | Path) -> float:
    """Length of a WAV file that is as the real programs want it."""
    with wave.open(str(path)) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, 16_000)
        return float(sound.getnframes() / sound.getframerate())


def misbehave_early() -> None:
    """What happens before a video is there."""
    # The input must be closed: a program that asks a question gets no answer, and does not wait for one.
    assert sys.stdin.read() == ""
    if MISBEHAVIOUR == "crash":
        raise RuntimeError("the kernel is not for this device")
    if MISBEHAVIOUR == "memory":
        raise RuntimeError("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 GiB")
    if MISBEHAVIOUR == "import":
        raise ModuleNotFoundError("No module named 'flash_attn'")
    if MISBEHAVIOUR == "kill":
        os.kill(os.getpid(), 9)
    if MISBEHAVIOUR == "hang":
        # A child of its own in the background, as torchrun has them.
        os.system("sleep 61.25 &")
        sys.stdout.write("waiting for a lock\n")
        time.sleep(61.25)
    if MISBEHAVIOUR == "megabytes":
        for number in range(40_000):
            sys.stdout.write(f"\rstep {number} " + "x" * 100)
        sys.stdout.write("\nlast words\n")
    if MISBEHAVIOUR == "fallback":
        sys.stdout.write("sageattention is not there, using zeros\n")
    if MISBEHAVIOUR == "no_output":
        sys.exit(0)


def write(path: Path, frames: int, *, fps: float, size: tuple[int, int], image: str | None = None) -> None:
    """Write a video of so many frames, unless something else is wanted."""
    if image is not None:
        head = Path(image).read_bytes()[:26]
        kind = struct.unpack(">8x8xIIBB", head)
        assert head.startswith(b"\x89PNG") and kind[2:] == (8, 2), "expected an RGB picture"
    if MISBEHAVIOUR == "truncated":
        frames //= 2
    if MISBEHAVIOUR == "extra":
        frames += 9
    if MISBEHAVIOUR == "wrong_fps":
        fps = 16
    path.parent.mkdir(parents=True, exist_ok=True)
    width, height = size
    with path.open("wb") as out:
        out.write(b"YUV4MPEG2 W%d H%d F%d:1 Ip A1:1 C420jpeg\n" % (width, height, fps))
        for number in range(frames):
            row = bytes([20 + 4 * (number % 50)]) * (width // 2) + b"\x50" * (width - width // 2)
            out.write(b"FRAME\n" + row * height + b"\x80" * (2 * (width // 2) * (height // 2)))
    if MISBEHAVIOUR == "two_files":
        path.with_name("again_" + path.name).write_bytes(path.read_bytes())
