"""What a dataset is: an ordered list of clips, and the protocol under which they are measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from liveact_eval.cards.dataset import DatasetCard
from liveact_eval.cards.protocol import Protocol as EvalProtocol
from liveact_eval.clips.clip import Clip, ClipEntry

Fingerprint = Callable[[Path], str]
"""SHA-256 (hex) of a file; may remember files that did not change."""


def hash_or_error(path: Path, fingerprint: Fingerprint) -> str:
    """The fingerprint of a file; one that cannot be read is a clip that fails, not a run that does not start."""
    try:
        return fingerprint(path)
    except OSError as error:
        return f"unreadable-{error.errno}"


@dataclass(frozen=True)
class OfCard:
    """Names that a dataset has from its card."""

    card: DatasetCard

    @property
    def name(self) -> str:
        """Name in results."""
        return self.card.name

    @property
    def title(self) -> str:
        """Name in tables."""
        return self.card.title

    @property
    def tier(self) -> Literal["mini", "paper"]:
        """As the card says."""
        return self.card.tier


class Dataset(Protocol):
    """A source of clips. It travels to worker processes, so it is small and can be pickled."""

    @property
    def name(self) -> str:
        """Name in results."""
        ...

    @property
    def title(self) -> str:
        """Name in tables."""
        ...

    @property
    def tier(self) -> Literal["mini", "paper"]:
        """`mini` numbers are labelled so everywhere."""
        ...

    @property
    def protocol(self) -> EvalProtocol:
        """Everything that changes a number."""
        ...

    @property
    def real(self) -> bool:
        """Whether its clips have real videos; if so, they are a row of every table."""
        ...

    def entries(self, fingerprint: Fingerprint) -> list[ClipEntry]:
        """All clips in their fixed order; cheap but for fingerprints."""
        ...

    def materialise(self, entry: ClipEntry) -> Clip:
        """Make a clip ready; idempotent, safe in several processes at once.

        Raises:
            ClipError: this clip cannot be had.
        """
        ...

    def estimate_bytes(self, clips: int, models: int) -> int:
        """Disk that so many clips and a made video of each by so many models will take, roughly."""
        ...
