"""What is refused before anything is done, and what only costs some clips."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from liveact_eval.cards.load import load_dataset
from liveact_eval.datasets.preparing.local_videos import look_into
from liveact_eval.datasets.preparing.mirror import check_prefix
from liveact_eval.datasets.preparing.obtaining import Source
from liveact_eval.datasets.preparing.request import check_detector, default_workers
from liveact_eval.datasets.preparing.terms import settle_terms
from liveact_eval.datasets.preparing.wanted import wanted_clips
from liveact_eval.datasets.published.layout import PreparedFolder
from liveact_eval.errors import ClipError, UserError
from liveact_eval.networks.provider import Networks
from tests.unit.datasets.preparing.barcodes import source_clip

BODY = source_clip("body_0", crop=None, crop_rule="upper_body")
LISTED = source_clip()


def test_set_that_needs_a_detector_in_every_clip_is_refused(tmp_path: Path) -> None:
    nothing = Networks(root=tmp_path)
    with pytest.raises(UserError, match=r"every clip .*yunet"):
        check_detector(wanted_clips([BODY]), nothing)
    told = check_detector(wanted_clips([BODY, LISTED]), nothing)
    assert told is not None
    assert told.startswith("1 clips need a face detector")
    assert check_detector(wanted_clips([LISTED]), nothing) is None
    assert check_detector([], nothing) is None
    assert check_detector(wanted_clips([BODY]), Networks(mode="seeded")) is None


def test_one_worker_where_a_network_is_used() -> None:
    assert default_workers(Source(way="yt-dlp")) == default_workers(Source(way="mirror")) == 1
    assert 1 <= default_workers(Source(way="folder")) <= max(8, os.cpu_count() or 1)


@pytest.mark.parametrize(
    "prefix", ["", "files", "ftp://a.example/x", "https://", "https://[x", "https://a.example/?x=1"]
)
def test_what_is_no_address_is_refused(prefix: str) -> None:
    with pytest.raises(UserError, match="--source https://"):
        check_prefix(prefix)
    assert check_prefix("http://a.example/videos/") == "http://a.example/videos"


def test_local_names(tmp_path: Path) -> None:
    for name in (
        "talk.mp4",
        "-_dash_firs.webm",
        "A talk [Bracket-_12].mkv",
        ".talk.part.mp4",
        "talk.txt",
        "WDA_other.mp4",
    ):
        (tmp_path / "deep").mkdir(exist_ok=True)
        (tmp_path / "deep" / name).write_bytes(b"")
    local = look_into(tmp_path)
    assert local.find(source_clip()).name == "talk.mp4"
    assert local.find(source_clip(video_id="-_dash_firs", video_name="x")).name == "-_dash_firs.webm"
    assert local.find(source_clip(video_id="Bracket-_12", video_name="x")).name == "A talk [Bracket-_12].mkv"
    assert local.find(source_clip(video_name="other")).name == "WDA_other.mp4"
    with pytest.raises(ClipError, match=r"not_in_folder.*named talkIdtalkI or other or RD_other"):
        local.find(source_clip(video_name="other", subset="RD"))


def test_terms_are_shown_once_and_again_when_they_change(tmp_path: Path) -> None:
    card, _ = load_dataset("hdtf")
    folder = PreparedFolder(tmp_path / "hdtf")
    shown = settle_terms(card, "hdtf", folder, accepted=False)
    assert shown is not None
    assert "may not be passed on" in shown
    assert settle_terms(card, "hdtf", folder, accepted=False) is None
    changed = card.model_copy(update={"licence": "another"})
    assert "another" in str(settle_terms(changed, "hdtf", folder, accepted=False))
    (folder.path / "terms.json").write_text("{")
    assert settle_terms(card, "hdtf", folder, accepted=False) == shown


def test_celebvhq_must_be_accepted_once(tmp_path: Path) -> None:
    card, _ = load_dataset("celebvhq")
    folder = PreparedFolder(tmp_path / "celebvhq")
    for _ in range(2):
        with pytest.raises(UserError, match=r"datasets prepare my\.yaml --accept-terms"):
            settle_terms(card, "my.yaml", folder, accepted=False)
    assert not folder.path.exists()
    assert settle_terms(card, "my.yaml", folder, accepted=True) is not None
    assert settle_terms(card, "my.yaml", folder, accepted=False) is None
