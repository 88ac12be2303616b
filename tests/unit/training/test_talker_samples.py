import numpy as np
import pytest
import torch

from liveact_eval.datasets.talkers import ACTIONS, EMOTIONS, TalkerSpec, render
from liveact_eval.datasets.talkers.stream import render_window
from liveact_eval.training.recipe import DataConfig
from liveact_eval.training.talker_samples import PROMPT_BYTES, TalkerSamples, batches

SPEC = TalkerSpec(split="train", speaker=3, utterance=1, emotion="happy", action="wave", size=32, seconds=7.0)


@pytest.mark.parametrize("window", [range(0, 4), range(60, 66), range(121, 130), range(170, 175)])
def test_a_window_is_a_cut_of_the_whole_clip(window: range) -> None:
    whole, part = render(SPEC), render_window(SPEC, window)
    kept = slice(window.start, window.stop)
    np.testing.assert_array_equal(part.frames, whole.frames[kept])
    np.testing.assert_array_equal(part.samples, whole.samples[window.start * 640 : window.stop * 640])
    np.testing.assert_array_equal(part.truth.mouth_opening, whole.truth.mouth_opening[kept])
    np.testing.assert_array_equal(part.truth.landmarks, whole.truth.landmarks[kept])
    begin, end = window.start / 25, window.stop / 25
    heard = (whole.truth.segment_ends > begin) & (whole.truth.segment_starts < end)
    np.testing.assert_array_equal(part.truth.segment_starts, whole.truth.segment_starts[heard])


def test_what_is_not_asked_for_is_not_made() -> None:
    silent = render_window(SPEC, range(3, 8), sound=False)
    blind = render_window(SPEC, range(3, 8), pictures=False)
    assert silent.samples.shape == (0,) and silent.frames.shape == (5, 32, 32, 3)
    assert blind.frames.shape == (0, 32, 32, 3) and blind.samples.shape == (5 * 640,)
    np.testing.assert_array_equal(silent.truth.mouth_opening, blind.truth.mouth_opening)


@pytest.mark.parametrize("window", [range(0, 0), range(170, 176), range(-1, 3), range(0, 8, 2)])
def test_a_window_outside_the_clip_is_refused(window: range) -> None:
    with pytest.raises(ValueError, match="which has 175"):
        render_window(SPEC, window)


def test_a_sample_depends_on_its_number_and_the_seed_alone() -> None:
    config = DataConfig(frames=5, size=32, sound=True)
    once, again = TalkerSamples(config, 8)[5], TalkerSamples(config, 99)[5]
    other = TalkerSamples(config.model_copy(update={"seed": 1}), 8)[5]
    assert all(once[name].equal(again[name]) for name in once)
    assert not once["samples"].equal(other["samples"])
    assert once["samples"].shape == (5 * 640,) and once["mouth"].shape == (5, 3)
    words = bytes(once["prompt"].tolist()).rstrip(b"\0").decode()
    assert words.startswith("A person with ") and len(once["prompt"]) == PROMPT_BYTES


def test_batches_go_on_where_they_stopped_and_are_shared_among_ranks() -> None:
    config = DataConfig(frames=2, size=32, workers=0)
    whole = list(batches(config, batch=2, steps=range(3)))
    rest = list(batches(config, batch=2, steps=range(2, 3)))
    assert whole[2]["frames"].equal(rest[0]["frames"])
    ranks = [next(iter(batches(config, batch=2, steps=range(3), rank=r, ranks=2))) for r in range(2)]
    assert torch.cat([part["frames"] for part in ranks]).equal(whole[0]["frames"])


def test_training_never_shows_a_test_speaker() -> None:
    samples = TalkerSamples(DataConfig(frames=2, size=32), 50)
    assert {samples.place(index).spec.split for index in range(50)} == {"train"}
    assert len({samples.place(index).spec.speaker for index in range(50)}) > 40


def test_views_of_a_sample_show_one_speaker_at_different_moments() -> None:
    one, two = (TalkerSamples(DataConfig(frames=2, size=32, views=views), 30) for views in (1, 2))
    for index in range(10):
        first, second = (place.spec for place in two.places(index))
        assert first.speaker == second.speaker and (first.utterance, first.emotion) != (
            second.utterance,
            second.emotion,
        )
        assert two.place(index) == one.place(index)
    alone, both = one[3], two[3]
    assert both["frames"].shape == (4, 32, 32, 3) and both["mouth"].shape == (4, 3)
    assert both["frames"][:2].equal(alone["frames"]) and not both["frames"][2:].equal(alone["frames"])
    assert both["speaker"] == two.place(3).spec.speaker and both["prompt"].equal(alone["prompt"])


def test_a_sample_says_what_its_clip_is() -> None:
    samples = TalkerSamples(DataConfig(frames=3, size=32), 5, split="test")
    sample, place = samples[4], samples.place(4)
    assert place.spec.split == "test"
    truth = render_window(place.spec, range(place.first, place.first + 3)).truth
    assert [EMOTIONS[index] for index in sample["emotion"]] == [place.spec.emotion] * 3
    assert [ACTIONS[index] for index in sample["action"]] == [place.spec.action] * 3
    np.testing.assert_allclose(sample["pose"], truth.pose, rtol=1e-6)
    np.testing.assert_allclose(sample["face_box"], truth.face_box, rtol=1e-6)
    np.testing.assert_allclose(sample["blink"], truth.blink, rtol=1e-6)
