"""Clips of a split that are not here: one sentence for all of them."""

from __future__ import annotations

from liveact_eval.cards.load import load_dataset
from liveact_eval.clips.clip import ClipEntry
from liveact_eval.datasets.absences import absence_of
from liveact_eval.datasets.prepared import PreparedDataset
from liveact_eval.datasets.published.splits import Split


def entry(number: int, absent: str | None) -> ClipEntry:
    return ClipEntry(id=f"c{number}", speaker="s", content_hash="0", absent=absent)


def test_many_absent_clips_are_counted_and_few_are_named() -> None:
    card = load_dataset("hdtf")[0]
    prepared = PreparedDataset(card, card.protocol, Split(name="hdtf-50@1", clips=()), ())
    reasons = ["not_prepared", "not_prepared", None, "removed", "not_prepared", "changed"]
    entries = [entry(number, reason) for number, reason in enumerate(reasons)]
    said = absence_of(prepared, entries, "hdtf")
    assert said is not None
    assert "\n" not in said
    counted, rest = said.split(": ", 1)
    assert counted.startswith("5 of 6 clips of 'hdtf' are not here and will have no number (")
    assert counted.endswith("(not_prepared 3, removed 1, changed 1)")
    assert rest.startswith(
        "c0, c1, c3 and 2 more. Prepare what can be had with: liveact-eval datasets prepare"
    )
    assert absence_of(prepared, entries[2:3], "hdtf") is None
    few = absence_of(prepared, entries[:3], "hdtf")
    assert few is not None
    assert ": c0, c1. Prepare" in few
