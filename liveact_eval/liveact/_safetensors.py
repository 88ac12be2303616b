"""Reading tensors of a `.safetensors` file, one at a time.

The format (https://huggingface.co/docs/safetensors): 8 bytes with the length of a JSON header, the header with
dtype, shape and byte range of each tensor, then the bytes. Read here rather than with the library for two
reasons: the library maps the file, so that a file cut short while it is read kills the process instead of
raising; and it refuses paths that are not UTF-8.
"""

from __future__ import annotations

import json
import math
import os
import struct
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from liveact_eval.liveact._lazy import LazyTensor
from liveact_eval.liveact.errors import WeightsError

_LONGEST_HEADER = 100_000_000
"""Bytes; the limit of the format, so that a foreign file does not ask for all memory."""
_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
_AGAIN = "Fetch it again, or take it out of the folder if it is no weight file."


def read_safetensors(path: Path) -> dict[str, LazyTensor]:
    """All tensors of one file, by name. The header is checked against the file's length before anything is read.

    Raises:
        WeightsError: not a safetensors file, cut short, or with a header that contradicts itself.
    """
    header, start, size = _header(path)
    tensors: dict[str, LazyTensor] = {}
    last = 0
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        dtype, shape, begin, end = _entry(path, name, entry)
        last = max(last, end)
        tensors[name] = LazyTensor(
            shape=shape,
            dtype=dtype,
            get=partial(_read, path, name, start + begin, shape, dtype),
            origin=f"{path}: {name}",
        )
    if size != start + last:
        state = "cut short" if size < start + last else "longer than its header says"
        raise WeightsError(f"{path} is {state}: {size} bytes, expected {start + last}. {_AGAIN}")
    return tensors


def _header(path: Path) -> tuple[dict[str, Any], int, int]:
    """Header, offset of the first tensor byte, and size of the file in bytes."""
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            first = stream.read(8)
            length = struct.unpack("<Q", first)[0] if len(first) == 8 else -1
            if not 2 <= length <= min(size - 8, _LONGEST_HEADER):
                raise WeightsError(
                    f"{path} is no safetensors file, or cut short: {size} bytes, of which the header "
                    f"would take {length}. {_AGAIN}"
                )
            header = json.loads(stream.read(length).decode("utf-8"))
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise WeightsError(
            f"{path} is no safetensors file: its header is not JSON ({error}). {_AGAIN}"
        ) from error
    if not isinstance(header, dict):
        raise WeightsError(f"{path} is no safetensors file: its header is not a table. {_AGAIN}")
    return header, 8 + length, size


def _entry(path: Path, name: str, entry: object) -> tuple[torch.dtype, tuple[int, ...], int, int]:
    """Dtype, shape and byte range of one tensor."""
    match entry:
        case {"dtype": str(kind), "shape": [*sides], "data_offsets": [int(begin), int(end)]}:
            pass
        case _:
            raise WeightsError(
                f"{path}: {name} is not described as safetensors wants it: {entry!r}. {_AGAIN}"
            )
    if kind not in _DTYPES:
        raise WeightsError(f"{path}: {name} has dtype {kind}, known are {', '.join(_DTYPES)}")
    if not all(isinstance(side, int) and side >= 0 for side in sides):
        raise WeightsError(f"{path}: {name} has shape {sides}. {_AGAIN}")
    dtype, shape = _DTYPES[kind], tuple(sides)
    expected = math.prod(shape) * dtype.itemsize
    if begin < 0 or end - begin != expected:
        raise WeightsError(
            f"{path}: {name} lies at bytes {begin} to {end}; shape {shape} of {kind} takes {expected} bytes. {_AGAIN}"
        )
    return dtype, shape, begin, end


def _read(path: Path, name: str, offset: int, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    count = math.prod(shape) * dtype.itemsize
    raw = torch.empty(count, dtype=torch.uint8)
    view = memoryview(raw.numpy())
    done = 0
    try:
        # Unbuffered: each tensor is read once, straight to its place.
        with path.open("rb", buffering=0) as stream:
            stream.seek(offset)
            while done < count and (got := stream.readinto(view[done:])):
                done += got
    except OSError as error:
        raise WeightsError(f"{path}: {name} cannot be read: {error.strerror}") from error
    if done < count:
        raise WeightsError(f"{path}: {name} is cut short: {done} bytes, expected {count}. {_AGAIN}")
    return raw.view(dtype).reshape(shape)
