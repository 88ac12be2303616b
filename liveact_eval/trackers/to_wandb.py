"""Weights & Biases: values as a run's summary, the rows as a table, files as an artifact.

Where it goes is said by the library's own variables: WANDB_PROJECT, WANDB_ENTITY, WANDB_MODE=offline.
"""

from __future__ import annotations

import hashlib
import os
import re

from liveact_eval.errors import UserError
from liveact_eval.results.schema import ResultRow
from liveact_eval.trackers.content import Content

PROJECT = "liveact-eval"


def log(content: Content) -> str:
    """Log a run; one that was logged from this folder before is replaced. Returns where it is.

    Raises:
        UserError: the service refuses it, or cannot be reached.
    """
    import wandb

    place = hashlib.sha256(str(content.folder.resolve()).encode("utf-8", "surrogateescape")).hexdigest()
    try:
        run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            id=place[:16],
            name=content.name,
            resume="allow",
            dir=str(content.folder),
            config=dict(content.settings),
            settings=wandb.Settings(console="off", silent=True),
        )
        run.summary.update(content.numbers)
        fields = list(ResultRow.model_fields)
        rows = [[_cell(getattr(row, field)) for field in fields] for row in content.rows]
        shown: dict[str, object] = {"results": wandb.Table(columns=fields, data=rows)}
        if content.plot is not None:
            shown["metrics"] = wandb.Image(str(content.plot))
        run.log(shown)
        artifact = wandb.Artifact(re.sub(r"[^A-Za-z0-9_.-]+", "-", content.name) or "run", type="results")
        for path in content.files:
            artifact.add_file(str(path), name=path.relative_to(content.folder).as_posix())
        run.log_artifact(artifact)
        # Offline there is no address, and asking for it is complained about.
        place = f"offline in {run.dir}" if run.settings.mode in ("offline", "dryrun") else str(run.url)
        run.finish()
    except wandb.errors.Error as error:
        raise UserError(
            f"wandb: {error}. The run itself is finished and kept. Log in with wandb login, or set WANDB_MODE=offline, "
            f"then: liveact-eval runs log {content.folder} --to wandb"
        ) from error
    return place


def _cell(value: object) -> str | int | float | None:
    return value if isinstance(value, str | int | float) or value is None else str(value)
