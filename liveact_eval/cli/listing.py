"""Where the groups of the nouns lie."""

from __future__ import annotations

from liveact_eval.cli.datasets import datasets
from liveact_eval.cli.metrics_commands import metrics
from liveact_eval.cli.models import models

__all__ = ["datasets", "metrics", "models"]
