"""What `prepare --plan` says: nothing is fetched, nothing is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from liveact_eval.datasets.preparing.making import Workshop
from liveact_eval.datasets.preparing.manifest import read_lines
from liveact_eval.datasets.preparing.obtaining import raw_video
from liveact_eval.datasets.preparing.outlook import Outlook
from liveact_eval.datasets.preparing.request import (
    Request,
    check_detector,
    choose,
    default_workers,
    lists_at_hand,
)
from liveact_eval.datasets.preparing.rows import ClipRow
from liveact_eval.datasets.preparing.terms import terms_text
from liveact_eval.datasets.preparing.wanted import Wanted
from liveact_eval.errors import ClipError


def plan_of(request: Request, shop: Workshop, workers: int | None, *, retry_failed: bool) -> dict[str, Any]:
    """What would be done, by name.

    Raises:
        UserError: what would be refused.
    """
    lists = lists_at_hand(request)
    spec = request.card.prepared
    content: dict[str, Any] = {
        "dataset": request.card.name,
        "folder": str(shop.folder.path),
        "terms": terms_text(request.card),
        "must_accept": spec is not None and spec.must_accept,
        "lists": "would be fetched" if lists is None else str(lists),
        "videos_from": shop.source.way,
        "tools": shop.source.tools,
        "workers": workers or default_workers(shop.source),
        "size": list(shop.recipe.size),
        "fps": float(shop.recipe.rate),
        "seconds": None if shop.recipe.seconds is None else float(shop.recipe.seconds),
    }
    if lists is None:
        return content | {"clips": None, "note": "clips and videos are known once the lists are here"}
    wanted = choose(request, lists)
    outlook = outlook_of(shop, wanted, retry_failed=retry_failed)
    here = [video for video, users in outlook.videos.items() if _is_here(shop, video, users)]
    return content | {
        "clips": len(wanted),
        "ready": len(outlook.ready),
        "given_up": dict(Counter(row.status for row in outlook.given_up)),
        "to_make": [one.id for one in outlook.open],
        "videos": list(outlook.videos),
        "videos_here": here,
        "warning": check_detector(outlook.open, shop.networks),
    }


def _is_here(shop: Workshop, video: str, users: tuple[Wanted, ...]) -> bool:
    """Whether a video need not be fetched; whether it is whole is found when it is cut."""
    if shop.source.local is None:
        return raw_video(shop.store, video) is not None
    clip = next(part for one in users for part in one.parts if part.video_id == video)
    try:
        return shop.source.local.find(clip).is_file()
    except ClipError:
        return False


def outlook_of(shop: Workshop, wanted: Sequence[Wanted], *, retry_failed: bool) -> Outlook:
    """What is to be done about the wanted clips, given what the manifest says now."""
    return Outlook.of(shop, wanted, _rows(shop), retry_failed=retry_failed)


def _rows(shop: Workshop) -> dict[str, ClipRow]:
    if not shop.folder.has_manifest:
        return {}
    lines = read_lines(shop.folder.manifest)
    return {line.row.clip_id: line.row for line in lines if line.row is not None and line.problem is None}
