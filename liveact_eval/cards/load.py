"""Finding cards and reading them: safe YAML, typed, an unknown key is an error that names the nearest."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from liveact_eval.cards.dataset import DatasetCard
from liveact_eval.cards.model import ModelCard
from liveact_eval.errors import UserError, unknown_name

T = TypeVar("T", bound=BaseModel)
CARD_SUFFIXES = (".yaml", ".yml")


def data_root() -> Path:
    """Folder that holds `models/`, `datasets/` and `reports/`: inside the wheel, or the repository's root."""
    package = Path(__file__).resolve().parents[1]
    packed = package / "_data"
    root = packed if packed.is_dir() else package.parent
    if not (root / "models").is_dir():
        raise UserError(
            f"The cards are not where they should be: {root / 'models'} is not a folder. "
            "Reinstall with: pip install --force-reinstall liveact-eval"
        )
    return root


def list_cards(kind: str) -> dict[str, Path]:
    """Names and paths of the shipped cards of a kind, `models` or `datasets`, sorted by name."""
    paths = (data_root() / kind).glob("*.yaml")
    return {path.stem: path for path in sorted(paths, key=lambda path: path.stem)}


def load_model(name: str) -> ModelCard:
    """The model card of that name, or at that path if `name` is a path to a YAML file."""
    path = _find("models", name)
    card = read_typed(path, ModelCard)
    if card.command is not None:
        return card.model_copy(update={"command": card.command.beside(path.parent)})
    if card.native is None or card.native.folder is None:
        return card
    folder = str((path.parent / card.native.folder).resolve())
    return card.model_copy(update={"native": card.native.model_copy(update={"folder": folder})})


def load_dataset(name: str) -> tuple[DatasetCard, Path]:
    """The dataset card of that name or path, and the path that it was read from."""
    path = _find("datasets", name)
    return parse_typed(_with_lists(read_yaml(path), path), DatasetCard, where=str(path)), path


def _with_lists(content: dict[str, Any], path: Path) -> dict[str, Any]:
    """A dataset card with what `prepared.lists` names put in its place: cards cut from the same lists share it."""
    prepared = content.get("prepared")
    if not isinstance(prepared, dict) or not isinstance(name := prepared.get("lists"), str):
        return content
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise UserError(f"{path}: field `prepared.lists`: {name!r}; expected a path below the card's folder.")
    return content | {"prepared": read_yaml(path.parent / name) | prepared}


def is_card_path(name: str) -> bool:
    """Whether a name on the command line means a card file of the user's own."""
    return name.lower().endswith(CARD_SUFFIXES)


def _find(kind: str, name: str) -> Path:
    if is_card_path(name):
        path = Path(name)
        if not path.is_file():
            raise UserError(f"No card at {name!r}: expected a YAML file. Check the path.")
        return path
    cards = list_cards(kind)
    if name not in cards:
        single = kind.removesuffix("s")
        raise unknown_name(single, name, cards, hint=f"List them with: liveact-eval {kind} list")
    return cards[name]


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file, by the safe loader."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid YAML: {error}") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}. Check the path.") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected a mapping of fields, found {type(content).__name__}.")
    return content


def read_typed(path: Path, schema: type[T]) -> T:
    """A YAML file as a typed object; every complaint names the file, the field and what was expected."""
    return parse_typed(read_yaml(path), schema, where=str(path))


def parse_typed(content: dict[str, Any], schema: type[T], *, where: str) -> T:
    """A mapping as a typed object.

    Raises:
        UserError: one line per complaint, with `where`, the field, the value seen and what was expected.
    """
    try:
        return schema.model_validate(content)
    except ValidationError as error:
        lines = [_complaint(item, schema) for item in error.errors()]
        raise UserError(f"{where}: " + f"\n{where}: ".join(lines)) from error


def _complaint(item: Any, schema: type[BaseModel]) -> str:
    location = [part for part in item["loc"] if part != "function-after"]
    field = ".".join(str(part) for part in location) or "card"
    if item["type"] == "extra_forbidden":
        known = _fields_at(schema, location[:-1])
        near = difflib.get_close_matches(str(location[-1]), known, n=1, cutoff=0.5)
        guess = f" Did you mean `{near[0]}`?" if near else f" Known fields: {', '.join(sorted(known))}."
        return f"unknown field `{field}`.{guess}"
    seen = "" if item["type"] == "missing" else f" (found {item['input']!r})"
    if len(seen) > 200:
        seen = ""
    message = str(item["msg"]).removeprefix("Value error, ")
    return f"field `{field}`: {message}{seen}"


def _fields_at(schema: type[BaseModel], location: list[Any]) -> list[str]:
    """Field names of the section that a location leads to, as far as it can be followed."""
    current: Any = schema
    for part in location:
        if isinstance(part, int) or not isinstance(current, type) or not issubclass(current, BaseModel):
            continue
        if part in current.model_fields:
            current = _section(current.model_fields[part].annotation)
    return list(current.model_fields) if isinstance(current, type) and issubclass(current, BaseModel) else []


def _section(annotation: Any) -> Any:
    """The model inside `Section`, `Section | None` or `tuple[Section, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        found = _section(inner)
        if found is not None:
            return found
    return None
