"""`liveact-eval train`: a stage of training from its recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from liveact_eval.cli import options
from liveact_eval.cli.console import stderr


def train(
    recipe: Annotated[
        str | None,
        typer.Argument(help="Name of a recipe, or path of a YAML file.", show_default=False),
    ] = None,
    kit: Annotated[
        Path,
        typer.Option("--kit", help="Folder of the model: weights of all stages, logs and checkpoints."),
    ] = Path("runs/train"),
    device: Annotated[
        str, typer.Option("--device", help="cpu, cuda, cuda:N; auto: a GPU where there is one.")
    ] = "auto",
    seconds: Annotated[
        float | None,
        typer.Option("--seconds", min=0.0, help="Stop after so many seconds; the same command goes on."),
    ] = None,
    listing: Annotated[bool, typer.Option("--list", help="List the recipes and stop.")] = False,
    pack_into: Annotated[
        Path | None,
        typer.Option(
            "--pack",
            help="Copy what all stages of --kit have made to this folder, with a card, and stop.",
            show_default=False,
        ),
    ] = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Train a stage of a small model on drawn clips. Interrupted, the same command goes on and ends with the same
    weights.

    Examples:

        liveact-eval train --list

        liveact-eval train mini-vae --kit runs/mini --seconds 600

        liveact-eval train my-recipe.yaml --kit runs/mine --device cuda

        torchrun --nproc-per-node 4 -m liveact_eval train my-recipe.yaml --kit runs/mine

        liveact-eval train --pack runs/packed --kit runs/mini
    """
    from liveact_eval.cli.tables import show_content, show_list
    from liveact_eval.errors import UserError
    from liveact_eval.training.recipe import load_recipe, shipped_recipes

    if listing:
        show_list([_row(load_recipe(name)) for name in shipped_recipes()], as_json)
        return
    if pack_into is not None:
        from liveact_eval.training.kit import Kit
        from liveact_eval.training.packing import pack

        show_list([{**vars(file)} for file in pack(Kit(kit), pack_into)], as_json)
        return
    if recipe is None:
        raise UserError("No recipe is named. List them with: liveact-eval train --list")
    chosen = load_recipe(recipe)
    from liveact_eval.cli.train_progress import TrainProgress
    from liveact_eval.liveact.launch import launched_rank
    from liveact_eval.training.devices import training_device
    from liveact_eval.training.kit import Kit
    from liveact_eval.training.logs import has_board
    from liveact_eval.training.stages import train as run_stage

    # Of the processes that torchrun starts, the first one speaks.
    silent = launched_rank() > 0
    place = training_device(device, chosen.precision)
    with TrainProgress(chosen.steps, quiet=quiet or silent) as progress:
        outcome = run_stage(
            chosen, Kit(kit), progress, device=place, seconds=seconds, encoded=progress.encoded
        )
    if silent:
        return
    content = {
        "recipe": chosen.name,
        "device": outcome.device,
        "steps": f"{outcome.done} of {chosen.steps}",
        "finished": outcome.finished,
        "validation": dict(outcome.validation),
        "files": {role: str(path) for role, path in outcome.files.items()},
    }
    show_content(content, as_json)
    if not has_board() and not quiet:
        stderr().print(
            "TensorBoard is not installed: log.jsonl alone has the losses. Mend: pip install 'liveact-eval[train]'",
            markup=False,
        )
    if not outcome.finished:
        stderr().print("Not finished. The same command goes on.", markup=False)


def _row(recipe: object) -> dict[str, object]:
    """What a recipe says in the list."""
    from liveact_eval.training.recipe import Recipe

    assert isinstance(recipe, Recipe)
    return {
        "name": recipe.name,
        "objective": recipe.objective.kind,
        "steps": recipe.steps,
        "summary": recipe.summary.strip(),
    }
