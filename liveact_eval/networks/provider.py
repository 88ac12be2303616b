"""Where metrics get their networks: from published weight files, or with weights from a rule."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from liveact_eval.errors import UserError
from liveact_eval.files import sha256_of
from liveact_eval.networks.catalogue import REINSTALL, Network, network, resolve
from liveact_eval.networks.precision import MARK, Precision, lower

if TYPE_CHECKING:
    from torch import nn

    from liveact_eval.networks.answering import Answerer
    from liveact_eval.weights.store import Found

Mode = Literal["files", "seeded"]
State = Literal["present", "missing", "not shipped", "wrong size", "no package", "no seeded weights"]
"""`not shipped`: weights that should have come with the package."""
_DIGITS = 8
NO_ANSWERER = (
    "no program answers questions about videos. Give its command, as docs/human-fidelity.md says, with: "
    "--set 'networks.answerer=[python, worker.py]'"
)


class BadWeightsError(UserError):
    """A weight file is there and cannot be used. It costs the metrics that need it, and no other."""


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
    answers_by: tuple[str, ...] = ()
    """Command of the program that answers questions about videos; empty: there is none."""
    answer_seconds: float = 600.0
    """How long it may take for a video."""
    precision: Precision = "float32"
    """What those networks compute in that may run in bfloat16; all others stay in float32."""
    _loaded: dict[str, nn.Module] = field(default_factory=dict, init=False, repr=False, compare=False)
    _measured: dict[Path, str] = field(default_factory=dict, init=False, repr=False, compare=False)
    _answerer: list[Answerer] = field(default_factory=list, init=False, repr=False, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        return {
            "mode": self.mode,
            "root": self.root,
            "device": self.device,
            "answers_by": self.answers_by,
            "answer_seconds": self.answer_seconds,
            "precision": self.precision,
            "_loaded": {},
            "_measured": {},
            "_answerer": [],
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def state(self, name: str) -> State:
        """Whether a network can be had (`present`), or what stands in the way. Files are not read.

        Raises:
            UserError: no network has that name; the nearest is named.
        """
        entry = network(name)
        if self.mode == "seeded":
            return "present" if entry.seeded else "no seeded weights"
        if entry.package and importlib.util.find_spec(entry.package) is None:
            return "no package"
        states = {file.state for file in self._files(entry)}
        if "wrong size" in states:
            return "wrong size"
        if "missing" in states:
            return "not shipped" if entry.shipped else "missing"
        return "present"

    def missing(self, name: str) -> str | None:
        """Why a network cannot be had, with the command that mends it; `None`: it can. Files are not read.

        Raises:
            UserError: no network has that name; the nearest is named.
        """
        entry, state = network(name), self.state(name)
        if state == "present":
            return None
        if state == "no seeded weights":
            return f"{entry.title} ({name}) has no seeded weights"
        if state == "no package":
            return (
                f"{entry.title} ({name}) needs the package {entry.package}, which is not installed. Install it with: "
                f"pip install {entry.package}"
            )
        lacking = [file for file in self._files(entry) if file.state in {"missing", "wrong size"}]
        listing = ", ".join(f"{Path(file.file).name} is {_state(file)}" for file in lacking)
        told = f"weights of {entry.title} ({name}): {listing}"
        if state == "missing":
            return f"{told}. Fetch them with: {self.fetch_command([name])}"
        return f"{told}. {self._cure(entry, 'what is wrong')}"

    def identity(self, name: str) -> str:
        """What a recipe says about the weights: `inception:seeded`, or the first digits of the files' SHA-256.

        Behind it stands `:bf16` where the network runs in bfloat16. The files are read once, to measure them, unless
        they were checked before and are as they were then.

        Raises:
            UserError: unknown name, or the network cannot be had, or a file is another one than the catalogue names.
        """
        paths = self._checked(name)
        mark = f":{MARK}" if self.in_bfloat16(name) else ""
        if self.mode == "seeded":
            return f"{name}:seeded{mark}"
        return f"{name}:{'+'.join(self._measured[path][:_DIGITS] for path in paths)}{mark}"

    def in_bfloat16(self, name: str) -> bool:
        """Whether a network computes in bfloat16 here.

        Raises:
            UserError: no network has that name; the nearest is named.
        """
        return network(name).float32_only is None and self.precision == "bfloat16"

    def get(self, name: str) -> nn.Module:
        """The network, in evaluation mode, without gradients, on the device.

        Raises:
            UserError: unknown name, or the network cannot be had, or a file is another one than the catalogue names.
            BadWeightsError: a file of which nobody has pinned the hash holds something else.
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
                    else self._load(entry, paths)
                )
                made = made.to(self.device).eval().requires_grad_(False)
                if self.in_bfloat16(name):
                    lower(made, self.device)
                self._loaded[name] = made
        return self._loaded[name]

    @property
    def answers_identity(self) -> str:
        """What a recipe says about who answers: digits of a hash of the command and of the files that it names."""
        if not self.answers_by:
            return "answerer:none"
        digest = hashlib.sha256("\0".join(self.answers_by).encode())
        for word in self.answers_by[1:]:
            if Path(word).is_file():
                # A worker that was changed answers otherwise.
                digest.update(sha256_of(Path(word)).encode())
        return f"answerer:{digest.hexdigest()[:_DIGITS]}"

    def answerer(self) -> Answerer:
        """The program that answers questions about videos; it is started by the first one.

        Raises:
            UserError: none was given.
        """
        if not self.answers_by:
            raise UserError(NO_ANSWERER)
        if not self._answerer:
            from liveact_eval.networks.answering import Answerer

            self._answerer.append(Answerer(self.answers_by, self.answer_seconds))
        return self._answerer[0]

    def _load(self, entry: Network, paths: list[Path]) -> nn.Module:
        """The network out of its files. What damaged files make a loader say has no common base."""
        load = resolve(entry.load)
        try:
            made: nn.Module = load(*paths)
        except (MemoryError, ImportError):
            raise
        except Exception as error:
            said = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
            files = " and ".join(repr(str(path)) for path in paths)
            raise BadWeightsError(
                f"The weights of {entry.title} ({entry.name}) cannot be used: {said.rstrip('. ')}. "
                f"{self._cure(entry, files)}"
            ) from error
        return made

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

        record = None if network(name).shipped else read_record(file.path)
        expected = file.entry.sha256
        if record is not None and same_hash(record.sha256, expected):
            return record.sha256
        sha256, _ = measure(file.path, lambda _: None)
        if not same_hash(sha256, expected):
            raise UserError(
                f"{str(file.path)!r} is not the file of the network {name!r}: SHA-256 {sha256}, expected {expected}. "
                f"{self._cure(network(name), 'it')}"
            )
        if not network(name).shipped:
            write_record(file.path, sha256, None)
        return sha256

    def _cure(self, entry: Network, wrong: str) -> str:
        """What to do about files that are not as they should be."""
        if entry.shipped:
            return REINSTALL
        return f"Move {wrong} away, then: {self.fetch_command([entry.name])}"

    def _files(self, entry: Network) -> list[Found]:
        from liveact_eval.weights.store import inventory

        return inventory(entry, self.root)

    def fetch_command(self, names: Iterable[str]) -> str:
        """The command that fetches the weights of networks."""
        where = "" if self.root is None else f" --dir {str(self.root)!r}"
        return f"liveact-eval metrics fetch {' '.join(names)}{where}"


def _state(file: Found) -> str:
    if file.state == "missing":
        return "not there"
    return f"of {file.bytes} bytes, expected {file.entry.bytes} ({str(file.path)!r})"
