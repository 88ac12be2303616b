"""yt-dlp as a program: what it is told, what its words mean, and what is left of half a download."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from liveact_eval.datasets.preparing.site_answers import SiteAnswer, classify
from liveact_eval.datasets.preparing.ytdlp import Programs, arguments, download, find_programs
from liveact_eval.errors import BrokenEnvironmentError, UserError
from tests.unit.datasets.preparing.conftest import Site, install

URL = "https://www.youtube.com/watch?v="


@pytest.mark.parametrize(
    ("said", "reason", "dead"),
    [
        ("[youtube] x: Private video. Sign in if you've been granted access to this video", "private", True),
        ("[youtube] x: Video unavailable. This video is private", "private", True),
        ("[youtube] x: Video unavailable", "unavailable", True),
        ("[youtube] x: Video unavailable. This video has been removed by the uploader", "removed", True),
        ("[youtube] x: This video has been removed for violating YouTube's Terms of Service", "removed", True),
        ("[youtube] x: Video unavailable. This video is no longer available because the YouTube account associated "
         "with this video has been terminated.", "removed", True),
        ("[youtube] x: The uploader has not made this video available in your country", "region", True),
        ("[youtube] x: Sign in to confirm your age. This video may be inappropriate for some users", "age", True),
        ("[youtube] x: Join this channel to get access to members-only content", "members", True),
        ("[youtube] x: Video unavailable. It is no longer available due to a copyright claim by A", "copyright", True),
        ("[youtube] x: Unable to download webpage: HTTP Error 429: Too Many Requests", "rate_limited", False),
        ("[youtube] x: Sign in to confirm you’re not a bot. Use --cookies", "rate_limited", False),
        ("[youtube] x: Video unavailable. This content isn't available, try again later. The current session has "
         "been rate-limited by YouTube", "rate_limited", False),
        ("unable to download video data: HTTP Error 403: Forbidden", "refused", False),
        ("[youtube] x: Unable to download API page: The read operation timed out", "network", False),
        ("unable to download video data: HTTP Error 503: Service Unavailable", "network", False),
        ("[youtube] x: Requested format is not available", "no_format", False),
        ("Postprocessing: ffprobe and ffmpeg not found", "merge_failed", False),
        ("unable to write data: [Errno 28] No space left on device", "disk_full", False),
        ("[youtube] x: Something that nobody has seen before", "failed", False),
    ],
)  # fmt: skip
def test_messages_are_sorted_into_dead_and_worth_another_try(said: str, reason: str, dead: bool) -> None:
    answer = classify(1, f"WARNING: [youtube] x: HTTP Error 429 is only a warning here\nERROR: {said}\n")
    assert (answer.reason, answer.dead) == (reason, dead)
    assert said[:40] in answer.message
    assert "WARNING" not in answer.message


@pytest.mark.parametrize(
    ("code", "reason"), [(2, "usage"), (100, "updating"), (101, "stopped"), (-9, "killed"), (7, "failed")]
)
def test_exit_codes_are_told(code: int, reason: str) -> None:
    answer = classify(code, "")
    assert (answer.reason, answer.dead) == (reason, False)
    assert answer.message


def test_arguments_keep_an_id_from_being_an_option_and_a_path_from_being_a_template(tmp_path: Path) -> None:
    programs = Programs("yt-dlp", "ffmpeg", {})
    words = arguments(programs, f"{URL}-dash_first", tmp_path / "100%(id)s")
    assert words[-2:] == ["--", f"{URL}-dash_first"]
    assert words[1] == "--ignore-config"
    assert {"--no-cookies", "--no-cookies-from-browser", "--no-playlist"} < set(words)
    assert words[words.index("--output") + 1] == f"{tmp_path}/100%%(id)s/video.%(ext)s"


def test_versions_are_read(site: Site) -> None:
    assert find_programs().versions == {"yt-dlp": "2026.01.01", "ffmpeg": "ffmpeg version 7.1 stand-in"}


@pytest.mark.parametrize("there", ["yt-dlp", "ffmpeg", ""])
def test_missing_program_says_how_to_install_it(
    there: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "some", tuple(filter(None, [there])))
    monkeypatch.setenv("PATH", str(tmp_path / "some"))
    with pytest.raises(UserError) as caught:
        find_programs()
    for name, way in (("yt-dlp", "pip install"), ("ffmpeg", "apt install ffmpeg")):
        assert (way in str(caught.value)) == (name != there)
    assert "--videos DIR" in str(caught.value)


def test_program_that_cannot_run_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "bin")
    (tmp_path / "bin" / "yt-dlp").write_text("#!/bin/sh\necho broken >&2\nexit 1\n")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    with pytest.raises(UserError, match="exit code 1: broken"):
        find_programs()


def test_video_is_fetched_under_an_odd_id_and_folder(site: Site, talk: Path, tmp_path: Path) -> None:
    site.add("-_strange-_", talk.read_bytes())
    made = download(find_programs(), f"{URL}-_strange-_", tmp_path / "50% of it")
    assert isinstance(made, Path)
    assert made.read_bytes() == talk.read_bytes()


def test_broken_line_is_continued_by_the_next_call(site: Site, talk: Path, tmp_path: Path) -> None:
    served = site.add("talkIdtalkI", talk.read_bytes())
    served.cuts = [len(served.content) // 2]
    first = download(find_programs(), f"{URL}talkIdtalkI", tmp_path / "one")
    assert isinstance(first, SiteAnswer)
    assert (first.reason, first.dead) == ("network", False)
    made = download(find_programs(), f"{URL}talkIdtalkI", tmp_path / "one")
    assert isinstance(made, Path)
    assert made.read_bytes() == talk.read_bytes()
    assert served.sent == len(talk.read_bytes())


def test_slow_download_is_ended_and_its_beginning_kept(site: Site, talk: Path, tmp_path: Path) -> None:
    site.add("talkIdtalkI", talk.read_bytes() * 20).pause_s = 0.05
    answer = download(find_programs(), f"{URL}talkIdtalkI", tmp_path / "one", seconds=1.0)
    assert isinstance(answer, SiteAnswer)
    assert answer.reason == "timeout"
    assert (tmp_path / "one" / "video.mp4.part").stat().st_size > 0


@pytest.mark.parametrize(("status", "reason"), [(460, "private"), (404, "unavailable")])
def test_the_sites_no_comes_through(site: Site, tmp_path: Path, status: int, reason: str) -> None:
    site.add("talkIdtalkI", b"").statuses = [status]
    answer = download(find_programs(), f"{URL}talkIdtalkI", tmp_path / "one")
    assert isinstance(answer, SiteAnswer)
    assert (answer.reason, answer.dead) == (reason, True)


def test_good_end_without_a_file_is_an_error(site: Site, tmp_path: Path) -> None:
    (tmp_path / "bin" / "yt-dlp").write_text("#!/bin/sh\nexit 0\n")
    answer = download(Programs(str(tmp_path / "bin" / "yt-dlp"), "x", {}), f"{URL}x", tmp_path / "one")
    assert answer == SiteAnswer("no_file", "yt-dlp ended well, expected one video from it, found: none")


def test_full_disk_stops_everything(site: Site, tmp_path: Path) -> None:
    script = "#!/bin/sh\necho 'ERROR: unable to write data: [Errno 28] No space left on device' >&2\nexit 1\n"
    (tmp_path / "bin" / "yt-dlp").write_text(script)
    with pytest.raises(BrokenEnvironmentError, match="disk is full"):
        download(Programs(str(tmp_path / "bin" / "yt-dlp"), "x", {}), f"{URL}x", tmp_path / "one")


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc")
def test_program_ends_when_its_parent_is_killed(site: Site, talk: Path, tmp_path: Path) -> None:
    site.add("talkIdtalkI", talk.read_bytes() * 40).pause_s = 0.02
    (tmp_path / "pid").write_text("")
    script = (tmp_path / "bin" / "yt-dlp").read_text().replace("exec", f'echo $$ > "{tmp_path}/pid"\nexec')
    (tmp_path / "bin" / "yt-dlp").write_text(script)
    program = (
        "from pathlib import Path\n"
        "from liveact_eval.datasets.preparing.ytdlp import Programs, download\n"
        f"download(Programs({str(tmp_path / 'bin' / 'yt-dlp')!r}, {str(tmp_path / 'bin' / 'ffmpeg')!r}, {{}}), "
        f"{URL + 'talkIdtalkI'!r}, Path({str(tmp_path / 'one')!r}))\n"
    )
    part = tmp_path / "one" / "video.mp4.part"
    child = subprocess.Popen([sys.executable, "-c", program])
    deadline = time.monotonic() + 60
    while not (part.is_file() and part.stat().st_size):
        assert time.monotonic() < deadline
        assert child.poll() is None
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    pid = int((tmp_path / "pid").read_text())
    while Path(f"/proc/{pid}/status").is_file() and "zombie" not in Path(f"/proc/{pid}/status").read_text():
        assert time.monotonic() < deadline, "it goes on without its parent"
        time.sleep(0.01)
