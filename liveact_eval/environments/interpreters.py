"""Finding an interpreter of a wanted version, and asking one what it is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from liveact_eval.environments.store import Package
from liveact_eval.environments.variables import clean_variables

_SECONDS = 60.0
_VERSION = "import sys; print('%d.%d.%d' % sys.version_info[:3])"
_PACKAGES = """
import json, sys
from importlib import metadata
found = {}
for item in metadata.distributions():
    name = item.metadata["Name"]
    if not name or not item.version:
        continue
    address = item.read_text("direct_url.json")
    known = json.loads(address) if address else {}
    commit = known.get("vcs_info", {}).get("commit_id")
    source = "@".join(filter(None, (known.get("url"), commit))) or None
    found.setdefault(name.lower().replace("_", "-"), [name, item.version, source])
json.dump([found[name] for name in sorted(found)], sys.stdout)
"""


def find_python(version: str) -> Path | None:
    """An interpreter of that version (`3.10`) on this machine that really runs; `None`: there is none."""
    seen: set[str] = set()
    for candidate in _candidates(version):
        if str(candidate) in seen:
            continue
        seen.add(str(candidate))
        found = version_of(candidate)
        if found is not None and found.rpartition(".")[0] == version:
            return candidate
    return None


def version_of(python: Path) -> str | None:
    """Version of an interpreter, `3.10.13`; `None` where it does not run."""
    answer = _ask(python, _VERSION)
    return None if answer is None else answer.strip()


def has_venv(python: Path) -> bool:
    """Whether an interpreter can make environments with pip in them; some systems pack that apart."""
    return _ask(python, "import venv, ensurepip") is not None


def packages_of(python: Path) -> tuple[Package, ...] | None:
    """Everything that is installed for an interpreter, by name; `None` where it does not say."""
    answer = _ask(python, _PACKAGES)
    if answer is None:
        return None
    try:
        found = json.loads(answer)
        return tuple(Package(name=name, version=version, source=source) for name, version, source in found)
    except (TypeError, ValueError):
        # A start-up file of the interpreter's own has printed something.
        return None


def _ask(python: Path, program: str) -> str | None:
    try:
        answer = subprocess.run(
            [str(python), "-I", "-c", program],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
            stdin=subprocess.DEVNULL,
            env=clean_variables(python),
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout


def _candidates(version: str) -> Iterator[Path]:
    """Where an interpreter may be: the one that runs this, the path, and where version managers put theirs."""
    base = getattr(sys, "_base_executable", None) or sys.executable
    if base and f"{sys.version_info[0]}.{sys.version_info[1]}" == version:
        yield Path(base)
    for name in (f"python{version}", "python3", "python"):
        found = shutil.which(name)
        if found is not None:
            yield Path(found)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    uv = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "uv"
    for folder, pattern in ((pyenv / "versions", f"{version}*"), (uv / "python", f"cpython-{version}*")):
        if folder.is_dir():
            yield from sorted(match / "bin" / "python3" for match in folder.glob(pattern))
