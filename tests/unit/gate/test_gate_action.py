"""The composite action's script, with a stand-in for the program."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ACTION = Path(__file__).resolve().parents[3] / ".github" / "actions" / "check" / "action.yml"
PROGRAM = """\
import sys
print("| table |")
print(sys.argv[1:], file=sys.stderr)
sys.exit(int(sys.argv[-1]) if sys.argv[-1].isdigit() else 0)
"""


def started(tmp_path: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    content: dict[str, Any] = yaml.safe_load(ACTION.read_text(encoding="utf-8"))
    (step,) = content["runs"]["steps"]
    known = {name: field.get("default", "") for name, field in content["inputs"].items()} | inputs
    assert set(known) == set(content["inputs"])
    given = {}
    for variable, text in step["env"].items():
        given[variable] = known[text.removeprefix("${{ inputs.").removesuffix(" }}")]
    assert "${{" not in step["run"]
    places = {"RUNNER_TEMP": str(tmp_path)}
    places |= {name: str(tmp_path / name) for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],
        env={"PATH": os.environ["PATH"]} | places | given,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(("rules", "code"), [("", 0), ("1", 1), ("2", 2)])
def test_the_exit_code_and_the_table_come_through(tmp_path: Path, rules: str, code: int) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    ended = started(
        tmp_path,
        run="a run; touch x",
        baseline="b.json",
        rules=rules,
        junit="",
        command=f"{sys.executable} {program}",
    )
    assert ended.returncode == code, ended.stderr
    assert ended.stdout == "| table |\n"
    assert (tmp_path / "GITHUB_STEP_SUMMARY").read_text() == "| table |\n"
    assert (tmp_path / "GITHUB_OUTPUT").read_text() == f"exit-code={code}\n"
    assert "['check', 'a run; touch x', '--against', 'b.json', '--annotations'" in ended.stderr
