"""A whole preparation: the right state for every kind of video, nothing done twice, nothing stopped by one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from liveact_eval.datasets.preparing.driver import Preparation
from liveact_eval.datasets.preparing.local_videos import look_into
from liveact_eval.datasets.preparing.making import Workshop
from liveact_eval.datasets.preparing.manifest import read_manifest
from liveact_eval.datasets.preparing.obtaining import Patience, Source
from liveact_eval.datasets.preparing.rows import ClipRow
from liveact_eval.datasets.preparing.wanted import wanted_clips
from liveact_eval.datasets.preparing.ytdlp import find_programs
from liveact_eval.datasets.published.layout import PreparedFolder
from liveact_eval.datasets.published.source_clip import PixelBox, SourceClip
from liveact_eval.networks.provider import Networks
from tests.helpers import rotate_header
from tests.unit.datasets.preparing.barcodes import make_video, source_clip
from tests.unit.datasets.preparing.conftest import RECIPE, Heard, Site

AT_ONCE = Patience(tries=2, first_wait_s=0, pause_s=0)


def clip_of(name: str, **fields: Any) -> SourceClip:
    """The clip `<name>_0` of the video `<name>`, whose id is made of eleven letters."""
    video = (name + "_" * 11)[:11]
    given = {"video_id": video, "video_name": name, "url": f"https://www.youtube.com/watch?v={video}"}
    return source_clip(f"{name}_0", **(given | fields))


def workshop(root: Path, source: Source) -> Workshop:
    return Workshop(
        recipe=RECIPE,
        folder=PreparedFolder(root / "hdtf"),
        store=root / "videos",
        source=source,
        networks=Networks(root=root / "no weights"),
    )


def prepare(
    shop: Workshop,
    clips: Sequence[SourceClip],
    heard: Heard | None = None,
    *,
    workers: int = 1,
    retry: bool = False,
) -> dict[str, ClipRow]:
    run = Preparation(shop=shop, wanted=wanted_clips(clips), retry_failed=retry, listener=heard or Heard())
    rows = run.run(workers)
    assert read_manifest(shop.folder.manifest, "prepare") == {row.clip_id: row for row in rows}
    return {row.clip_id: row for row in rows}


def states(rows: dict[str, ClipRow]) -> dict[str, tuple[str, str | None]]:
    return {clip.removesuffix("_0"): (row.status, row.reason) for clip, row in rows.items()}


def from_site() -> Source:
    return Source(way="yt-dlp", programs=find_programs(), patience=AT_ONCE)


def from_folder(folder: Path) -> Source:
    return Source(way="folder", local=look_into(folder))


def test_every_kind_of_local_video_ends_in_its_state(tmp_path: Path, talk: Path, heard: Heard) -> None:
    videos = tmp_path / "mine"
    videos.mkdir()
    (videos / "byName.mp4").write_bytes(talk.read_bytes())
    (videos / f"{clip_of('byId').video_id}.mp4").write_bytes(talk.read_bytes())
    make_video(videos / "double.mp4", size=(192, 128), rate=24)
    rotate_header(make_video(videos / "turned.mp4"), 90)
    make_video(videos / "short.mp4", seconds=1.0)
    make_video(videos / "silent.mp4", sound_hz=None)
    (videos / "damaged.mp4").write_bytes(talk.read_bytes()[:3000])
    (videos / "text.mp4").write_text("no video")
    (videos / "twice.mp4").write_bytes(talk.read_bytes())
    (videos / "twice.mkv").write_bytes(talk.read_bytes())
    clips = [
        *(clip_of(name) for name in ("byName", "byId", "double", "turned", "silent", "damaged", "text", "twice")),
        clip_of("short", start_s=Fraction(1, 2)),
        clip_of("absent"),
        replace(clip_of("byName"), id="search_0", crop=None, crop_rule="face"),
    ]  # fmt: skip
    rows = prepare(workshop(tmp_path, from_folder(videos)), clips, heard)
    assert states(rows) == {
        "byName": ("ready", None),
        "byId": ("ready", None),
        "double": ("ready", None),
        "turned": ("ready", None),
        "silent": ("bad", "no_audio"),
        "damaged": ("bad", "unreadable"),
        "text": ("bad", "unreadable"),
        "twice": ("error", "ambiguous"),
        "short": ("bad", "sound_too_short"),
        "absent": ("todo", "not_in_folder"),
        "search": ("error", "needs_detector"),
    }
    assert rows["double_0"].box is not None
    assert (rows["double_0"].box.method, rows["double_0"].box.x, rows["double_0"].box.width) == (
        "scaled",
        32,
        128,
    )
    turned = rows["turned_0"].source
    assert turned is not None
    assert (turned.rotation, turned.width, turned.height) == (270, 64, 96)
    assert "yunet" in str(rows["search_0"].message)
    assert heard.totals == [(11, 0)]
    assert sorted(row.clip_id for row in heard.rows) == sorted(rows)
    assert {path.name for path in (tmp_path / "hdtf").rglob("*.mp4")} == {
        "byName_0.mp4",
        "byId_0.mp4",
        "double_0.mp4",
        "turned_0.mp4",
    }


def test_what_is_ready_is_not_touched_again(tmp_path: Path, talk: Path) -> None:
    shop = workshop(tmp_path, from_folder(talk.parent))
    clips = [source_clip(), source_clip("talk_1", start_s=Fraction(1))]
    first = prepare(shop, clips)
    made = {path: path.stat().st_mtime_ns for path in shop.folder.path.rglob("*")}
    heard = Heard()
    assert prepare(shop, clips, heard) == first
    assert (heard.totals, heard.videos, heard.rows) == ([(2, 2)], [], [])
    files = {path: at for path, at in made.items() if path.suffix in {".mp4", ".wav", ".png"}}
    assert len(files) == 6
    assert {path: path.stat().st_mtime_ns for path in files} == files


@pytest.mark.parametrize("harm", ["delete", "change", "other interval", "edited row"])
def test_clip_that_is_not_as_it_was_is_made_again(harm: str, tmp_path: Path, talk: Path) -> None:
    shop = workshop(tmp_path, from_folder(talk.parent))
    clips = [source_clip(), source_clip("talk_1", start_s=Fraction(1))]
    before = prepare(shop, clips)
    path = shop.folder.clip("talk_0")
    content = path.read_bytes()
    if harm == "delete":
        path.unlink()
    elif harm == "change":
        path.write_bytes(content[:-1] + b"x")
    elif harm == "other interval":
        clips[0] = source_clip(end_s=Fraction(1, 2))
    else:
        text = shop.folder.manifest.read_text().replace('"frames": 25', '"frames": 26', 1)
        shop.folder.manifest.write_text(text)
    untouched = shop.folder.clip("talk_1").stat().st_mtime_ns
    heard = Heard()
    after = prepare(shop, clips, heard)
    assert [row.clip_id for row in heard.rows] == ["talk_0"]
    assert shop.folder.clip("talk_1").stat().st_mtime_ns == untouched
    if harm == "other interval":
        assert after["talk_0"].frames == 12
    else:
        assert path.read_bytes() == content, "the same video gives the same bytes"
        assert after["talk_0"].frames == before["talk_0"].frames == 25


def test_site_gives_each_video_its_state_and_the_rest_goes_on(
    site: Site, tmp_path: Path, talk: Path, heard: Heard
) -> None:
    content = talk.read_bytes()
    site.add(clip_of("good").video_id, content)
    site.add(clip_of("gone").video_id, b"").statuses = [460]
    site.add(clip_of("busy").video_id, content).statuses = [503]
    site.add(clip_of("down").video_id, content).statuses = [503, 503, 503]
    site.add(clip_of("half").video_id, content).cuts = [len(content) // 2]
    site.add(clip_of("junk").video_id, content).instead = b"<html>no video</html>" * 50
    shop = workshop(tmp_path, from_site())
    clips = [clip_of(name) for name in ("good", "gone", "busy", "down", "half", "junk")]
    rows = prepare(shop, clips, heard)
    assert states(rows) == {
        "good": ("ready", None),
        "gone": ("dead", "private"),
        "busy": ("ready", None),
        "down": ("error", "network"),
        "half": ("ready", None),
        "junk": ("error", "broken_download"),
    }
    assert "Private video" in str(rows["gone_0"].message)
    assert rows["good_0"].tools["yt-dlp"] == "2026.01.01"
    asked = len(site.asked)
    # Dead videos are not asked for again; the others are, and only they.
    site.served(clip_of("junk").video_id).instead = None
    site.served(clip_of("down").video_id).statuses = []
    assert {row.status for row in prepare(shop, clips).values()} == {"ready", "dead"}
    assert [name.strip("_") for name in site.asked[asked:]] == ["down", "junk"]
    site.served(clip_of("gone").video_id).content = content
    assert prepare(shop, clips, retry=True)["gone_0"].status == "ready"


def test_site_that_asks_for_patience_is_left_alone(site: Site, tmp_path: Path, talk: Path) -> None:
    for name in ("one", "two", "three"):
        site.add(clip_of(name).video_id, talk.read_bytes())
    site.served(clip_of("two").video_id).statuses = [429, 466, 429]
    shop = workshop(tmp_path, from_site())
    clips = [clip_of(name) for name in ("one", "two", "three")]
    rows = prepare(shop, clips)
    assert states(rows) == {
        "one": ("ready", None),
        "two": ("error", "rate_limited"),
        "three": ("todo", "not_tried"),
    }
    assert [name.strip("_") for name in site.asked] == ["one", "two", "two"]


def test_waits_double_and_are_longer_where_patience_is_asked_for() -> None:
    import random

    from liveact_eval.datasets.preparing.site_answers import SiteAnswer

    patience = Patience(tries=5, first_wait_s=10, longest_wait_s=100)
    for reason, longest in (("network", [10, 20, 40, 80]), ("rate_limited", [40, 80, 100, 100])):
        waits = list(patience.waits(SiteAnswer(reason, ""), random.Random(1)))
        assert len(set(waits)) == 4
        for wait, most in zip(waits, longest, strict=True):
            assert most / 2 <= wait <= most


def test_short_download_of_before_is_fetched_again(site: Site, tmp_path: Path, talk: Path) -> None:
    clip = clip_of("talk", start_s=Fraction(1))
    site.add(clip.video_id, talk.read_bytes())
    shop = workshop(tmp_path, from_site())
    shop.store.mkdir()
    make_video(shop.store / f"{clip.video_id}.mp4", seconds=1.5)
    assert prepare(shop, [clip])["talk_0"].status == "ready"
    assert len(site.asked) == 1
    assert (shop.store / f"{clip.video_id}.mp4").read_bytes() == talk.read_bytes()


def test_mirror_is_asked_by_id_and_by_name_and_continued(site: Site, tmp_path: Path, talk: Path) -> None:
    content = talk.read_bytes()
    # The first request asks what there is, the second for its content.
    site.add(clip_of("byId").video_id, content).cuts = [len(content), len(content) // 3]
    site.add("byName", content).statuses = [429]
    site.add(clip_of("short").video_id, make_video(tmp_path / "short.mp4", seconds=1.5).read_bytes())
    site.add(clip_of("closed").video_id, content).statuses = [403]
    shop = workshop(tmp_path, Source(way="mirror", prefix=site.mirror, patience=Patience(tries=1, pause_s=0)))
    clips = [clip_of(name) for name in ("byId", "byName", "none", "closed")]
    clips.append(clip_of("short", start_s=Fraction(1)))
    rows = prepare(shop, clips)
    assert states(rows) == {
        "byId": ("ready", None),
        "byName": ("ready", None),
        "none": ("dead", "missing"),
        "closed": ("error", "refused"),
        "short": ("bad", "sound_too_short"),
    }
    ranges = [headers.get("Range") for path, headers in site.hub.requests if "byId" in path]
    assert ranges == [None, None, f"bytes={len(content) // 3}-"]
    assert site.asked == []
    assert not [
        path for path in shop.store.iterdir() if path.name.endswith(".fetching") and any(path.iterdir())
    ]


@pytest.mark.slow
def test_videos_in_several_processes_give_the_same_bytes(tmp_path: Path, talk: Path) -> None:
    videos = tmp_path / "mine"
    videos.mkdir()
    for name in ("a", "b", "c"):
        (videos / f"{name}.mp4").write_bytes(talk.read_bytes())
    (videos / "d.mp4").write_text("no video")
    clips = [clip_of(name, start_s=Fraction(n, 5)) for n, name in enumerate("abcd")]
    made = []
    for workers in (1, 2):
        shop = workshop(tmp_path / str(workers), from_folder(videos))
        rows = prepare(shop, clips, workers=workers)
        assert [row.status for row in rows.values()] == ["ready", "ready", "ready", "bad"]
        made.append([row.files and (row.files.clip and row.files.clip.sha256) for row in rows.values()])
    assert made[0] == made[1]


def test_empty_box_says_so(tmp_path: Path) -> None:
    make_video(tmp_path / "mine.mp4", seconds=1.2)
    clip = clip_of("mine", crop=PixelBox(x=0, y=0, width=0, height=0))
    (row,) = prepare(workshop(tmp_path, from_folder(tmp_path)), [clip]).values()
    assert (row.status, row.reason) == ("bad", "no_box")
