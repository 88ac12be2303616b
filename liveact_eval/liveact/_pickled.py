"""Reading a `.pth`, `.pt` or `.bin` file as PyTorch wrote it, without running code from it."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from liveact_eval.liveact._lazy import LazyTensor, some
from liveact_eval.liveact.errors import WeightsError

_WRAPPERS = ("state_dict", "model", "generator")
"""Names under which training programs put the one state that a file holds."""
_ZIP = b"PK\x03\x04"


def read_pickled(path: Path) -> dict[str, LazyTensor]:
    """All tensors of one file, by name. The file is mapped: bytes are read when a tensor is used.

    One level of wrapping (`{"state_dict": {...}}`) is taken off if nothing lies beside it.

    Raises:
        WeightsError: unreadable, cut short, holding anything but tensors by name, or needing code to be run.
    """
    content = _load(path)
    if isinstance(content, Mapping) and len(content) == 1:
        (key, inner), *_ = content.items()
        content = inner if key in _WRAPPERS and isinstance(inner, Mapping) else content
    if not isinstance(content, Mapping):
        raise WeightsError(f"{path} holds a {type(content).__name__}, expected tensors by name")
    foreign = [
        f"{name} ({type(value).__name__})"
        for name, value in content.items()
        if not (isinstance(name, str) and isinstance(value, Tensor) and value.layout == torch.strided)
    ]
    if foreign:
        raise WeightsError(
            f"{path} holds more than one table of tensors: {some(foreign)}. Expected tensors by name, or one such "
            f"table alone under one of {', '.join(_WRAPPERS)}. Save the part that is meant as .safetensors"
        )
    return {name: _lazy(path, name, tensor) for name, tensor in content.items()}


def _lazy(path: Path, name: str, tensor: Tensor) -> LazyTensor:
    def get() -> Tensor:
        # Not a view of the mapped file, which may be replaced while the model lives.
        return tensor.detach().clone(memory_format=torch.contiguous_format)

    return LazyTensor(tuple(tensor.shape), tensor.dtype, get, f"{path}: {name}")


def _load(path: Path) -> Any:
    try:
        with path.open("rb") as stream:
            zipped = stream.read(4) == _ZIP
            # Files written before PyTorch 1.6 cannot be mapped, and mapping takes no name that is not UTF-8.
            if zipped and _is_utf8(path):
                return torch.load(os.fspath(path), map_location="cpu", weights_only=True, mmap=True)
            stream.seek(0)
            return torch.load(stream, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # Raised for a damaged file as for one that would run code; PyTorch names what it refused.
        reason = str(error).split("WeightsUnpickler error:")[-1].strip().splitlines()
        raise WeightsError(
            f"{path} is damaged, or holds objects other than tensors ({reason[0] if reason else 'unknown'}). Reading "
            "such a file can run code that lies in it, so it is not read. Take the .safetensors file of the same "
            "model, or fetch the file again"
        ) from error
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from error
    except (RuntimeError, EOFError, ValueError, KeyError, AttributeError, IndexError, TypeError) as error:
        # What PyTorch raises for a damaged archive depends on where the damage is.
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise WeightsError(f"{path} is damaged or cut short ({first}). Fetch it again") from error


def _is_utf8(path: Path) -> bool:
    try:
        os.fspath(path).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
