"""Weight files: what they hold, by name and shape, and reading it into a module.

state = open_state(Path("LiveAct"))
with torch.device("meta"):
    model = build(config)
load_into(model, state.tensors(), device="cuda", dtype=torch.bfloat16, what="DiT")
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from liveact_eval.liveact._lazy import LazyTensor, some
from liveact_eval.liveact._loading import load_into
from liveact_eval.liveact._pickled import read_pickled
from liveact_eval.liveact._safetensors import read_safetensors
from liveact_eval.liveact.errors import WeightsError
from liveact_eval.liveact.random_weights import fill_random, materialise

__all__ = ["LazyTensor", "State", "fill_random", "load_into", "materialise", "open_state"]

_PICKLED = (".pth", ".pt", ".bin")
_INDEX = ".safetensors.index.json"


class State:
    """The tensors of a file or of a folder of shards, by the names that they have there."""

    def __init__(self, path: Path, tensors: Mapping[str, LazyTensor]) -> None:
        self.path = path
        self._tensors = MappingProxyType(dict(tensors))

    def names(self) -> tuple[str, ...]:
        """All names, in the order of the files."""
        return tuple(self._tensors)

    def tensors(self) -> dict[str, LazyTensor]:
        """All tensors, unread; a new table at each call, so that names may be changed in it."""
        return dict(self._tensors)


def open_state(path: Path) -> State:
    """Look into weights: names and shapes. Tensors are read later, one at a time.

    Args:
        path: a folder with `.safetensors` shards, with or without an index; one `.safetensors` file; or a
            `.pth`, `.pt` or `.bin` file as PyTorch writes it. No file is allowed to run code.

    Raises:
        WeightsError: nothing there, cut short, contradictory, or not readable without running code.
    """
    if path.is_dir():
        return State(path, _folder(path))
    if not path.is_file():
        raise WeightsError(f"There are no weights at {path}. Check the path, or fetch them")
    if path.suffix == ".safetensors":
        return State(path, read_safetensors(path))
    if path.suffix in _PICKLED:
        return State(path, read_pickled(path))
    raise WeightsError(
        f"{path} has the suffix {path.suffix!r}; expected a folder of shards, .safetensors, {', '.join(_PICKLED)}"
    )


def _folder(folder: Path) -> dict[str, LazyTensor]:
    indexes = sorted(entry for entry in folder.iterdir() if entry.name.endswith(_INDEX))
    if len(indexes) > 1:
        found = some([entry.name for entry in indexes])
        raise WeightsError(f"{folder} holds {len(indexes)} indexes of shards ({found}), expected one")
    place = _index(indexes[0]) if indexes else {}
    names = sorted(set(place.values()) or {entry.name for entry in folder.glob("*.safetensors")})
    if not names:
        others = sorted(entry.name for entry in folder.iterdir() if entry.suffix in _PICKLED)
        hint = (
            f" Name one of its files instead: {some(others)}" if others else " Check the path, or fetch them"
        )
        raise WeightsError(f"{folder} holds no .safetensors file.{hint}")
    absent = [name for name in names if not (folder / name).is_file()]
    if absent:
        raise WeightsError(
            f"{len(absent)} of {len(names)} shards that {indexes[0].name} names are not in {folder}: {some(absent)}. "
            "Fetch them"
        )
    tensors: dict[str, LazyTensor] = {}
    shard_of: dict[str, str] = {}
    for shard in names:
        for name, tensor in read_safetensors(folder / shard).items():
            if name in tensors:
                raise WeightsError(
                    f"{name} lies in two files of {folder}: {shard_of[name]} and {shard}. Keep the shards of one model"
                )
            tensors[name], shard_of[name] = tensor, shard
    wrong = [f"{name} in {shard}" for name, shard in place.items() if shard_of.get(name) != shard]
    if wrong:
        raise WeightsError(
            f"{indexes[0]} does not fit its shards: {len(wrong)} tensors are not where it says, among them "
            f"{some(wrong)}. Fetch index and shards of one revision"
        )
    return tensors


def _index(path: Path) -> dict[str, str]:
    """Name of the shard of each tensor."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} is no index of shards: {error}. Fetch it again") from error
    place = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(place, dict) or not place:
        raise WeightsError(f"{path} is no index of shards: it has no table `weight_map`. Fetch it again")
    # A shard is a name in the same folder: an index must not make us read files elsewhere.
    outside = [
        str(shard) for shard in place.values() if not isinstance(shard, str) or Path(shard).name != shard
    ]
    if outside:
        raise WeightsError(f"{path} names shards outside its folder: {some(outside)}")
    return place
