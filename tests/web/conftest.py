"""A headless Chromium, and a report of a made-up run for it to open."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from liveact_eval.html_report.build import write_report
from tests.made_runs import SCRIPT, Table, made_results, made_run

CLIPS = ["first", f"second {SCRIPT}", "third", "fourth"]


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`index.html` of a run with videos of 12 s, and names that are scripts."""
    table: Table = {
        "high": {"real": [9.0, 9.0, 9.0, 9.0], "one": [3.0, 1.0, 2.0, None], "two": [4.0, 5.0, 6.0, 7.0]},
        "low": {"real": [0.0, 0.0, 0.0, 0.0], "one": [1.0, 2.0, 3.0, 4.0], "two": [8.0, 7.0, 6.0, 5.0]},
    }
    results = made_results(table, clips=CLIPS, titles={"two": f"Two {SCRIPT}", "made": "Made"})
    folder = tmp_path_factory.mktemp("web")
    run = made_run(folder / "run", results, seconds=12.0, prompt=f"a prompt of {SCRIPT}")
    return write_report([run], folder / "a report")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, or a skip that says what is missing."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no chromium on the path, and CHROMIUM does not name one")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


Opener = Callable[..., Any]


@pytest.fixture
def opened(browser: Any) -> Iterator[Opener]:
    """Opens a page; at the end nothing may have been complained about."""
    complaints: list[str] = []
    contexts: list[Any] = []

    def opener(path: Path, *, javascript: bool = True, name: str = "") -> Any:
        context = browser.new_context(java_script_enabled=javascript, viewport={"width": 1300, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        page.goto(path.as_uri() + name)
        return page

    yield opener
    for context in contexts:
        context.close()
    assert complaints == []
