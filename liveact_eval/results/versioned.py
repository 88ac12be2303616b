"""Files with a schema version: reading them politely, and the schema that is published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from liveact_eval.cards.load import parse_typed
from liveact_eval.errors import NewerFileError, UserError

T = TypeVar("T", bound=BaseModel)


def read_versioned(path: Path, schema: type[T], version: int, *, what: str, make: str) -> T:
    """A JSON file as a typed object.

    Args:
        path: the file.
        schema: what it holds; its field `schema_version` counts.
        version: the latest that this version of the package understands.
        what: what it is, for messages: `results`.
        make: how to get one where there is none, a whole sentence.

    Raises:
        UserError: missing, or damaged.
        NewerFileError: written by a newer version.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"No {what} at {str(path)!r}. {make}") from error
    except ValueError as error:
        raise UserError(f"{path}: not valid JSON: {error}. Move it away. {make}") from error
    found = content.get("schema_version") if isinstance(content, dict) else None
    if isinstance(found, int) and found > version:
        raise NewerFileError(
            f"{path}: {what} of schema version {found}; this version understands at most {version}. "
            "Upgrade with: pip install -U liveact-eval"
        )
    return parse_typed(content, schema, where=str(path))


def published(schema: type[BaseModel], title: str) -> dict[str, Any]:
    """The JSON Schema of a file, with its dialect and a title."""
    made = schema.model_json_schema()
    made["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    made["title"] = title
    return made
