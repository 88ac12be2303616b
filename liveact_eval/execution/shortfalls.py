"""What no clip of a run can have, said before it starts: weights that are not there, real videos, an answerer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from liveact_eval.datasets.drawn import DrawnDataset
from liveact_eval.execution.entrants import REAL, Entrant
from liveact_eval.execution.plan import Plan
from liveact_eval.measure.face_finding import DETECTOR
from liveact_eval.measure.unmet import NO_REFERENCE, NO_TRUTH, OTHER_WORDS
from liveact_eval.metrics.base import Metric
from liveact_eval.metrics.composite import CompositeMetric
from liveact_eval.metrics.registry import parts_of
from liveact_eval.networks.catalogue import REINSTALL, network
from liveact_eval.networks.provider import NO_ANSWERER, Networks, State

_NAMED = 4
_HEADINGS: dict[State, str] = {
    "missing": "weights missing",
    "not shipped": "weights missing from the package",
    "wrong size": "weights of a wrong size",
    "no package": "packages missing",
    "no seeded weights": "no seeded weights",
}


@dataclass(frozen=True, kw_only=True)
class Shortfall:
    """Metrics that will have no number, and what they have in common."""

    reason: str
    """The code that stands beside their numbers: `no_weights`, `no_reference`, ..."""
    metrics: tuple[str, ...]
    """Their names."""
    networks: tuple[str, ...] = ()
    """The networks that cannot be had, where that is the reason."""
    models: tuple[str, ...] = ()
    """Whose videos it is about; empty: all."""
    heading: str
    """What it is, in a few words."""
    detail: str
    """What is so, or how to mend it."""

    @property
    def text(self) -> str:
        """All but the heading: `amt_s (motion_smoothness will be missing: no_weights). Fetch them with: ...`"""
        whose = f" for {', '.join(self.models)}" if self.models else ""
        told = f"{_listing(self.metrics)} will be missing{whose}: {self.reason}"
        return (
            f"{', '.join(self.networks)} ({told}). {self.detail}"
            if self.networks
            else f"{told}. {self.detail}"
        )


def shortfalls(plan: Plan) -> list[Shortfall]:
    """What will be missing in each clip of a plan. Files of weights are looked for, and not read.

    A metric that lacks several things is named once, with the reason that its clips will have.
    """
    found: list[Shortfall] = []
    left: list[Metric] = []
    for metric in plan.measured:
        unmendable = _unmendable(plan, metric)
        if unmendable is None:
            left.append(metric)
        else:
            found.append(unmendable)
    merged = [*_merged(found), *_weights(plan, left)]
    told = {name for shortfall in merged if not shortfall.models for name in shortfall.metrics}
    unanswered = tuple(metric.name for metric in left if metric.answers and not plan.networks.answers_by)
    if unanswered:
        told |= set(unanswered)
        merged.append(
            Shortfall(
                reason="no_answerer",
                metrics=unanswered,
                heading="answerer missing",
                detail=_said(NO_ANSWERER),
            )
        )
    composites = tuple(_without_parts(plan, told))
    if composites:
        merged.append(
            Shortfall(
                reason="part_missing",
                metrics=composites,
                heading="parts missing",
                detail="They are made of metrics named here.",
            )
        )
    return merged


def _unmendable(plan: Plan, metric: Metric) -> Shortfall | None:
    """What no download mends, in the order in which a clip is asked."""
    no_real = all(entrant.name != REAL for entrant in plan.entrants)
    if no_real and (metric.needs_real or metric.portrait):
        cure = " Give the real clips with: --reference FOLDER"
        detail = f"{_said(NO_REFERENCE)}{cure if plan.config.score is not None else ''}"
        return Shortfall(
            reason="no_reference", metrics=(metric.name,), heading="reference missing", detail=detail
        )
    if plan.protocol.driving_audio == "permuted" and metric.paired:
        return Shortfall(
            reason="no_reference",
            metrics=(metric.name,),
            heading="reference missing",
            detail=_said(OTHER_WORDS),
        )
    rate, wanted = plan.protocol.rate, metric.only_fps
    if wanted is not None and rate is not None and abs(float(rate) / wanted - 1) > 1e-4:
        cure = f"Measure at {wanted:g} with: --set protocol.fps={wanted:g}"
        detail = f"The protocol has {float(rate):g} frames per second. {cure}"
        return Shortfall(reason="wrong_rate", metrics=(metric.name,), heading="wrong rate", detail=detail)
    if metric.truth and not isinstance(plan.dataset, DrawnDataset):
        return Shortfall(
            reason="no_truth", metrics=(metric.name,), heading="truth missing", detail=_said(NO_TRUTH)
        )
    return None


def _merged(found: Sequence[Shortfall]) -> Iterator[Shortfall]:
    """One of each kind."""
    for key in dict.fromkeys((one.reason, one.heading, one.detail) for one in found):
        names = tuple(
            name for one in found if (one.reason, one.heading, one.detail) == key for name in one.metrics
        )
        reason, heading, detail = key
        yield Shortfall(reason=reason, metrics=names, heading=heading, detail=detail)


def _weights(plan: Plan, metrics: Sequence[Metric]) -> Iterator[Shortfall]:
    """Networks that cannot be had, by what stands in the way; the detector by itself where some models need none."""
    searched = [entrant.name for entrant in plan.entrants if _searches(plan, entrant)]
    everywhere = len(searched) == len(plan.entrants)
    wanted = {
        metric.name: [*metric.networks, *([DETECTOR] if metric.face and everywhere else [])]
        for metric in metrics
    }
    yield from _lacking(plan.networks, wanted, ())
    if searched and not everywhere:
        faces = {metric.name: [DETECTOR] for metric in metrics if metric.face}
        yield from _lacking(plan.networks, faces, tuple(searched))


def _searches(plan: Plan, entrant: Entrant) -> bool:
    """Whether faces are to be found in its videos: those of drawn clips and their controls are known."""
    return not (isinstance(plan.dataset, DrawnDataset) and entrant.kind == "control")


def _lacking(
    networks: Networks, wanted: dict[str, list[str]], models: tuple[str, ...]
) -> Iterator[Shortfall]:
    names = dict.fromkeys(name for some in wanted.values() for name in some)
    states = {name: networks.state(name) for name in names}
    for state, heading in _HEADINGS.items():
        short = tuple(name for name in names if states[name] == state)
        if short:
            yield Shortfall(
                reason="no_weights",
                metrics=tuple(metric for metric, some in wanted.items() if set(some) & set(short)),
                networks=short,
                models=models,
                heading=heading,
                detail=_cure(networks, state, short),
            )


def _cure(networks: Networks, state: State, names: Sequence[str]) -> str:
    if state == "no package":
        packages = dict.fromkeys(package for name in names if (package := network(name).package) is not None)
        return f"Install what they need with: pip install {' '.join(packages)}"
    if state == "no seeded weights":
        return "Leave --set networks.mode=seeded out to use published weights"
    if state == "not shipped":
        return REINSTALL
    if state == "wrong size":
        return "; ".join(why for name in names if (why := networks.missing(name)) is not None)
    return f"Fetch them with: {networks.fetch_command(names)}"


def _without_parts(plan: Plan, told: set[str]) -> Iterator[str]:
    """Composites that are made of metrics that will be missing."""
    known = {metric.name: metric for metric in plan.metrics}
    for metric in plan.metrics:
        if isinstance(metric, CompositeMetric) and told & {part.name for part in parts_of(metric, known)}:
            yield metric.name


def _listing(names: Iterable[str]) -> str:
    """The first few of many names."""
    listed = list(names)
    more = len(listed) - _NAMED
    return ", ".join(listed) if more <= 1 else f"{', '.join(listed[:_NAMED])} and {more} more"


def _said(text: str) -> str:
    """A reason as a sentence."""
    return f"{text[0].upper()}{text[1:]}" + ("" if text.endswith(("]'", ".")) else ".")
