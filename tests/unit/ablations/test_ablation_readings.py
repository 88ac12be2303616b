"""What is read from frames says what drawn clips are known to show, and what is not there is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from liveact_eval.ablations import readings
from liveact_eval.ablations.bench import TimedBlock
from liveact_eval.ablations.drawn_state import drawn_state
from liveact_eval.ablations.editing import (
    EditingStudy,
    Parts,
    drawn_change,
    edited,
    edited_blocks,
    parts_of,
)
from liveact_eval.ablations.expression_reader import TARGETS, drawn_targets, fit_reader
from liveact_eval.ablations.readings import BackgroundChange, MouthColour, identity_reader, mouth_reader
from liveact_eval.ablations.study import Curve
from liveact_eval.ablations.video_study import binned, costs
from liveact_eval.clips.clip import Clip
from liveact_eval.datasets.talkers import TalkerSpec
from liveact_eval.datasets.talkers.stream import render_window
from liveact_eval.liveact.clock import BlockTimings
from liveact_eval.measure.engine import Job, measure
from liveact_eval.metrics.base import Missing
from liveact_eval.networks.provider import Networks
from tests.unit.ablations.stand_in_study import request

SPEC = TalkerSpec(split="test", speaker=2, utterance=0)


def scores(clip: Clip, video: Path) -> dict[str, float | Missing]:
    """Both readers on a video of a clip, with nothing known about its face."""
    measured = measure(Job(clip=clip, video=video, metrics=[MouthColour(), BackgroundChange()]))
    return {name: value for score in measured.scores.values() for name, value in score.values.items()}


def test_the_mouth_of_the_real_clip_follows_its_script_and_no_other(talkers: list[Clip]) -> None:
    own, other = talkers
    assert own.video is not None and other.video is not None
    real = scores(own, own.video)
    assert isinstance(real["mouth_colour_correlation"], float)
    assert real["mouth_colour_correlation"] > 0.85
    wrong = scores(replace(own, truth=other.truth), own.video)
    assert isinstance(wrong["mouth_colour_correlation"], float)
    assert wrong["mouth_colour_correlation"] < 0.5


def test_the_background_of_the_real_clip_stays_and_that_of_another_does_not(talkers: list[Clip]) -> None:
    own, other = talkers
    assert own.video is not None and other.video is not None
    still, changed = scores(own, own.video), scores(own, other.video)
    for name in ("background_change", "background_change_last"):
        a, b = still[name], changed[name]
        assert isinstance(a, float) and isinstance(b, float)
        assert a < 2.5 < 10 < b


def test_without_the_small_networks_colour_reads_the_mouth_and_nothing_the_face(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(readings, "shipped", dict)
    networks = Networks()
    assert isinstance(mouth_reader(networks).metric, MouthColour)
    identity = identity_reader(networks)
    assert (identity.metric, identity.recipe) == (None, "none")
    assert "mini_csim is not part of this version" in identity.why


def test_with_them_they_read(monkeypatch: pytest.MonkeyPatch) -> None:
    class Net(MouthColour):
        name, recipe = "mini_mouth", "mini-mouth@1"

    class Face(MouthColour):
        name, networks = "mini_csim", ("yunet",)

    monkeypatch.setattr(readings, "shipped", lambda: {"mini_mouth": Net(), "mini_csim": Face()})
    reader = mouth_reader(Networks())
    assert reader.recipe == "mini-mouth@1"
    assert reader.outputs == {"mouth_correlation": "mini_mouth_correlation"}
    # What stands in the way of a metric is said in its own words.
    missing = SimpleNamespace(missing=lambda name: f"{name} is not fetched")
    assert identity_reader(missing).why == "yunet is not fetched"  # type: ignore[arg-type]


def test_the_state_is_that_of_the_drawing() -> None:
    for window in (range(0, 40), range(130, 150)):
        spec = replace(SPEC, seconds=10.0, emotion="sad", action="nod")
        truth = render_window(spec, window, pictures=False, sound=False).truth
        state = drawn_state(spec, window)
        np.testing.assert_allclose(state["blink"], truth.blink, atol=1e-12)
        np.testing.assert_allclose(state["roll"], np.deg2rad(truth.pose[:, 2]), atol=1e-12)
        np.testing.assert_allclose(state["mouth_opening"], truth.mouth_opening, atol=1e-12)
    with pytest.raises(ValueError, match="one block"):
        drawn_state(SPEC, range(120, 130))


@pytest.mark.slow
def test_the_reader_reads_clips_that_it_has_not_seen() -> None:
    speaker = replace(SPEC, speaker=0)
    reader = fit_reader(speaker, utterances=6)
    readable = reader.r2 > 0.5
    assert readable[TARGETS.index("hand")] and readable.sum() >= 3
    window = range(40, 60)
    plain, waving = (replace(speaker, utterance=3, action=action) for action in ("none", "wave"))
    read = [
        reader.read(render_window(spec, window, sound=False).frames).mean(axis=0) for spec in (plain, waving)
    ]
    known = [drawn_targets(spec, window).mean(axis=0) for spec in (plain, waving)]
    change, drawn = (read[1] - read[0])[readable], (known[1] - known[0])[readable]
    assert np.abs(change - drawn).max() < 0.3 < np.abs(drawn).max()


def test_parts_of_an_edit() -> None:
    blocks = edited_blocks(375)
    assert blocks == range(4, 8)
    starts = [0, *range(21, 375, 32)]
    assert parts_of(blocks, starts) == Parts(range(21, 117), range(149, 245))


def test_drawn_edits_move_what_the_findings_say() -> None:
    for finding in EditingStudy.findings[:6]:
        target = finding.measure.removesuffix("_change")
        moved = drawn_change(SPEC, finding.variant)[TARGETS.index(target)]
        assert abs(moved) > 0.5
        assert (moved > 0) == (finding.relation == ">")
    with pytest.raises(ValueError, match="no emotion and no action"):
        edited(SPEC, "dance")


def test_edits_behind_the_end_of_what_is_read_are_not_run(tmp_path: Path) -> None:
    study = EditingStudy()
    asked = replace(request(tmp_path), seconds=12.0)
    lacking = study.unavailable(asked)
    assert set(lacking) == {"happy", "sad", "angry", "surprised", "wave"}
    assert "liveact-tiny reads 63 bytes" in lacking["sad"]
    assert study.unavailable(replace(asked, model="liveact-mini")) == {}


def test_bins_leave_a_short_rest_out() -> None:
    values = np.array([1.0] * 10 + [2.0, np.nan] * 5 + [9.0] * 4)
    assert binned(values, 10.0, 1.0) == Curve(x=[0.5, 1.5], y=[1.0, 2.0])
    assert binned(np.full(3, np.nan), 10.0, 1.0) == Curve(x=[0.15], y=[None])


def test_costs_are_those_of_blocks_that_do_the_same_work() -> None:
    def block(first: int, frames: int, dit_s: float) -> TimedBlock:
        timings = BlockTimings(condition_s=0.0, dit_s=dit_s, vae_s=0.16, host_s=0.0)
        return TimedBlock(first_frame=first, frames=frames, timings=timings)

    blocks = [
        block(0, 21, 9.0),
        block(21, 32, 9.0),
        block(53, 32, 0.16),
        block(85, 32, 0.16),
        block(117, 8, 9.0),
    ]
    found = costs(blocks, 2**21, 34)
    assert found == {
        "kv_mib": 2.0,
        "lookahead_ms": 1360.0,
        "cost_ms": pytest.approx(10.0),
        "dit_ms": pytest.approx(5.0),
        "fps": pytest.approx(100.0),
        "latency_ms": pytest.approx(1680.0),
    }
    assert isinstance(costs(blocks[:2], 0, 34)["cost_ms"], Missing)
