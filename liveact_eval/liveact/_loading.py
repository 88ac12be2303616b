"""From tensors in files to the parameters of a module: all names and shapes first, then the bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from liveact_eval.liveact._assign import assign, owner_of, tied_names
from liveact_eval.liveact._lazy import LazyTensor, some
from liveact_eval.liveact._lookalikes import hint
from liveact_eval.liveact.errors import WeightsError


def load_into(
    module: nn.Module,
    tensors: Mapping[str, LazyTensor],
    *,
    device: torch.device | str,
    dtype: torch.dtype | None,
    what: str,
) -> None:
    """Give a module its weights. It is changed after all of them are read, so a failure leaves it as it was.

    Build the module under `torch.device("meta")`: it then takes no memory before, and the peak is its own size
    on `device` plus one tensor on the host. A module that already has weights is held twice until the end.

    Args:
        module: gets exactly these tensors; tied parameters stay tied, and one of their names is enough.
        tensors: by the names that the module has.
        device: where the module will be; buffers that are not saved in files move there too.
        dtype: of floating-point weights; `None` keeps that of the file.
        what: name of the module in messages.

    Raises:
        WeightsError: a name is missing or unexpected, a shape differs, or a file is cut short.
    """
    groups = tied_names(module.state_dict(keep_vars=True))
    _check(module, groups, tensors, what)
    read: list[tuple[list[str], Tensor]] = []
    for names in groups:
        source = next(tensors[name] for name in names if name in tensors)
        read.append((names, _read(source, torch.device(device), dtype)))
    for names, tensor in read:
        assign(module, names, tensor)
    for owner, leaf, buffer in _unsaved(module):
        setattr(owner, leaf, buffer.to(device))


def _check(module: nn.Module, groups: list[list[str]], tensors: Mapping[str, LazyTensor], what: str) -> None:
    """Compare names, shapes and kinds; all that is wrong goes into one error, the first few of each sort."""
    targets: dict[str, Tensor] = module.state_dict(keep_vars=True)
    missing = [names[0] for names in groups if not any(name in tensors for name in names)]
    unexpected = [name for name in tensors if name not in targets]
    both = {name: (tensors[name], target) for name, target in targets.items() if name in tensors}
    shapes = [
        f"{name} {source.shape}, expected {tuple(target.shape)}"
        for name, (source, target) in both.items()
        if source.shape != tuple(target.shape)
    ]
    kinds = [
        f"{name} {source.dtype}, expected {target.dtype}"
        for name, (source, target) in both.items()
        if source.dtype.is_floating_point != target.dtype.is_floating_point
    ]
    found = {
        "missing": missing,
        "not known to it": unexpected,
        "of another shape": shapes,
        "of another kind": kinds,
    }
    if any(found.values()):
        parts = "; ".join(f"{len(names)} {sort}: {some(names)}" for sort, names in found.items() if names)
        origin = next(iter(tensors.values())).origin.rpartition(": ")[0] if tensors else "an empty file"
        raise WeightsError(
            f"The weights do not fit the {what} ({len(targets)} tensors; {len(tensors)} in {origin}): {parts}."
            f"{hint(missing, list(tensors))}"
        )
    unborn = [leaf for _, leaf, buffer in _unsaved(module) if buffer.is_meta]
    if unborn:
        # No file has these, so the module must make them itself, away from the meta device.
        raise WeightsError(f"The {what} has buffers on the meta device that no file holds: {some(unborn)}")


def _read(source: LazyTensor, device: torch.device, dtype: torch.dtype | None) -> Tensor:
    tensor = source.get()
    if tuple(tensor.shape) != source.shape:
        raise WeightsError(f"{source.origin} has shape {tuple(tensor.shape)}, announced was {source.shape}")
    wanted = dtype if dtype is not None and tensor.is_floating_point() else tensor.dtype
    moved = tensor.to(device=device, dtype=wanted).contiguous()
    if moved.untyped_storage().nbytes() > moved.numel() * moved.element_size():
        # A part of a larger tensor (a fused projection, say) would keep all of that alive.
        return moved.clone()
    return moved


def _unsaved(module: nn.Module) -> Iterator[tuple[nn.Module, str, Tensor]]:
    """Buffers that are not part of the state: owner, name in it, value."""
    saved = module.state_dict(keep_vars=True).keys()
    for name, buffer in list(module.named_buffers(remove_duplicate=False)):
        if name not in saved:
            yield *owner_of(module, name), buffer
