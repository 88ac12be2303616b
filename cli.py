"""Run the command line from a clone without installing: python cli.py run ..."""

import sys
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, ModuleSpec, SourceFileLoader
from pathlib import Path
from types import ModuleType


class _NoNamespaces(FileFinder):
    """Finds modules beside this file, but takes no folder without Python files for a package.

    Python puts the folder of a script on its path. `datasets/` lies there too, and other libraries would take it
    for the library of that name.
    """

    def find_spec(self, fullname: str, target: "ModuleType | None" = None) -> "ModuleSpec | None":
        spec = super().find_spec(fullname, target)
        return None if spec is None or spec.loader is None else spec


ROOT = str(Path(__file__).resolve().parent)
sys.path_importer_cache[ROOT] = _NoNamespaces(ROOT, (SourceFileLoader, SOURCE_SUFFIXES))

from liveact_eval.cli import main  # noqa: E402

if __name__ == "__main__":
    main()
