"""The page in a browser, from a `file:` address: it sorts, filters, plays in step, and shows names as text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.made_runs import SCRIPT
from tests.web.conftest import Opener

pytestmark = pytest.mark.web
FRAME_S = 1 / 25

READY = "[...document.querySelectorAll('video')].every(v => v.readyState >= 2) && document.querySelector('.cursor')"

# Looks at the videos as often as the screen is drawn, while they play. A look that comes late, or soon after a late
# one, does not count: where the machine stands still, so does the script that holds the videos together.
WATCH = """async (seconds) => {
  const videos = [...document.querySelectorAll('video')];
  const viewer = window.liveactViewers[0];
  const start = videos[0].currentTime;
  let apart = 0, looks = 0, over = 0, moved = 0, late = performance.now(), last = late, begun = late;
  await new Promise((done) => {
    const look = () => {
      const now = performance.now();
      const playing = videos.every((v) => !v.paused && !v.seeking);
      if (now - last > 60 || !playing) late = now;
      last = now;
      const frames = videos.map((v) => Math.floor(v.currentTime * 25 + 1e-6));
      moved = videos[0].currentTime - start;
      if (now - late > 300) {
        const now_apart = Math.max(...frames) - Math.min(...frames);
        apart = Math.max(apart, now_apart);
        over += now_apart > 1 ? 1 : 0;
        looks += 1;
      }
      if (moved >= seconds || !viewer.together.playing) done(); else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
  return {apart, over, looks, moved, expected: (last - begun - 300) / 1000 * 60};
}"""
FEWEST_LOOKS = 20


def stay_together(page: Any, seconds: float) -> None:
    """The videos stay within one frame of each other until the first has moved on by so many seconds.

    One look in fifty may find more: the browser's own clock of a video stands still for a moment now and then. Where
    many looks come late, the machine is too busy for a verdict against the page.
    """
    watched = page.evaluate(WATCH, seconds)
    assert watched["moved"] >= seconds
    together = watched["apart"] <= 3 and watched["over"] <= watched["looks"] / 50
    in_time = watched["looks"] / watched["expected"]
    if watched["looks"] < FEWEST_LOOKS or (not together and in_time < 0.9):
        pytest.skip(f"this machine is too busy: {in_time:.0%} of the looks in time")
    assert together, watched


def texts(page: Any, selector: str) -> list[str]:
    return [text.strip() for text in page.locator(selector).all_inner_texts()]


def headings(page: Any) -> list[str]:
    return texts(page, "table.results thead th")


def names(page: Any) -> list[str]:
    return texts(page, ".list .name")


def ready(page: Any) -> None:
    page.wait_for_function(READY)


def times(page: Any) -> list[float]:
    found: list[float] = page.evaluate("[...document.querySelectorAll('video')].map(v => v.currentTime)")
    return found


def settled(page: Any) -> None:
    page.wait_for_function("[...document.querySelectorAll('video')].every(v => v.paused && !v.seeking)")


def test_names_and_prompts_are_text(report: Path, opened: Opener) -> None:
    page = opened(report)
    ready(page)
    assert headings(page) == ["Metric", "Real", "One", f"Two {SCRIPT}"]
    assert page.locator("p.prompt").inner_text() == f"a prompt of {SCRIPT}"
    assert page.locator("body script").count() == 0
    assert SCRIPT in " ".join(names(page))


def test_models_are_sorted_by_a_metric(report: Path, opened: Opener) -> None:
    page = opened(report)
    page.get_by_role("button", name="HIGH").click()
    assert headings(page) == ["Metric", "Real", f"Two {SCRIPT}", "One"]
    page.get_by_role("button", name="LOW").click()
    assert headings(page) == ["Metric", "Real", "One", f"Two {SCRIPT}"]
    assert texts(page, "table.results tbody tr:nth-child(2) td")[0].startswith("0.00")
    page.get_by_role("button", name="LOW").click()
    assert headings(page)[2] == "One"


def test_tooltips_say_direction_recipe_and_n(report: Path, opened: Opener) -> None:
    page = opened(report)
    page.get_by_role("button", name="LOW").focus()
    tip = page.locator("#tip").inner_text()
    assert "lower is better" in tip
    assert "recipe r@1" in tip
    assert "n = 4/4" in tip
    page.keyboard.press("Escape")
    assert page.locator("#tip").is_hidden()


def test_metrics_and_clips_are_filtered(report: Path, opened: Opener) -> None:
    page = opened(report)
    page.get_by_label("Show metrics that contain").fill("low")
    assert texts(page, "table.results tbody tr:visible th") == ["LOW ↓"]
    # Worst first: the smallest of any model but the real videos.
    assert names(page) == [f"second {SCRIPT}", "third", "first", "fourth"]
    page.locator(".tools label", has_text="any model").locator("select").select_option(label="One")
    # A clip without a number comes before all that have one.
    assert names(page) == ["fourth", f"second {SCRIPT}", "third", "first"]
    page.get_by_label("Worst first by").select_option(label="LOW ↓")
    assert names(page) == ["fourth", "third", f"second {SCRIPT}", "first"]
    page.get_by_label("Speaker").select_option("speaker-1")
    assert names(page) == ["fourth", f"second {SCRIPT}"]
    page.get_by_label("Speaker").select_option("")
    page.get_by_label("Failures and findings").select_option("frozen")
    assert names(page) == ["first"]


def test_videos_play_in_step(report: Path, opened: Opener) -> None:
    page = opened(report)
    ready(page)
    page.get_by_role("button", name="Play").click()
    stay_together(page, 10.0)


def test_a_video_that_runs_off_is_brought_back(report: Path, opened: Opener) -> None:
    page = opened(report)
    ready(page)
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("document.querySelector('video').currentTime > 0.3")
    page.evaluate("document.querySelectorAll('video')[1].currentTime += 0.12")
    stay_together(page, 1.5)


def test_videos_are_in_step_after_a_seek_and_slowly(report: Path, opened: Opener) -> None:
    page = opened(report)
    ready(page)
    page.evaluate("document.querySelector('.transport').scrollIntoView()")
    page.get_by_label("Speed").select_option("0.25")
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("document.querySelector('video').currentTime > 0.1")
    page.evaluate("window.liveactViewers[0].together.seek(6.3)")
    page.wait_for_function("document.querySelector('video').currentTime > 6.3")
    stay_together(page, 0.5)
    page.get_by_role("button", name="Pause").click()
    settled(page)
    page.wait_for_function(
        "new Set([...document.querySelectorAll('video')].map(v => v.currentTime)).size === 1"
    )


def test_frames_are_stepped_and_the_cursor_follows(report: Path, opened: Opener) -> None:
    page = opened(report)
    ready(page)
    page.locator(".stage").focus()
    for key, frame in (("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("Shift+ArrowRight", 26)):
        page.keyboard.press(key)
        page.wait_for_function(f"document.querySelector('output').textContent.endsWith('frame {frame}')")
        assert times(page) == pytest.approx([(frame + 0.5) * FRAME_S] * 3, abs=1e-3)
    place = page.locator(".cursor").first.get_attribute("transform")
    # The plot is 304 units wide from 48 on, and the curve 12 s long.
    assert float(place.split("(")[1].split()[0]) == pytest.approx(48 + 304 * 26.5 * FRAME_S / 12, abs=0.1)


def test_keys_play_choose_sound_and_change_the_clip(report: Path, opened: Opener) -> None:
    page = opened(report)
    ready(page)
    page.locator(".stage").focus()
    page.keyboard.press("3")
    muted = "[...document.querySelectorAll('video')].map(v => v.muted)"
    assert page.evaluate(muted) == [True, True, False]
    page.keyboard.press(" ")
    page.wait_for_function("document.querySelectorAll('video')[2].currentTime > 0.1")
    page.keyboard.press(" ")
    settled(page)
    page.locator(".stage").focus()
    page.keyboard.press("ArrowDown")
    assert page.locator('.list button[aria-current="true"] .name').inner_text() == names(page)[1]
    ready(page)
    assert page.evaluate(muted) == [True, True, False]


def test_only_the_open_clip_loads_videos(report: Path, opened: Opener) -> None:
    page = opened(report)
    ready(page)
    assert page.locator("video").count() == 3
    loaded = "[...document.querySelectorAll('script')].filter(s => s.src.includes('/curves/')).length"
    assert page.evaluate(loaded) == 1


def test_everything_is_there_without_scripts(report: Path, opened: Opener) -> None:
    page = opened(report, javascript=False)
    assert headings(page) == ["Metric", "Real", "One", f"Two {SCRIPT}"]
    assert page.locator("table.results tbody tr").count() == 2
    assert page.locator(".plots svg").first.is_visible()
    assert page.locator(".viewer").is_hidden()
    assert "lower is better" in page.locator('tr[data-name="LOW ↓"] th').get_attribute("title")
    page.get_by_role("link", name="all clips with their videos and scores").click()
    assert page.locator("details").count() == 4
    assert page.locator("video").count() == 12
    page.locator("summary").first.click()
    assert page.locator("p.prompt").first.inner_text() == f"a prompt of {SCRIPT}"


def test_light_and_dark(report: Path, opened: Opener) -> None:
    page = opened(report)
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("button", name="Dark or light").click()
    dark = page.evaluate(ground)
    assert light == "rgb(255, 255, 255)"
    assert dark != light
    page.emulate_media(color_scheme="dark")
    page.get_by_role("button", name="Dark or light").click()
    assert page.evaluate(ground) == light
