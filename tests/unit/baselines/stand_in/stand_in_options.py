"""The options of a system's program as argparse, from the list of what its own parser declares."""

from __future__ import annotations

import argparse
from typing import Any

KINDS = {"texts": str, "numbers": int, "decimals": float}


def boolean(text: str) -> bool:
    """What the programs take for a truth value."""
    if text.lower() not in {"true", "false"}:
        raise argparse.ArgumentTypeError(f"{text!r} is no truth value")
    return text.lower() == "true"


def parser_of(system: dict[str, Any]) -> argparse.ArgumentParser:
    """A parser with these options and no others; shortened names are not taken."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for kind, convert in KINDS.items():
        for names in system.get(kind, ()):
            parser.add_argument(*names.split(), type=convert)
    for names in system.get("booleans", ()):
        parser.add_argument(*names.split(), type=boolean)
    for names in system.get("switches", ()):
        parser.add_argument(*names.split(), action="store_true")
    for names in system.get("several", ()):
        parser.add_argument(*names.split(), nargs="+")
    for names, choices in system.get("choices", {}).items():
        parser.add_argument(*names.split(), choices=choices)
    return parser
