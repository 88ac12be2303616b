"""Clips that several tests look at or listen to, rendered once; pictures and sound each take their time."""

from __future__ import annotations

import pytest

from liveact_eval.datasets.talkers import Block, TalkerSpec, draw_specs
from liveact_eval.datasets.talkers.stream import render_window

SPECS = draw_specs("test", 8, speakers=8)
"""Eight speakers with different emotions and actions, 5 s each, 64 x 64."""


@pytest.fixture(scope="session")
def clips() -> list[tuple[TalkerSpec, Block]]:
    """The eight without their sound."""
    return [(spec, render_window(spec, range(spec.frames), sound=False)) for spec in SPECS]


@pytest.fixture(scope="session")
def voices() -> list[tuple[TalkerSpec, Block]]:
    """The eight without their pictures."""
    return [(spec, render_window(spec, range(spec.frames), pictures=False)) for spec in SPECS]


@pytest.fixture(scope="session")
def large_clips() -> list[tuple[TalkerSpec, Block]]:
    """Four speakers at 128 x 128, 2 s each, without their sound."""
    specs = draw_specs("train", 4, speakers=4, size=128, seconds=2.0)
    return [(spec, render_window(spec, range(spec.frames), sound=False)) for spec in specs]
