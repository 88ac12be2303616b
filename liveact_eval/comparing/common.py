"""What several runs have in common: the clips that all share, under one protocol, or a refusal that says why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from liveact_eval.comparing.runs import Run
from liveact_eval.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Shared:
    """The clips of a comparison."""

    clips: tuple[str, ...]
    """Ids, in the order of the first run."""
    protocol_id: str
    """Id of the protocol over these clips; that of the runs where they have no other clips."""


def shared_clips(runs: Sequence[Run]) -> Shared:
    """The clips that all runs have, with the same content, measured under the same protocol.

    Protocol ids cover the list of clips. So two runs with different ids may be compared where only the lists differ,
    which their `run.json` tells; the comparison then has an id of its own.

    Raises:
        UserError: two protocols, two tiers, other clips behind the same ids, or no clip in common.
    """
    first = runs[0]
    for other in runs[1:]:
        differing = differences(first, other)
        if differing:
            raise UserError(
                f"{first.label} and {other.label} cannot stand in one table: {'; '.join(differing)}. Two protocols "
                "never share a column. Make both runs under the same one, or compare them apart."
            )
    sets = [set(_here(run)) for run in runs]
    clips = tuple(clip for clip in first.results.clips if all(clip in own for own in sets))
    if not clips:
        raise UserError(
            "The runs have no clip in common: "
            + "; ".join(f"{run.label} has {_some(run.results.clips)}" for run in runs)
            + ". Expected runs over the same dataset. Run them with the same --dataset and --limit."
        )
    return Shared(clips=clips, protocol_id=_identity(first, clips))


def differences(one: Run, other: Run) -> list[str]:
    """What keeps two runs from sharing a column, as phrases; empty where nothing does."""
    found = []
    if one.results.tier != other.results.tier:
        found.append(f"tier: {one.results.tier}, {other.results.tier}")
    if one.protocol is None or other.protocol is None:
        if one.results.protocol != other.results.protocol:
            lacking = one if one.protocol is None else other
            found.append(
                f"protocol: {one.results.protocol}, {other.results.protocol} (beside {lacking.label} there is no "
                "run.json that would tell whether only the lists of clips differ)"
            )
        return found
    fields, others = one.protocol.model_dump(mode="json"), other.protocol.model_dump(mode="json")
    found += [
        f"protocol.{name}: {fields[name]}, {others[name]}" for name in fields if fields[name] != others[name]
    ]
    own, theirs = one.content or {}, other.content or {}
    changed = [clip for clip in own if clip in theirs and own[clip] != theirs[clip]]
    if changed:
        found.append(f"content of {len(changed)} clips of the same name, {changed[0]} for one")
    return found


def _identity(run: Run, clips: Sequence[str]) -> str:
    if run.protocol is None or run.content is None or list(clips) == _here(run):
        return run.results.protocol
    return run.protocol.identify([(clip, run.content[clip]) for clip in clips])


def _here(run: Run) -> list[str]:
    """The clips of a run that its machine had."""
    clips = run.results.clips
    return clips if run.content is None else [clip for clip in clips if clip in run.content]


def _some(clips: Sequence[str]) -> str:
    shown = ", ".join(clips[:2])
    return f"{shown}, ... ({len(clips)} in all)" if len(clips) > 2 else shown or "none"
