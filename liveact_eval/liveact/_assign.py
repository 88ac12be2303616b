"""Putting tensors into a module by name, so that what was one tensor under two names stays one."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn


def tied_names(tensors: Mapping[str, Tensor]) -> list[list[str]]:
    """Names in groups: those of one tensor object stand together."""
    groups: dict[int, list[str]] = {}
    for name, tensor in tensors.items():
        groups.setdefault(id(tensor), []).append(name)
    return list(groups.values())


def assign(module: nn.Module, names: list[str], tensor: Tensor) -> None:
    """Replace the parameter or buffer that has these names; what was a parameter stays one."""
    owner, leaf = owner_of(module, names[0])
    old = getattr(owner, leaf)
    new: Tensor = nn.Parameter(tensor, old.requires_grad) if isinstance(old, nn.Parameter) else tensor
    for name in names:
        owner, leaf = owner_of(module, name)
        setattr(owner, leaf, new)


def owner_of(module: nn.Module, name: str) -> tuple[nn.Module, str]:
    """The part of the module that holds a tensor, and the tensor's name in it."""
    path, _, leaf = name.rpartition(".")
    return module.get_submodule(path), leaf
