"""Stands in for yt-dlp: honours the options that are used, and fails in its words. The site is a local server.

Statuses 460 to 466 are what the real site says on a page; the words are those of yt-dlp's messages.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

SAYS = {
    429: "Unable to download webpage: HTTP Error 429: Too Many Requests (caused by <HTTPError 429>)",
    404: "Video unavailable. This video is no longer available",
    460: "Private video. Sign in if you've been granted access to this video",
    461: "Video unavailable. This video has been removed by the uploader",
    462: "Video unavailable. The uploader has not made this video available in your country",
    463: "Sign in to confirm your age. This video may be inappropriate for some users.",
    464: "Join this channel to get access to members-only content like this video",
    465: "Video unavailable. This video is no longer available due to a copyright claim by Example",
    466: "Video unavailable. This content isn't available, try again later. Your account has been rate-limited",
    503: "Unable to download API page: HTTP Error 503: Service Unavailable",
}
TAKES_A_VALUE = {
    "--socket-timeout", "--retries", "--fragment-retries", "--sleep-requests", "--ffmpeg-location", "--format",
    "--merge-output-format", "--remux-video", "--output",
}  # fmt: skip
FLAGS = {
    "--ignore-config", "--no-cookies", "--no-cookies-from-browser", "--no-playlist", "--newline", "--no-mtime",
    "--continue", "--abort-on-error",
}  # fmt: skip


def fail(video: str, text: str, code: int = 1) -> None:
    sys.stderr.write(f"WARNING: [youtube] something harmless\nERROR: [youtube] {video}: {text}\n")
    sys.exit(code)


def parse(words: list[str]) -> tuple[dict[str, str], str]:
    given: dict[str, str] = {}
    while words:
        word = words.pop(0)
        if word == "--":
            break
        if word in TAKES_A_VALUE:
            given[word] = words.pop(0)
        elif word in FLAGS:
            given[word] = ""
        else:
            fail("?", f"no such option: {word}", 2)
    if FLAGS - given.keys() or len(words) != 1 or not words[0].startswith("https://"):
        fail("?", f"expected one address behind --, got {words}", 2)
    return given, words[0]


def main() -> None:
    words = sys.argv[1:]
    if "--version" in words:
        sys.stdout.write("2026.01.01\n")
        return
    given, url = parse(words)
    with Path(os.environ["STAND_IN_LOG"]).open("a", encoding="utf-8") as log:
        log.write(json.dumps([time.time(), url]) + "\n")
    video = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["v"][0]
    if not Path(given["--ffmpeg-location"]).is_file():
        fail(video, "ffmpeg is not installed. Aborting due to --abort-on-error")
    out = Path(given["--output"].replace("%(ext)s", "mp4").replace("%%", "%"))
    part = out.with_name(out.name + ".part")
    have = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(f"{os.environ['STAND_IN_SITE']}/video/site/of/talks/{video}.mp4")
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer, part.open("ab") as stream:
            expected = have + int(answer.headers["Content-Length"])
            while block := answer.read1(1 << 14):
                stream.write(block)
                stream.flush()
                sys.stdout.write("[download] some of it\n")
                sys.stdout.flush()
    except urllib.error.HTTPError as error:
        fail(video, SAYS.get(error.code, f"HTTP Error {error.code}"))
    except OSError as error:
        fail(video, f"Unable to download video data: {error}")
    if part.stat().st_size < expected:
        fail(
            video,
            f"Unable to download video data: {part.stat().st_size} bytes read, {expected} more expected",
        )
    part.replace(out)


if __name__ == "__main__":
    main()
