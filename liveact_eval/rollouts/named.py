"""Forcing strategies by name. Importing this module loads no network code: names are needed before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from liveact_eval.liveact.dit import CausalDiT
    from liveact_eval.liveact.rollout import Rollout
    from liveact_eval.rollouts.neighbor import NeighborForcing, NeighborOptions


@dataclass(frozen=True, kw_only=True)
class NamedRollout:
    """A forcing strategy that can be asked for."""

    name: str
    """Name in model cards and results."""
    title: str
    """Name in tables."""
    summary: str
    """What a block sees of those before it."""
    extra_calls: int
    """Model calls per block besides one per denoising step, without guidance."""
    build: Callable[[CausalDiT, NeighborOptions], Rollout]
    """A rollout for one video."""


def _called(rollout: NeighborForcing, name: str) -> Rollout:
    rollout.name = name
    return rollout


def _neighbor(dit: CausalDiT, options: NeighborOptions) -> Rollout:
    from liveact_eval.rollouts.neighbor import NeighborForcing

    return NeighborForcing(dit, options)


def _self(dit: CausalDiT, options: NeighborOptions) -> Rollout:
    from liveact_eval.rollouts.clean_context import CleanContext

    return _called(CleanContext(dit, options), "self")


def _teacher(dit: CausalDiT, options: NeighborOptions) -> Rollout:
    from liveact_eval.rollouts.clean_context import CleanContext

    return _called(CleanContext(dit, options), "teacher")


def _diffusion(dit: CausalDiT, options: NeighborOptions) -> Rollout:
    from liveact_eval.rollouts.diffusion import DiffusionForcing

    return _called(DiffusionForcing(dit, options), "diffusion")


ROLLOUTS = {
    strategy.name: strategy
    for strategy in (
        NamedRollout(
            name="neighbor",
            title="Neighbor Forcing",
            summary="at each denoising step, what earlier blocks were at that same step",
            extra_calls=0,
            build=_neighbor,
        ),
        NamedRollout(
            name="self",
            title="Self Forcing",
            summary="finished blocks, for weights that have learnt from their own",
            extra_calls=1,
            build=_self,
        ),
        NamedRollout(
            name="teacher",
            title="Teacher Forcing",
            summary="finished blocks, for weights that have learnt from true ones",
            extra_calls=1,
            build=_teacher,
        ),
        NamedRollout(
            name="diffusion",
            title="Diffusion Forcing",
            summary="finished blocks under a little noise",
            extra_calls=1,
            build=_diffusion,
        ),
    )
}
"""All strategies by name."""
