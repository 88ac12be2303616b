"""Clips of a split that are not here, said once before a run instead of once per clip in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from liveact_eval.clips.clip import ClipEntry, printable
from liveact_eval.datasets.base import Dataset
from liveact_eval.datasets.prepared import PreparedDataset
from liveact_eval.datasets.published.commands import prepare_command

_NAMED = 3


def absence_of(dataset: Dataset, entries: Sequence[ClipEntry], given: str) -> str | None:
    """What to say of the clips of a prepared split that cannot be used; `None` where all are here.

    Args:
        dataset: where the clips are from.
        entries: the clips of the run.
        given: name or path of the dataset's card as the user wrote it.
    """
    absent = [entry for entry in entries if entry.absent is not None]
    if not absent or not isinstance(dataset, PreparedDataset):
        return None
    reasons = Counter(entry.absent for entry in absent)
    counts = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())
    names = ", ".join(printable(entry.id) for entry in absent[:_NAMED])
    more = len(absent) - _NAMED
    rest = f" and {more} more" if more > 0 else ""
    return (
        f"{len(absent)} of {len(entries)} clips of {dataset.name!r} are not here and will have no number ({counts}): "
        f"{names}{rest}. Prepare what can be had with: {prepare_command(dataset.card, given)}"
    )
