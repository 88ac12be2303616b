"""Tensors out of files that trainers have written with their settings in them, without running any of their code.

Such files name classes of packages that need not be here, and PyTorch's own safe reader refuses them whole. Here every
such object is read as nothing: no function that a file names is ever called but those that rebuild tensors.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from liveact_eval.errors import UserError

_REBUILDING = {
    ("collections", "OrderedDict"),
    ("torch._utils", "_rebuild_tensor_v2"),
    ("torch._utils", "_rebuild_parameter"),
}
_TABLE = "model"
# What the unpickler says of damaged files has no common base.
_UNREADABLE = (OSError, RuntimeError, ValueError, EOFError, LookupError, AttributeError, TypeError)


def read_trainer_state(path: Path) -> dict[str, Tensor]:
    """The tensors under `model`.

    Raises:
        UserError: the file cannot be read, or holds no such table.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=False, pickle_module=_Tensors)
    except (*_UNREADABLE, pickle.UnpicklingError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"{str(path)!r} cannot be read as tensors pickled by PyTorch: {reason}. It is cut short or of another "
            "kind: fetch it again."
        ) from error
    table = content.get(_TABLE) if isinstance(content, Mapping) else None
    if not isinstance(table, Mapping) or not all(isinstance(value, Tensor) for value in table.values()):
        raise UserError(f"{str(path)!r} holds no table of tensors named {_TABLE!r}. Fetch that file again.")
    return dict(table)


class _Nothing(dict[Any, Any]):
    """Stands for every object that is no tensor: takes whatever a file does to it, and keeps nothing."""

    def __new__(cls, *_: object, **__: object) -> _Nothing:
        return super().__new__(cls)

    def __init__(self, *_: object, **__: object) -> None:
        super().__init__()

    def __call__(self, *_: object, **__: object) -> _Nothing:
        return _Nothing()

    def __setstate__(self, state: object) -> None:
        """Forget it."""

    def __setitem__(self, key: object, value: object) -> None:
        """Forget it."""

    def __hash__(self) -> int:  # type: ignore[override]
        return id(self)

    def append(self, item: object) -> None:
        """Forget it."""

    def extend(self, items: object) -> None:
        """Forget them."""


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _REBUILDING:
            return super().find_class(module, name)
        return _Nothing


class _Tensors:
    """What `torch.load` uses of the module `pickle`."""

    Unpickler = _Unpickler

    @staticmethod
    def load(file: Any, **options: Any) -> Any:
        """Read one object from a stream."""
        return _Unpickler(file, **options).load()
