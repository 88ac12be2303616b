"""A unit that makes a video: what is read from it and what it cost follow from the setup."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from liveact_eval.ablations.bench import Bench
from liveact_eval.ablations.editing import EditingStudy
from liveact_eval.ablations.study import Request, Setup, Unit, Variant
from liveact_eval.ablations.video_study import CURVES, MEASURES, VideoStudy
from liveact_eval.clips.video import Frame, VideoFile
from liveact_eval.datasets.open import CACHE_VARIABLE
from liveact_eval.files import sha256_of
from liveact_eval.liveact.prompts import Edit
from liveact_eval.metrics.base import Missing
from tests.unit.ablations.stand_in_study import request


class Everything(VideoStudy):
    """All measures of a video."""

    name = "everything"
    title = summary = source = "this test"
    measures = tuple(MEASURES.values())
    curves = tuple(CURVES.values())

    def variants(self, request: Request) -> tuple[Variant, ...]:
        return (
            Variant(name="official", title="Official"),
            Variant(name="sizes", title="Sizes", setup=Setup(memory="convkv-6-6", steps=1)),
        )


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    # Three whole blocks: the first of 21 frames, and two of 32.
    return Bench(replace(request(tmp_path / "out"), seconds=3.4))


def test_a_unit_is_read_by_the_measuring_engine(bench: Bench) -> None:
    study, clip = Everything(), bench.entries[0]
    official, sizes = study.variants(bench.request)
    assert study.identity(bench, official) != study.identity(bench, sizes)
    values, hashes = {}, []
    for variant in (official, sizes):
        reading = study.read(Unit(variant=variant, clip=clip, seed=0), bench)
        assert set(reading.values) == set(MEASURES)
        values[variant.name] = reading.values
        path = bench.request.out / "videos" / variant.name / f"{clip.id}-seed0.mp4"
        hashes.append(sha256_of(path))
        with VideoFile(path) as video:
            assert video.info.has_sound
    assert hashes[0] != hashes[1]
    held = [values[name]["kv_mib"] for name in ("official", "sizes")]
    assert isinstance(held[0], float) and isinstance(held[1], float)
    # 14 slots at three steps against 12 slots at one.
    assert held[0] / held[1] == pytest.approx(14 * 3 / 12)
    assert (values["official"]["lookahead_ms"], values["sizes"]["lookahead_ms"]) == (1360.0, 1040.0)
    for name in ("mouth_correlation", "sharpness", "colour_drift", "background_change", "cost_ms"):
        assert isinstance(values["official"][name], float)
    identity = values["official"]["identity"]
    assert isinstance(identity, float) or (isinstance(identity, Missing) and identity.reason == "no_reader")


def test_an_edit_changes_the_video_from_its_block_on(bench: Bench) -> None:
    clip = replace(bench.clip(bench.entries[0]), size=(32, 32))
    frames = []
    for edits in ((), (Edit(2, None, "x"),)):
        made = bench.video(Setup(steps=1), clip, 0, name=f"edits-{len(edits)}", edits=edits)
        with VideoFile(made.path) as video:
            frames.append(np.stack([item.rgb for item in video.read(sound=False) if isinstance(item, Frame)]))
    away = np.abs(frames[0].astype(int) - frames[1]).max(axis=(1, 2, 3))
    assert away[:40].max() <= 8 < away[56:].max()


def test_clips_of_the_editing_study_are_plain(bench: Bench) -> None:
    plain = Bench(bench.request, neutral=EditingStudy.neutral)
    assert len(plain.entries) == bench.request.clips
    assert {(spec.emotion, spec.action) for spec in plain.specs.values()} == {("neutral", "none")}
    assert len({entry.speaker for entry in plain.entries}) == bench.request.clips
