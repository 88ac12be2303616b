"""Names and shapes of the full-size official encoder files against the classes that are built here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from liveact_eval.errors import UserError
from liveact_eval.liveact import vae
from liveact_eval.liveact.config import LiveActConfig, liveact_18b
from liveact_eval.liveact.encoders import image, text
from liveact_eval.liveact.vae_names import diffusers_names
from liveact_eval.liveact.weights import LazyTensor
from liveact_eval.parity.run import read_json
from liveact_eval.parity.vectors import Checks, FileResult

Tensors = dict[str, LazyTensor]
Part = Callable[[LiveActConfig, Tensors], tuple[nn.Module, Tensors]]
"""Builds a class at full size, and gives the official tensors the names of that class."""


def check_manifest(folder: Path, name: str) -> FileResult:
    """One comparison per tensor of the built classes, which take no memory: shape here, shape in the manifest.

    Raises:
        UserError: the manifest has another form.
    """
    manifest = read_json(folder, name)
    if not isinstance(manifest, dict):
        raise UserError(
            f"{name} is no table of models; expected the keys {', '.join(_PARTS)}. Copy it again."
        )
    checks = Checks(name)
    checks.equal("models", sorted(manifest), sorted(_PARTS))
    config = liveact_18b()
    for part in sorted(manifest.keys() & _PARTS.keys()):
        entry = manifest[part]
        shapes = _shapes(name, part, entry)
        with torch.device("meta"):
            module, official = _PARTS[part](config, {key: _unread(shape) for key, shape in shapes.items()})
        ours = _own_tensors(module)
        given = {key: list(tensor.shape) for key, tensor in official.items()}
        for key in sorted(ours.keys() | given.keys()):
            checks.equal(f"{part}: {key}", ours.get(key), given.get(key))
        checks.equal(f"{part}: tensors", entry.get("visual_tensors", entry.get("tensors")), len(shapes))
        if "visual_parameters" not in entry:
            total = sum(parameter.numel() for parameter in module.parameters())
            checks.equal(f"{part}: parameters", total, entry.get("parameters"))
    return checks.result()


def _vae(config: LiveActConfig, tensors: Tensors) -> tuple[nn.Module, Tensors]:
    return vae.build(config.vae), diffusers_names(tensors, config.vae)


def _text(config: LiveActConfig, tensors: Tensors) -> tuple[nn.Module, Tensors]:
    return text.build(config.text), text.library_names(tensors)


def _image(config: LiveActConfig, tensors: Tensors) -> tuple[nn.Module, Tensors]:
    module = image.build(config.image)
    return module, image.library_names(tensors, config.image, prefix=image.names_prefix(module))


_PARTS: dict[str, Part] = {"vae": _vae, "t5": _text, "clip": _image}


def _shapes(name: str, part: str, entry: Any) -> Mapping[str, list[int]]:
    shapes = entry.get("shapes") if isinstance(entry, dict) else None
    if not isinstance(shapes, dict) or not all(isinstance(shape, list) for shape in shapes.values()):
        raise UserError(f"{name}: {part} has no table `shapes` of names and shapes. Copy the file again.")
    return shapes


def _unread(shape: list[int]) -> LazyTensor:
    def get() -> Tensor:
        return torch.empty(shape, device="meta")

    return LazyTensor(shape=tuple(shape), dtype=torch.float32, get=get, origin="manifest")


def _own_tensors(module: nn.Module) -> dict[str, list[int]]:
    """Shapes by name; of two names of one tensor, the first."""
    found: dict[str, list[int]] = {}
    known: set[int] = set()
    for key, tensor in module.state_dict(keep_vars=True).items():
        if id(tensor) not in known:
            known.add(id(tensor))
            found[key] = list(tensor.shape)
    return found
