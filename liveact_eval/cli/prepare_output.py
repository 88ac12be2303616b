"""What `datasets prepare` and `datasets verify` print in the end."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from liveact_eval.cli.console import stderr, stdout, write_json
from liveact_eval.datasets.published.layout import CLIP_FOLDERS

if TYPE_CHECKING:
    from liveact_eval.datasets.preparing.making import Workshop
    from liveact_eval.datasets.preparing.rows import ClipRow
    from liveact_eval.datasets.preparing.verify import Verdict


def show_rows(rows: list[ClipRow], shop: Workshop, use: str, *, quiet: bool, as_json: bool) -> None:
    """What became of the clips: counts by state and reason, each with an example; and the command that uses them."""
    counts = Counter[str](row.status for row in rows)
    if as_json:
        write_json(
            {
                "folder": str(shop.folder.path),
                "counts": dict(counts),
                "clips": [row.model_dump(mode="json", exclude={"seal"}) for row in rows],
            }
        )
        return
    from rich.markup import escape
    from rich.table import Table

    reasons = Counter((row.status, row.reason or "") for row in rows)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in ("status", "clips", "reason", "for example"):
        table.add_column(column, justify="right" if column == "clips" else "left", overflow="fold")
    for (status, reason), count in sorted(reasons.items(), key=lambda item: (item[0][0] != "ready", item)):
        example = next(row for row in rows if (row.status, row.reason or "") == (status, reason))
        told = "" if status == "ready" else f"{example.clip_id}: {example.message}"
        table.add_row(status, str(count), reason or "–", escape(told))
    stdout().print(table)
    if not quiet:
        said = f"{counts['ready']} of {len(rows)} clips are ready; all rows are in {shop.folder.manifest}"
        stderr().print(said, markup=False, soft_wrap=True)
        unchecked = Counter(what for row in rows if row.judgement for what in row.judgement.unchecked)
        for what, count in unchecked.most_common():
            stderr().print(f"not checked in {count} clips: {what}", markup=False, soft_wrap=True)
        if counts["ready"]:
            stderr().print(f"Use them with: {use}", markup=False, soft_wrap=True)


def show_verdict(verdict: Verdict, again: str, *, as_json: bool) -> None:
    """What is damaged, and what mends it: `again`, the command that prepares the dataset."""
    content: dict[str, Any] = {
        "whole": not verdict.damages,
        "checked": verdict.checked,
        "statuses": verdict.statuses,
        "damages": [vars(damage) for damage in verdict.damages],
    }
    if as_json:
        write_json(content)
        return
    from rich.markup import escape
    from rich.table import Table

    if verdict.damages:
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        for column in ("clip", "file", "what", "found"):
            table.add_column(column, overflow="fold")
        for damage in verdict.damages:
            table.add_row(damage.clip or "–", escape(damage.file), damage.code, escape(damage.message))
        stdout().print(table)
    counts = ", ".join(f"{count} {status}" for status, count in verdict.statuses.items())
    files = f"{verdict.checked} ready clips looked at, {len(verdict.damages)} damages. Split: {counts or 'unknown'}"
    stdout().print(files, markup=False, soft_wrap=True)
    if verdict.damages:
        # The manifest itself and the lists are put in order by preparing.
        places = tuple(f"{name}/" for name in CLIP_FOLDERS)
        remove = any(damage.file.startswith(places) for damage in verdict.damages)
        first = f"Remove the files named above in {', '.join(places)}, then " if remove else "To mend it, "
        stderr().print(f"{first}prepare it again: {again}", markup=False, soft_wrap=True)
