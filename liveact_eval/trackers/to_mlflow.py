"""MLflow: values as metrics, settings as tags, files as artifacts.

Where it goes is said by the library's own variables: MLFLOW_TRACKING_URI, MLFLOW_EXPERIMENT_NAME.
"""

from __future__ import annotations

import os
import re

from liveact_eval.errors import UserError
from liveact_eval.files import write_text
from liveact_eval.trackers.content import Content

EXPERIMENT = "liveact-eval"
_KNOWN = ".mlflow-run"
"""File in the run folder that keeps the id of the run that it was logged as."""
_LONGEST = 500
"""Characters of a parameter that every MLflow server takes."""


def log(content: Content) -> str:
    """Log a run; one that was logged from this folder before gets the new values. Returns where it is.

    Raises:
        UserError: the server refuses it, or cannot be reached.
    """
    import mlflow

    known = content.folder / _KNOWN
    try:
        mlflow.set_experiment(os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT))
        before = _alive(known.read_text(encoding="utf-8").strip()) if known.is_file() else None
        with mlflow.start_run(run_id=before, run_name=None if before else content.name) as run:
            # Parameters cannot be changed, and those of a run that goes on may have: tags can.
            mlflow.set_tags({_name(key): str(value)[:_LONGEST] for key, value in content.settings.items()})
            mlflow.log_metrics({_name(key): value for key, value in content.numbers.items()})
            mlflow.log_text(content.table, "table.md")
            for path in content.files:
                folder = path.parent.relative_to(content.folder).as_posix()
                mlflow.log_artifact(str(path), None if folder == "." else folder)
            write_text(known, run.info.run_id + "\n")
            return f"run {run.info.run_id} of {mlflow.get_tracking_uri()}"
    except mlflow.exceptions.MlflowException as error:
        raise UserError(
            f"mlflow: {error.message}. The run itself is finished and kept. Check MLFLOW_TRACKING_URI, then: "
            f"liveact-eval runs log {content.folder} --to mlflow"
        ) from error


def _alive(run: str) -> str | None:
    """The id, where the server that is meant now has the run, and has not deleted it."""
    import mlflow

    try:
        found = mlflow.get_run(run)
    except mlflow.exceptions.MlflowException:
        return None
    return run if found.info.lifecycle_stage == "active" else None


def _name(text: str) -> str:
    """A name with the characters that MLflow takes."""
    return re.sub(r"[^\w.\-/ ]", "_", text, flags=re.ASCII)
