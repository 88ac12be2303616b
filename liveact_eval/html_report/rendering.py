"""Templates of pages. Everything that comes from names is escaped; nothing is loaded from elsewhere."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment

STATIC = Path(__file__).with_name("static")
_TEMPLATES = Path(__file__).with_name("templates")


def render_page(template: str, values: Mapping[str, object]) -> str:
    """A page as HTML.

    Args:
        template: file in `templates`.
        values: what its names mean; a name that is missing is an error.
    """
    return _environment().get_template(template).render(dict(values))


@functools.cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["static"] = _static
    return made


def _static(name: str) -> str:
    """A file of this package to be put into a page of one file; it is ours, so it is not escaped."""
    from markupsafe import Markup

    return Markup((STATIC / name).read_text(encoding="utf-8"))  # noqa: S704
