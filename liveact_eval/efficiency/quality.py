"""The score of the very frames that were timed, by the path that scores any folder of videos."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from liveact_eval.efficiency.folder import QUALITY
from liveact_eval.efficiency.request import BenchRequest

if TYPE_CHECKING:
    from liveact_eval.execution.plan import Plan
    from liveact_eval.execution.run import Watcher
    from liveact_eval.execution.session import Finished


def score_videos(request: BenchRequest, model: str, watch: Callable[[Plan], Watcher]) -> Finished:
    """Score the videos that a benchmark of a dataset has left, against that dataset.

    Args:
        request: of the benchmark, with a dataset.
        model: name of its card.
        watch: called with the plan of the score; gives who is told about progress.

    Raises:
        UserError: an unknown metric.
    """
    from liveact_eval.execution.config import RunConfig, ScoreSource
    from liveact_eval.execution.session import execute

    config = RunConfig(
        score=ScoreSource(videos=request.out / "videos", reference=request.dataset, name=model),
        metrics=request.metrics or ("all-offline",),
        limit=request.repeats,
        out=request.out / QUALITY,
    )
    return execute(config, watch)
