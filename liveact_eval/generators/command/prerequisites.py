"""What this machine lacks for systems that are run as programs: all of it in one message, before anything starts."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Iterator, Sequence

from liveact_eval.cards.command import CommandSpec
from liveact_eval.cards.placeholders import names_in
from liveact_eval.environments.cards import load_environment
from liveact_eval.environments.needs import Lack, enough_memory
from liveact_eval.environments.store import build_command, examine
from liveact_eval.errors import UserError
from liveact_eval.generators.command.devices import visible_devices
from liveact_eval.generators.command.installed import (
    Installed,
    find_installed,
    missing_weights,
    script_of,
    weight_folder,
)

ACCEPTED_VARIABLE = "LIVEACT_EVAL_ACCEPTED_LICENCES"
"""Names of models whose terms the user has accepted, with commas between them."""


def find_lacking(name: str, spec: CommandSpec) -> list[Lack]:
    """Everything that is missing for a system, and what mends it; nothing heavy is started.

    Args:
        name: name of its model card.
        spec: how it is run.
    """
    return [*_licence(name, spec), *_program(spec), *_weights(spec), *_gpus(spec)]


def refuse_lacking(lacking: Sequence[tuple[str, Lack]]) -> None:
    """Stop where something is missing.

    Args:
        lacking: title of a system, and what it lacks.

    Raises:
        UserError: all of it, each with what mends it.
    """
    if not lacking:
        return
    things = "1 thing is" if len(lacking) == 1 else f"{len(lacking)} things are"
    lines = "".join(f"\n  - {title}: {lack.what}\n    mend: {lack.mend}" for title, lack in lacking)
    raise UserError(f"{things} missing. Nothing was started.{lines}")


def _licence(name: str, spec: CommandSpec) -> Iterator[Lack]:
    accepted = [part.strip() for part in os.environ.get(ACCEPTED_VARIABLE, "").split(",") if part.strip()]
    if spec.licence is not None and name not in accepted:
        yield Lack(
            f"its licence ({spec.licence.name}) was not accepted: {spec.licence.text}",
            f"read it; if you accept: export {ACCEPTED_VARIABLE}={','.join([*accepted, name])}",
        )


def _program(spec: CommandSpec) -> Iterator[Lack]:
    if spec.environment is not None:
        try:
            state, record = examine(load_environment(spec.environment))
        except UserError as error:
            # One model's card must not stop the list of all.
            yield Lack(
                f"its environment {spec.environment!r} cannot be used: {error}",
                "do what that says, or correct `environment`",
            )
            return
        if record is None or state == "broken":
            yield Lack(f"its environment is {state}", build_command(spec.environment))
            return
    installed = find_installed(spec)
    if shutil.which(str(installed.python)) is None:
        yield Lack(
            f"there is no interpreter at {str(installed.python)!r}",
            "correct `python` in the card, or leave it out",
        )
    if (
        not names_in(spec.program)
        and shutil.which(spec.program, path=installed.variables.get("PATH")) is None
    ):
        yield Lack(
            f"there is no program {spec.program!r} on the path",
            "install it, or correct `program` in the card",
        )
    yield from _repository(spec, installed)


def _repository(spec: CommandSpec, installed: Installed) -> Iterator[Lack]:
    folder = installed.repository
    if folder is None:
        return
    if not folder.is_dir():
        yield Lack(f"there is no repository at {str(folder)!r}", "correct `repository` in the card")
        return
    script = script_of(spec)
    if spec.worker is None and script is not None and not (folder / script).is_file():
        yield Lack(
            f"the repository at {str(folder)!r} has no {script!r}",
            "check out the commit that the card is for, or correct `arguments` in the card",
        )


def _weights(spec: CommandSpec) -> Iterator[Lack]:
    for name, weights in spec.weights.items():
        place = weight_folder(weights)
        missing = missing_weights(weights, place)
        if missing:
            what = f"weights `{name}`: {', '.join(missing)} not in {str(place)!r}"
            if weights.hub is None:
                yield Lack(what, "put them there, or correct `weights` in the card")
                continue
            words = ["hf", "download", weights.hub]
            words += [] if weights.revision is None else ["--revision", weights.revision]
            yield Lack(what, shlex.join([*words, "--local-dir", str(place)]))


def _gpus(spec: CommandSpec) -> Iterator[Lack]:
    if spec.gpu.count == 0:
        return
    devices = visible_devices()
    wanted = f"{spec.gpu.count} GPU" + ("s" if spec.gpu.count > 1 else "")
    enough = devices
    if spec.gpu.memory_gib is not None:
        wanted += f" with {spec.gpu.memory_gib:g} GiB of memory"
        enough = [device for device in devices if enough_memory(device.memory_gib, spec.gpu.memory_gib)]
    if len(enough) < spec.gpu.count:
        seen = ", ".join(f"{device.memory_gib:.0f} GiB" for device in devices)
        yield Lack(
            f"it needs {wanted}; seen: {seen or 'none'}",
            "use a machine with such GPUs, or let CUDA_VISIBLE_DEVICES show them",
        )
