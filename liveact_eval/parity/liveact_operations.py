"""Replays vectors of single operations of the transformer: rotation, compression, 8 bits, time, windows."""

from __future__ import annotations

import math
import re
from pathlib import Path

import torch
from torch import Tensor

from liveact_eval.liveact.audio import audio_windows
from liveact_eval.liveact.compression import mean_over_tokens, over_tokens
from liveact_eval.liveact.kv_store import Fp8Store, quantise_fp8
from liveact_eval.liveact.layers import sinusoid
from liveact_eval.liveact.rope import apply_rope, rope_angles, rope_table, split_pairs
from liveact_eval.parity.vectors import FileResult, VectorFile


def replay(folder: Path, file: str, grid: tuple[int, int]) -> FileResult:
    """Replay a file of single operations.

    Args:
        folder: folder of the vectors.
        file: name of the file.
        grid: rows and columns of tokens per latent frame, where the file's own sizes leave that open.
    """
    vectors = VectorFile(folder, file)
    keys = vectors.keys()
    for key in keys:
        if match := re.fullmatch(r"rope\.s(\d+)\.T(\d+)\.out", key):
            _rope(vectors, int(match[1]), int(match[2]), grid)
        elif match := re.fullmatch(r"rope\.freqs_first(\d+)\.real", key):
            _frequencies(vectors, int(match[1]))
        elif match := re.fullmatch(r"time\.sinusoid_dim(\d+)", key):
            vectors.check(key, sinusoid(vectors.read("time.t"), int(match[1])))
        elif match := re.fullmatch(r"window\.(\d+)_(\d+)", key):
            expected = vectors.peek(key)
            start, stop = int(match[1]), int(match[2])
            ours = audio_windows(vectors.read("window.in"), start, stop - start, expected.shape[2])
            vectors.check(key, ours)
    if "compress.in" in keys:
        _compress(vectors)
    if "fp8.in" in keys:
        _fp8(vectors)
    return vectors.result()


def _rope(vectors: VectorFile, start: int, frames: int, grid: tuple[int, int]) -> None:
    x = vectors.read(f"rope.s{start}.T{frames}.in")
    tokens = x.shape[1] // frames
    rows, columns = grid if math.prod(grid) == tokens else (math.isqrt(tokens), math.isqrt(tokens))
    table = rope_table(torch.arange(start, start + frames), rows, columns, x.shape[-1])
    vectors.check(f"rope.s{start}.T{frames}.out", apply_rope(x, table))


def _frequencies(vectors: VectorFile, rows: int) -> None:
    key = f"rope.freqs_first{rows}"
    pairs = vectors.peek(f"{key}.real").shape[1]
    angles = torch.cat([rope_angles(torch.arange(rows), part) for part in split_pairs(2 * pairs)], dim=1)
    vectors.check(f"{key}.real", angles.cos().float())
    vectors.check(f"{key}.imag", angles.sin().float())


def _compress(vectors: VectorFile) -> None:
    kernel = vectors.read("compress.memory_proj_k").squeeze(1).t()
    # Stored, and never used by the official program: it folds values with the key kernel.
    vectors.read("compress.memory_proj_v")
    x = vectors.read("compress.in")
    frames = x.unflatten(1, (len(kernel), -1))
    taps = kernel.unflatten(1, x.shape[2:])
    folded = over_tokens(frames, taps)
    vectors.check("compress.k", folded)
    vectors.check("compress.v", folded)
    vectors.check("compress.mean", mean_over_tokens(frames))


def _fp8(vectors: VectorFile) -> None:
    x = vectors.read("fp8.in")
    quantised, scale = quantise_fp8(x)
    vectors.check("fp8.q_as_f32", quantised.float())
    vectors.check("fp8.scale", scale)
    vectors.check("fp8.dequant", _through_store(x))


def _through_store(x: Tensor) -> Tensor:
    batch, tokens, heads, width = x.shape
    store = Fp8Store((batch, tokens, heads, width), x.dtype, x.device)
    store.write(0, x)
    return store.read(0, tokens)
