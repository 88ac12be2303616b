"""`.ci/run` with stand-ins for the programs around it: what it installs, and that nothing but the tests can fail it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / ".ci" / "run"
TOOLS = ("bash", "dirname", "mktemp", "rm", "tail", "timeout")


def ended(
    tmp_path: Path, *, user: int = 0, apt: str | None = "exit 0", there: tuple[str, ...] = (), make: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run the script where only these programs are; `apt`: the body of apt-get."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found is not None
        (programs / tool).symlink_to(found)
    bodies = {"id": f"echo {user}", "make": f'echo "make $*"; exit {make}'} | dict.fromkeys(there, "exit 0")
    if apt is not None:
        bodies["apt-get"] = f'echo "$*" >> {tmp_path}/asked; {apt}'
    for name, body in bodies.items():
        (programs / name).write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        (programs / name).chmod(0o755)
    return subprocess.run(
        [str(programs / "bash"), str(SCRIPT)],
        env={"PATH": str(programs)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def asked(tmp_path: Path) -> str:
    path = tmp_path / "asked"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def test_installs_what_is_lacking(tmp_path: Path) -> None:
    answer = ended(tmp_path)
    assert answer.returncode == 0, answer.stderr
    installed = [line.split()[-1] for line in asked(tmp_path).splitlines()]
    assert installed == ["chromium", "texlive-latex-base", "texlive-latex-recommended"]
    assert "Installed chromium in " in answer.stdout
    assert answer.stdout.endswith("make test\n")


def test_leaves_alone_what_is_there(tmp_path: Path) -> None:
    answer = ended(tmp_path, there=("google-chrome", "pdflatex"))
    assert (answer.stdout, asked(tmp_path)) == ("make test\n", "")


@pytest.mark.parametrize(("user", "apt"), [(1000, "exit 0"), (0, None)])
def test_says_what_it_may_not_install(tmp_path: Path, user: int, apt: str | None) -> None:
    answer = ended(tmp_path, user=user, apt=apt)
    assert answer.returncode == 0
    assert (
        "chromium texlive-latex-base texlive-latex-recommended. Tests that need them are skipped."
        in answer.stdout
    )
    assert asked(tmp_path) == ""
    assert answer.stdout.endswith("make test\n")


def test_goes_on_where_nothing_can_be_fetched(tmp_path: Path) -> None:
    answer = ended(tmp_path, apt='echo "no network"; exit 100')
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.count("tests that need it are skipped: no network") == 3
    assert "-qq update" in asked(tmp_path)
    assert answer.stdout.endswith("make test\n")


def test_fails_with_the_tests(tmp_path: Path) -> None:
    assert ended(tmp_path, there=("chromium", "pdflatex"), make=2).returncode == 2
