"""How a worker of this folder answers: one line of JSON for each line of JSON, until its input ends.

Standard library only, as it runs in the environments of other programs.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

Score = Callable[[str], "tuple[float, float] | str"]
"""A video's value, and what it counts in the tool's mean over videos; or why the tool leaves the video out."""


def serve(name: str, load: Callable[[], Score]) -> None:
    """Load a tool, say so, and answer each {"video": PATH} until the input ends.

    Answers are {"value": V, "weight": W}, {"invalid": TEXT} where the tool leaves a video out, or {"error": TEXT}. What
    the tool prints goes to the standard error.

    Args:
        name: of what is loaded.
        load: loads it.
    """
    answers = os.fdopen(os.dup(1), "w")
    # What the tool prints, and what programs print that it starts.
    os.dup2(2, 1)

    def answer(content: dict[str, Any]) -> None:
        answers.write(json.dumps(content) + "\n")
        answers.flush()

    score = load()
    answer({"ready": name})
    for line in sys.stdin:
        try:
            found = score(json.loads(line)["video"])
        except Exception as error:  # noqa: BLE001 - one video must not cost the others
            traceback.print_exc()
            answer({"error": f"{type(error).__name__}: {error}"})
            continue
        if isinstance(found, str):
            answer({"invalid": found})
        else:
            answer({"value": found[0], "weight": found[1]})
