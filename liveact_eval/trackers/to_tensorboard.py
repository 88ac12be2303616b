"""TensorBoard: event files in the run folder, one series per model, so that models share a plot."""

from __future__ import annotations

from pathlib import Path

from liveact_eval.trackers.content import Content

FOLDER = "tensorboard"


def log(content: Content) -> str:
    """Write `tensorboard/` in the run folder, in place of what was there; returns how to look at it."""
    from torch.utils.tensorboard import SummaryWriter

    root = content.folder / FOLDER
    for old in root.rglob("events.out.tfevents.*"):
        old.unlink()
    for model in dict.fromkeys(row.model for row in content.rows):
        # One folder is one series: a metric has the same tag in all of them.
        with SummaryWriter(str(root / model)) as writer:
            for row in content.rows:
                if row.model != model or row.value is None:
                    continue
                writer.add_scalar(row.metric, row.value, 0)
                if row.ci_low is not None and row.ci_high is not None:
                    writer.add_scalar(f"intervals/{row.metric}.low", row.ci_low, 0)
                    writer.add_scalar(f"intervals/{row.metric}.high", row.ci_high, 0)
    with SummaryWriter(str(root)) as writer:
        writer.add_text("table", content.table, 0)
        lines = [f"| {name} | `{value}` |" for name, value in content.settings.items()]
        writer.add_text("settings", "\n".join(["| | |", "|:---|:---|", *lines]), 0)
        if content.plot is not None:
            writer.add_image("metrics", _picture(content.plot), 0, dataformats="HWC")
    return f"{root} (tensorboard --logdir {root})"


def _picture(path: Path) -> object:
    import numpy as np
    from PIL import Image

    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))
