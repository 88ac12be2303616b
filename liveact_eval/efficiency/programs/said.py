"""What can be said of a program that was timed: devices, weights, and how it was started."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from liveact_eval.cards.command import CommandSpec
from liveact_eval.efficiency.programs.request import ProgramPlan
from liveact_eval.environments.store import environment, lock_hash
from liveact_eval.generators.command.installed import script_hash
from liveact_eval.generators.protocol import Generation

Ran = dict[str, str | int | float | bool]
_OF_VIDEO = ("program_size", "program_fps", "program_frames", "dropped_frames", "padded_s", "seed")
"""Details of a video that are the same in every repeat of a case."""


def device_of(provenance: Mapping[str, Any], count: int) -> str:
    """Name of the GPUs of this machine, or `cpu` for a program that takes none.

    Args:
        provenance: as `liveact_eval.results.provenance.gather` gives it.
        count: GPUs of one process.
    """
    if not count:
        return "cpu"
    return " or ".join(sorted({gpu["name"] for gpu in provenance["gpu"]})) or "GPU of unknown name"


def origin_of(spec: CommandSpec) -> str:
    """Where weights come from, as far as the card says."""
    named = [
        f"{weights.hub or weights.folder}{'' if weights.revision is None else '@' + weights.revision}"
        for weights in spec.weights.values()
    ]
    return ", ".join(named) or "as the program has them"


def ran_of(plan: ProgramPlan, made: Generation) -> Ran:
    """Everything that is known to decide what a video takes; nothing that differs between two runs of the same."""
    spec = plan.spec
    whole = json.dumps([spec.identity(), script_hash(spec)], sort_keys=True)
    # Variables too are in the hash; as words they might hold what is not for others.
    ran: Ran = {"gpus": spec.gpu.count, "card": hashlib.sha256(whole.encode()).hexdigest()[:12]}
    if spec.worker is None:
        ran |= {"program": spec.program, "arguments": " ".join(spec.arguments)}
    else:
        options = ", ".join(f"{name}={value}" for name, value in spec.worker.options.items())
        ran |= {"function": spec.worker.function, "options": options}
    if spec.environment is not None:
        built = environment(spec.environment)
        ran |= {"environment": built.name, "installed": lock_hash(built.record)[:12]}
        if built.record.commit is not None:
            ran["commit"] = built.record.commit
    return ran | {name: made.details[name] for name in _OF_VIDEO if name in made.details}
