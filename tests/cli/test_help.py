"""What the command line says about itself, without importing what it does not need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from liveact_eval import __version__
from liveact_eval.cli.app import app
from tests.cli.helpers import ROOT, call

COMMANDS = [
    ("run",),
    ("score",),
    ("doctor",),
    ("train",),
    ("generate",),
    ("bench",),
    ("ablate",),
    ("compare",),
    ("check",),
    ("reproduce",),
    ("report",),
    *(("runs", verb) for verb in ("list", "show", "remove", "log", "export", "validate")),
    *((noun, verb) for noun in ("models", "datasets", "metrics") for verb in ("list", "show")),
    *(("env", verb) for verb in ("build", "list", "show", "remove")),
    *(("import", verb) for verb in ("vbench", "theval", "videos")),
    ("datasets", "prepare"),
    ("datasets", "verify"),
    ("models", "fetch"),
    ("metrics", "fetch"),
    ("metrics", "selftest"),
    ("models",),
    ("datasets",),
    ("metrics",),
]
HEAVY = ("torch", "numpy", "matplotlib", "pandas", "scipy", "av", "pyarrow", "skimage")


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_shows_an_example(words: tuple[str, ...]) -> None:
    answer = call(*words, "--help")
    assert answer.code == 0
    assert f"liveact-eval {words[0]}" in " ".join(answer.out.split("Example", 1)[1].split())


def test_root_help() -> None:
    answer = call("--help")
    assert answer.code == 0
    assert "Start with: liveact-eval run" in answer.out
    assert "Exit codes: 0 done" in answer.out


def loaded(statements: str) -> set[str]:
    """Heavy packages that a fresh interpreter has imported after these statements."""
    program = f"import sys\n{statements}\nsys.stderr.write(' '.join({HEAVY!r} & sys.modules.keys()))"
    program = program.replace(repr(HEAVY), repr(set(HEAVY)))
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT, timeout=60
    )
    return set(ended.stderr.split())


def commands(*lines: tuple[str, ...]) -> str:
    """Statements that run commands one after the other in one interpreter."""
    return (
        "from liveact_eval.cli import main\n"
        f"for words in {lines!r}:\n"
        "    sys.argv = ['liveact-eval', *words]\n"
        "    try:\n        main()\n"
        "    except SystemExit as left:\n        assert not left.code, words\n"
    )


def test_help_imports_nothing_heavy() -> None:
    assert loaded(commands(("--help",), *((*words, "--help") for words in COMMANDS))) == set()


def test_cards_are_listed_without_torch() -> None:
    assert loaded(commands(("models", "list"))) & {"torch", "matplotlib", "pandas"} == set()


def test_metrics_and_plans_need_no_torch(tmp_path: Path) -> None:
    lines = (
        ("metrics", "list"),
        ("metrics", "show", "ssim"),
        ("run", "--plan", "--out", str(tmp_path / "x")),
    )
    assert loaded(commands(*lines)) & {"torch", "matplotlib", "pandas"} == set()


def test_options_stay_few() -> None:
    """A new need goes into the typed configuration, which --set and --config reach, not into a new flag."""
    found = {name: len(get_command(app).commands[name].params) for name in ("run", "score")}  # type: ignore[attr-defined]
    assert found == {"run": 15, "score": 17}


def test_version() -> None:
    assert call("--version").out == f"liveact-eval {__version__}\n"


def test_runs_from_a_clone(tmp_path: Path) -> None:
    for folder, program in ((ROOT, "cli.py"), (tmp_path, str(ROOT / "cli.py"))):
        ended = subprocess.run(
            [sys.executable, program, "--help"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert "Usage: liveact-eval" in ended.stdout


@pytest.mark.parametrize(
    "words", [("--wat",), ("run", "--limit", "0"), ("run", "--max-failures", "many"), ("score",)]
)
def test_wrong_options_are_usage_errors(words: tuple[str, ...]) -> None:
    answer = call(*words)
    assert answer.code == 2
    assert "Usage: liveact-eval" in answer.err
    assert answer.out == ""
