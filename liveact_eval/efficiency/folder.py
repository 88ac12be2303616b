"""The result folder of a benchmark."""

from __future__ import annotations

from pathlib import Path

from liveact_eval.efficiency.gate_run import write_gate_run
from liveact_eval.efficiency.plots import write_plots
from liveact_eval.efficiency.report import markdown
from liveact_eval.efficiency.schema import Efficiency
from liveact_eval.errors import BrokenEnvironmentError
from liveact_eval.files import write_text

RESULT = "efficiency.json"
QUALITY = "quality"
"""Run folder of the scored videos."""
GATE = "gate"
"""Run folder for `liveact-eval check`."""


def make_folder(root: Path) -> None:
    """Make the folder before anything is measured: what permissions promise, the system may still refuse.

    Raises:
        BrokenEnvironmentError: it cannot be made.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BrokenEnvironmentError(
            f"--out {str(root)!r} cannot be made: {error.strerror}. Take another folder."
        ) from error


def write_folder(efficiency: Efficiency, root: Path) -> None:
    """Write `efficiency.json`, `efficiency.md`, the plots, and what the gate reads."""
    root.mkdir(parents=True, exist_ok=True)
    write_text(root / RESULT, efficiency.model_dump_json(indent=1) + "\n")
    write_text(root / "efficiency.md", markdown(efficiency))
    write_plots(efficiency, root / "plots")
    write_gate_run(efficiency, root / GATE)
