"""Where metrics get their networks: from published weight files, or with weights from a rule."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from liveact_eval.errors import UserError
from liveact_eval.networks.catalogue import Network, network, resolve

if TYPE_CHECKING:
    from torch import nn

    from liveact_eval.weights.store import Found

Mode = Literal["files", "seeded"]
_DIGITS = 8


@dataclass(frozen=True)
class Networks:
    """Networks by their name in the catalogue, each loaded once.

    It can be sent to another process: what is loaded stays behind and is loaded there again.
    """

    mode: Mode = "files"
    """`files`: published weights; `seeded`: weights from a rule, which mean nothing as scores."""
    root: Path | None = None
    """Folder of weight files; the default is `weights_root()`."""
    device: str = "cpu"
    """Where the networks run: cpu, cuda or cuda:N."""
    _loaded: dict[str, nn.Module] = field(default_factory=dict, init=False, repr=False, compare=False)
    _measured: dict[Path, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        return {"mode": self.mode, "root": self.root, "device": self.device, "_loaded": {}, "_measured": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def missing(self, name: str) -> str | None:
        """Why a network cannot be had, with the command that mends it; `None`: it can. Files are not read.

        Raises:
            UserError: no network has that name; the nearest is named.
        """
        entry = network(name)
        if self.mode == "seeded":
            return None if entry.seeded else f"{entry.title} ({name}) has no seeded weights"
        if entry.package and importlib.util.find_spec(entry.package) is None:
            return (
                f"{entry.title} ({name}) needs the package {entry.package}, which is not installed. Install it with: "
                f"pip install {entry.package}"
            )
        lacking = [file for file in self._files(entry) if file.state in {"missing", "wrong size"}]
        if not lacking:
            return None
        listing = ", ".join(f"{Path(file.file).name} is {_state(file)}" for file in lacking)
        return f"weights of {entry.title} ({name}): {listing}. Fetch them with: {self._command(name)}"

    def identity(self, name: str) -> str:
        """What a recipe says about the weights: `inception:seeded`, or the first digits of the files' SHA-256.

        The files are read once, to measure them, unless they were checked before and are as they were then.

        Raises:
            UserError: unknown name, or the network cannot be had, or a file is another one than the catalogue names.
        """
        paths = self._checked(name)
        if self.mode == "seeded":
            return f"{name}:seeded"
        return f"{name}:{'+'.join(self._measured[path][:_DIGITS] for path in paths)}"

    def get(self, name: str) -> nn.Module:
        """The network, in evaluation mode, without gradients, on the device.

        Raises:
            UserError: unknown name, or the network cannot be had, or a file is another one than the catalogue names.
        """
        if name not in self._loaded:
            import torch

            entry = network(name)
            paths = self._checked(name)
            # Made where results may be kept: tensors made in inference mode can never leave it.
            with torch.inference_mode(mode=False):
                made: nn.Module = (
                    resolve(entry.seeded)()
                    if self.mode == "seeded" and entry.seeded
                    else resolve(entry.load)(*paths)
                )
                self._loaded[name] = made.to(self.device).eval().requires_grad_(False)
        return self._loaded[name]

    def _checked(self, name: str) -> list[Path]:
        """The network's files, each measured and found to be the right one; none for seeded weights."""
        why = self.missing(name)
        if why is not None:
            raise UserError(why)
        if self.mode == "seeded":
            return []
        files = self._files(network(name))
        for file in files:
            if file.path not in self._measured:
                self._measured[file.path] = self._measure(name, file)
        return [file.path for file in files]

    def _measure(self, name: str, file: Found) -> str:
        from liveact_eval.weights.records import measure, read_record, same_hash, write_record

        record = read_record(file.path)
        expected = file.entry.sha256
        if record is not None and same_hash(record.sha256, expected):
            return record.sha256
        sha256, _ = measure(file.path, lambda _: None)
        if not same_hash(sha256, expected):
            raise UserError(
                f"{str(file.path)!r} is not the file of the network {name!r}: SHA-256 {sha256}, expected {expected}. "
                f"Move it away, then: {self._command(name)}"
            )
        write_record(file.path, sha256, None)
        return sha256

    def _files(self, entry: Network) -> list[Found]:
        from liveact_eval.weights.store import inventory

        return inventory(entry, self.root)

    def _command(self, name: str) -> str:
        where = "" if self.root is None else f" --dir {str(self.root)!r}"
        return f"liveact-eval metrics fetch {name}{where}"


def _state(file: Found) -> str:
    if file.state == "missing":
        return "not there"
    return f"of {file.bytes} bytes, expected {file.entry.bytes}"
