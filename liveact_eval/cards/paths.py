"""Paths that stand in a card."""

from __future__ import annotations


def stays_inside(path: str) -> bool:
    """Whether a path, with `/` between folders, stays inside the folder that it is joined to."""
    parts = path.split("/")
    return not any(part in {"", ".", ".."} or "\\" in part or "\0" in part for part in parts)
