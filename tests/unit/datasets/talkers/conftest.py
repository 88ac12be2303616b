"""Clips that several tests look at, rendered once."""

from __future__ import annotations

import pytest

from liveact_eval.datasets.talkers import Talker, TalkerSpec, draw_specs, render


@pytest.fixture(scope="session")
def clips() -> list[tuple[TalkerSpec, Talker]]:
    """Eight speakers with different emotions and actions, 5 s each, 64 x 64."""
    return [(spec, render(spec)) for spec in draw_specs("test", 8, speakers=8)]


@pytest.fixture(scope="session")
def large_clips() -> list[tuple[TalkerSpec, Talker]]:
    """Four speakers at 128 x 128."""
    return [(spec, render(spec)) for spec in draw_specs("train", 4, speakers=4, size=128)]
