"""`liveact-eval datasets prepare|verify`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from liveact_eval.cli import options
from liveact_eval.cli.console import stderr
from liveact_eval.cli.prepare_output import show_rows, show_verdict
from liveact_eval.errors import ExitCode

if TYPE_CHECKING:
    from liveact_eval.datasets.preparing.making import Workshop
    from liveact_eval.datasets.preparing.request import Request
    from liveact_eval.datasets.preparing.rows import ClipRow

Name = Annotated[str, typer.Argument(help="Name, or path of a card.", show_default=False)]
Root = Annotated[
    Path | None,
    typer.Option(
        "--root",
        help="Folder of prepared datasets. Default: LIVEACT_EVAL_DATA, else the user's data folder.",
        show_default=False,
    ),
]


def prepare_dataset(
    name: Name,
    videos: Annotated[
        Path | None,
        typer.Option(
            "--videos",
            help="Folder of videos that you have, named by video id or by name in the dataset. No video is fetched.",
            show_default=False,
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--source",
            help="Address of a private mirror, before file names such as ID.mp4.",
            show_default=False,
        ),
    ] = None,
    annotations: Annotated[
        Path | None,
        typer.Option(
            "--annotations",
            help="Folder with the authors' lists. Default: they are fetched.",
            show_default=False,
        ),
    ] = None,
    root: Root = None,
    limit: options.Limit = None,
    reserve: Annotated[
        int, typer.Option("--reserve", min=0, help="Prepare so many clips of the reserve too.")
    ] = 0,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=1,
            help="Videos at a time. Default: one where they are fetched, one per core for --videos.",
            show_default=False,
        ),
    ] = None,
    pause: Annotated[
        float, typer.Option("--pause", min=0, help="Mean seconds between videos of the site.")
    ] = 3.0,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try clips again that were dead or bad.")
    ] = False,
    accept_terms: Annotated[
        bool, typer.Option("--accept-terms", help="Accept the terms of the dataset where that is asked for.")
    ] = False,
    plan: options.PlanOnly = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Fetch or find the videos of a published dataset, and cut, crop and check its clips.

    What is finished is never done again: the same command continues after any interruption.

    Examples:

        liveact-eval datasets prepare hdtf

        liveact-eval datasets prepare hdtf --videos path/to/videos

        liveact-eval datasets prepare emtd --source https://files.example/emtd --reserve 10

        liveact-eval datasets prepare celebvhq --accept-terms --plan
    """
    from liveact_eval.cards.load import load_dataset
    from liveact_eval.datasets.preparing.request import Request, lists_at_hand, workshop
    from liveact_eval.datasets.preparing.terms import settle_terms
    from liveact_eval.datasets.published.commands import run_command

    card, path = load_dataset(name)
    request = Request(
        card=card,
        beside=path.parent,
        root=root,
        annotations=annotations,
        videos=videos,
        source=source,
        reserve=reserve,
        limit=limit,
        pause_s=pause,
    )
    shop = workshop(request)
    if plan:
        _show_plan(request, shop, workers, retry_failed=retry_failed, as_json=as_json)
        return
    # A folder that does not have the lists is refused before anything is written.
    lists_at_hand(request)
    terms = settle_terms(card, name, shop.folder, accepted=accept_terms)
    if terms is not None:
        stderr().print(terms, markup=False, soft_wrap=True)
    rows = _prepare(request, shop, workers, retry_failed=retry_failed, quiet=quiet)
    show_rows(rows, shop, run_command(name, root), quiet=quiet, as_json=as_json)
    if any(row.status != "ready" for row in rows):
        raise typer.Exit(int(ExitCode.PARTIAL))


def verify_dataset(
    name: Name,
    annotations: Annotated[
        Path | None,
        typer.Option(
            "--annotations",
            help="Folder with the authors' lists. Default: those that were used for preparing.",
            show_default=False,
        ),
    ] = None,
    root: Root = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Check every file of a prepared dataset against its manifest and its protocol. Nothing is fetched or changed.

    Exit code 3 if anything is wrong.

    Examples:

        liveact-eval datasets verify hdtf

        liveact-eval datasets verify hdtf --json
    """
    from liveact_eval.cards.load import load_dataset
    from liveact_eval.cli.prepare_progress import PrepareProgress
    from liveact_eval.datasets.preparing.expecting import expectation, manifest_folder
    from liveact_eval.datasets.preparing.verify import verify
    from liveact_eval.datasets.published.commands import prepare_command

    card, path = load_dataset(name)
    folder = manifest_folder(card, name, root)
    expected = expectation(card, path.parent, annotations=annotations, root=root)
    with PrepareProgress("verifying", quiet=quiet) as progress:
        verdict = verify(folder, expected, progress.checking)
    show_verdict(verdict, prepare_command(card, name, root), as_json=as_json)
    if verdict.damages:
        raise typer.Exit(int(ExitCode.PARTIAL))


def _prepare(
    request: Request, shop: Workshop, workers: int | None, *, retry_failed: bool, quiet: bool
) -> list[ClipRow]:
    from liveact_eval.cli.prepare_progress import PrepareProgress
    from liveact_eval.datasets.preparing.driver import Preparation
    from liveact_eval.datasets.preparing.planning import outlook_of
    from liveact_eval.datasets.preparing.request import (
        check_detector,
        choose,
        default_workers,
        have_lists,
        lists_at_hand,
    )

    console = stderr()
    try:
        if not quiet:
            console.print(f"into {str(shop.folder.path)!r}", markup=False, soft_wrap=True)
            if lists_at_hand(request) is None:
                console.print("fetching the authors' lists")
        wanted = choose(request, have_lists(request, advanced=lambda _: None))
        to_make = outlook_of(shop, wanted, retry_failed=retry_failed).open
        warning = check_detector(to_make, shop.networks)
        if warning is not None:
            console.print(f"warning: {warning}", markup=False, soft_wrap=True)
        with PrepareProgress("clips", quiet=quiet) as progress:
            preparation = Preparation(shop=shop, wanted=wanted, retry_failed=retry_failed, listener=progress)
            return preparation.run(workers or default_workers(shop.source))
    except KeyboardInterrupt:
        console.print("\nInterrupted. Everything finished is kept; the same command continues.")
        raise typer.Exit(130) from None


def _show_plan(
    request: Request, shop: Workshop, workers: int | None, *, retry_failed: bool, as_json: bool
) -> None:
    from liveact_eval.cli.tables import show_content
    from liveact_eval.datasets.preparing.planning import plan_of

    plan = plan_of(request, shop, workers, retry_failed=retry_failed)
    show_content(plan, as_json)
