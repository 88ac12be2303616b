"""The native model can be lifted out: it knows nothing of the harness."""

from __future__ import annotations

import ast
from pathlib import Path

import liveact_eval.liveact

FOLDER = Path(liveact_eval.liveact.__file__).parent


def imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


def test_it_imports_nothing_of_the_harness() -> None:
    foreign = {
        (path.name, name)
        for path in FOLDER.rglob("*.py")
        for name in imports(path)
        if name.startswith("liveact_eval") and not name.startswith("liveact_eval.liveact")
    }

    assert foreign == set()
    assert len(list(FOLDER.rglob("*.py"))) > 20
