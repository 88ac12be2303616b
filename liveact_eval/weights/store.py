"""Where weight files lie, and which of a card's files are there.

Fetched files lie at `<root>/<owner>/<name>/<revision>/<file>`. A folder of the user's own may have any of these
layouts too: `<owner>/<name>/<file>`, `<name>/<file>`, `<file>`, or `<any folder>/<file>`. So the folders that the
authors' programs want are accepted as they are. A file with a plain address lies at `<root>/<host>/<file>`, or in one
of the last two. A file that comes with the package lies there, and nowhere else.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from liveact_eval.cards.model import ModelCard, WeightFile
from liveact_eval.datasets.open import cache_root
from liveact_eval.errors import UserError
from liveact_eval.networks import catalogue
from liveact_eval.networks.catalogue import Network, NetworkFile
from liveact_eval.weights.records import is_checked, part_bytes

Card = ModelCard | Network
"""Something with weight files: a generator, or a network that metrics run."""
Entry = WeightFile | NetworkFile
"""One weight file as a card or the catalogue describes it."""
WEIGHTS_VARIABLE = "LIVEACT_EVAL_WEIGHTS"
State = Literal["present", "not yet checked", "wrong size", "missing"]
_MOST_SHARDS = 1000
_SHARD = re.compile(r"^(?P<stem>.*)-(?P<number>\d+)-of-(?P<count>\d+)(?P<suffix>\..*)$")


@dataclass(frozen=True)
class Found:
    """One file of a card, and what is there of it."""

    entry: Entry
    """What the card says."""
    file: str
    """Path inside the repository: that of the card, or one that matches its pattern."""
    path: Path
    """Where it lies, or where it would be put."""
    state: State
    """`present`: its hash was checked, and size and date are as they were then; or it came with the package."""
    bytes: int | None
    """Size on the disk; of a missing file, how much of it is fetched already."""


def weights_root() -> Path:
    """Where weights are kept; the environment variable LIVEACT_EVAL_WEIGHTS moves it."""
    named = os.environ.get(WEIGHTS_VARIABLE)
    return Path(named) if named else cache_root() / "weights"


def locate(card: Card, root: Path | None = None) -> dict[Entry, Path | None]:
    """Where each file of a card lies; for a pattern, the folder of its matches. `None`: not there.

    Args:
        card: a model card or a network.
        root: folder to look in; the default is `weights_root()`.
    """
    places: dict[Entry, Path | None] = dict.fromkeys(card.weights)
    for found in inventory(card, root):
        if found.state != "missing":
            places[found.entry] = found.path.parent if found.entry.is_pattern else found.path
    return places


def inventory(card: Card, root: Path | None = None) -> list[Found]:
    """All files of a card, each match of a pattern on its own, in the order of the card."""
    base = root or weights_root()
    return [found for entry in card.weights for found in _files(entry, home_of(card, entry, base))]


def role_paths(card: ModelCard, root: Path | None = None) -> dict[str, Path]:
    """What to read for each part of a model: the file where the part is one file, else the folder of its files.

    Raises:
        UserError: files are missing or have the wrong size; the message names them and the command that fetches.
    """
    files = inventory(card, root)
    lacking = [f for f in files if f.state in {"missing", "wrong size"} and not f.entry.optional]
    if lacking:
        required = sum(not f.entry.optional for f in files)
        listing = "".join(f"\n  {f.state}: {f.file} ({source_of(f.entry)})" for f in lacking)
        where = "" if root is None else f" --dir {str(root)!r}"
        raise UserError(
            f"{card.title}: {len(lacking)} of {required} weight files are not in {str(root or weights_root())!r}:"
            f"{listing}\nFetch them with: {fetch_command(card)}{where}"
        )
    paths: dict[str, Path] = {}
    for role in dict.fromkeys(entry.role for entry in card.weights):
        needed = [f.path for f in files if f.entry.role == role and not f.entry.optional]
        folders = sorted({str(path.parent) for path in needed})
        if len(folders) > 1:
            raise UserError(
                f"{card.title}: the files of its part `{role}` lie in {len(folders)} folders, expected one: "
                f"{', '.join(map(repr, folders))}. Put them together, or correct the card"
            )
        if needed:
            paths[role] = needed[0] if len(needed) == 1 else needed[0].parent
    return paths


def home_of(card: Card, entry: Entry, base: Path) -> Path:
    """Folder that stands for the entry's repository: the one with most of the files that belong together.

    Files of one part are looked for together, as names like `config.json` exist in every repository.
    """
    if is_shipped(entry):
        return catalogue.SHIPPED
    wanted = (entry.role, source_of(entry), entry.revision)
    group = [e for e in card.weights if (e.role, source_of(e), e.revision) == wanted]
    homes = list(_homes(entry, base))
    return max(homes, key=lambda home: sum(_right(e, home) for e in group if not e.optional))


def source_of(entry: Entry) -> str:
    """Where a file comes from, for people: `hub owner/name`, its plain address, or `liveact-eval`."""
    if is_shipped(entry):
        return "liveact-eval"
    plain = entry.url if isinstance(entry, NetworkFile) else None
    return plain or f"hub {entry.hub}"


def is_shipped(entry: Entry) -> bool:
    """Whether a file comes with the package, so that nothing is fetched."""
    return isinstance(entry, NetworkFile) and entry.shipped is not None


def fetch_command(card: Card) -> str:
    """The command that fetches the files of a card."""
    return f"liveact-eval {'metrics' if isinstance(card, Network) else 'models'} fetch {card.name}"


def _homes(entry: Entry, base: Path) -> Iterator[Path]:
    """Folders that may stand for a repository, the one of our own fetching first."""
    host = entry.host if isinstance(entry, NetworkFile) else None
    if host is not None:
        yield base / host
    if entry.hub is not None:
        owner, name = entry.hub.split("/")
        yield base / owner / name / (entry.revision or "main")
        yield base / owner / name
        yield base / name
    yield base
    if base.is_dir():
        yield from sorted(path for path in base.iterdir() if path.is_dir() and not path.name.startswith("."))


def _right(entry: Entry, home: Path) -> bool:
    return any(f.state in {"present", "not yet checked"} for f in _files(entry, home))


def _files(entry: Entry, home: Path) -> list[Found]:
    bare = entry.file.rpartition("/")[2]
    if is_shipped(entry):
        return [_look(entry, entry.file, home / entry.file)]
    if isinstance(entry, NetworkFile) and not (home / entry.file).is_file() and (home / bare).is_file():
        # Networks are single files that people keep without the folders of their repository.
        return [_look(entry, entry.file, home / bare)]
    names = _matches(entry.file, home) if entry.is_pattern else [entry.file]
    return [_look(entry, name, home / name) for name in names or [entry.file]]


def _matches(pattern: str, home: Path) -> list[str]:
    """Paths below a folder that a pattern means, and shards that must exist because their fellows do."""
    parent = (home / pattern).parent
    if not parent.is_dir():
        return []
    folder = pattern.rpartition("/")[0]
    given = (f"{folder}/{path.name}" if folder else path.name for path in parent.iterdir() if path.is_file())
    names = {name for name in given if matches(pattern, name)}
    for name in sorted(names):
        if shard := _SHARD.match(name):
            width, count = len(shard["number"]), min(int(shard["count"]), _MOST_SHARDS)
            names |= {
                f"{shard['stem']}-{number:0{width}d}-of-{shard['count']}{shard['suffix']}"
                for number in range(1, count + 1)
            }
    return sorted(names)


def matches(pattern: str, name: str) -> bool:
    """Whether a path inside a repository is one that a pattern means. Hidden files never are."""
    wanted = "[^/]*".join(map(re.escape, pattern.split("*")))
    return re.fullmatch(wanted, name) is not None and not name.rpartition("/")[2].startswith(".")


def _look(entry: Entry, name: str, path: Path) -> Found:
    try:
        size = path.stat().st_size if path.is_file() else None
    except OSError as error:
        raise UserError(f"{str(path)!r} cannot be looked at: {error.strerror}. Check the path.") from error
    if size is None:
        return Found(entry, name, path, "missing", part_bytes(path))
    if entry.bytes is not None and size != entry.bytes:
        return Found(entry, name, path, "wrong size", size)
    # Nothing is noted inside the package; what uses the file measures it.
    checked = is_shipped(entry) or is_checked(path, entry.sha256)
    return Found(entry, name, path, "present" if checked else "not yet checked", size)
