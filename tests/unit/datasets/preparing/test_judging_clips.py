"""What makes a clip unfit: no face, or sound that does not belong to the mouth; unknown is not unfit."""

from __future__ import annotations

from pathlib import Path

import pytest

from liveact_eval.clips.image import load_image
from liveact_eval.datasets.preparing.judging import judge, refuse
from liveact_eval.datasets.preparing.local_videos import look_into
from liveact_eval.datasets.preparing.making import Workshop, make_clip
from liveact_eval.datasets.preparing.obtaining import Source
from liveact_eval.datasets.preparing.rows import Judgement
from liveact_eval.datasets.preparing.wanted import wanted_clips
from liveact_eval.errors import ClipError
from liveact_eval.networks.provider import Networks
from tests.unit.datasets.preparing.barcodes import source_clip
from tests.unit.datasets.preparing.conftest import RECIPE
from tests.unit.datasets.preparing.test_prepare_driver import workshop


class OnlyFaces(Networks):
    """The stand-in for YuNet alone: untrained weights say nothing about sound and mouth."""

    def missing(self, name: str) -> str | None:
        return None if name == "yunet" else f"no {name} here"


@pytest.mark.parametrize(
    ("judgement", "reason"),
    [
        (Judgement(), None),
        (Judgement(one_face_share=0.95, sync_offset_frames=-5.0, sync_confidence=1.5), None),
        (Judgement(one_face_share=0.94), "no_face"),
        (Judgement(one_face_share=1.0, sync_offset_frames=6.0, sync_confidence=5.0), "offset"),
        (Judgement(one_face_share=1.0, sync_offset_frames=0.0, sync_confidence=1.4), "no_sync"),
        (Judgement(one_face_share=1.0, sync_offset_frames=None, sync_confidence=5.0), "no_sync"),
    ],
)
def test_limits(judgement: Judgement, reason: str | None) -> None:
    if reason is None:
        refuse(judgement)
    else:
        with pytest.raises(ClipError, match=reason):
            refuse(judgement)


@pytest.fixture
def shop(tmp_path: Path, talk: Path) -> Workshop:
    return workshop(tmp_path, Source(way="folder", local=look_into(talk.parent)))


def make(shop: Workshop, talk: Path) -> Judgement:
    (one,) = wanted_clips([source_clip()])
    return make_clip(shop, one, {one.first.video_id: talk}).judgement


def with_networks(shop: Workshop, networks: Networks) -> Workshop:
    return Workshop(
        recipe=shop.recipe, folder=shop.folder, store=shop.store, source=shop.source, networks=networks
    )


def test_without_weights_nothing_is_refused_and_it_says_what_to_fetch(shop: Workshop, talk: Path) -> None:
    found = make(shop, talk)
    assert found.one_face_share is None
    assert len(found.unchecked) == 2
    assert "yunet" in found.unchecked[0]
    assert "syncnet" in found.unchecked[1]


def test_faces_are_counted_where_the_detector_is_here(shop: Workshop, talk: Path) -> None:
    found = make(with_networks(shop, OnlyFaces(mode="seeded")), talk)
    assert found.one_face_share == 1.0
    assert found.sync_confidence is None
    assert found.unchecked == ("sound and mouth: no syncnet here",)


def test_clip_without_a_face_is_refused_and_leaves_no_file(
    shop: Workshop, talk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from liveact_eval.networks.seeded_networks import CentralFace

    whole = CentralFace.forward

    def blind(self: CentralFace, pictures: object) -> object:
        return {name: maps * 0 for name, maps in whole(self, pictures).items()}  # type: ignore[arg-type]

    monkeypatch.setattr(CentralFace, "forward", blind)
    with pytest.raises(ClipError, match="no_face: one face in 0% of the frames, expected at least 95%"):
        make(with_networks(shop, OnlyFaces(mode="seeded")), talk)
    assert not [path for path in shop.folder.path.rglob("*") if path.is_file()]


@pytest.mark.slow
def test_sound_and_mouth_are_measured_where_all_networks_are_here(shop: Workshop, talk: Path) -> None:
    # Untrained weights: the numbers mean nothing, but there are some, and they decide.
    make(shop, talk)
    assert load_image(shop.folder.image("talk_0")).shape == (48, 48, 3)
    found = judge("talk_0", RECIPE, shop.folder, Networks(mode="seeded"))
    assert found.one_face_share == 1.0
    assert found.sync_confidence is not None or any("sync_c" in why for why in found.unchecked)
