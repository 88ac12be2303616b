"""Who takes part in a run: models from cards, and videos made elsewhere."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from liveact_eval.cards.load import load_model
from liveact_eval.cards.model import ModelCard
from liveact_eval.cards.protocol import Encoding
from liveact_eval.clips.clip import Clip, ClipEntry, printable, safe_name
from liveact_eval.datasets.base import Fingerprint, hash_or_error
from liveact_eval.errors import ClipError, UserError
from liveact_eval.generators.build import build_generator, lacking_of
from liveact_eval.generators.command.installed import script_hash
from liveact_eval.generators.command.prerequisites import refuse_lacking
from liveact_eval.generators.protocol import Generation, Generator
from liveact_eval.generators.settings import WEIGHTS, settings_of

REAL = "real"


@dataclass(frozen=True)
class Entrant:
    """One row of the table."""

    name: str
    title: str
    kind: str
    identity: str
    """All of its card that a video depends on."""
    generator: Generator

    def key(self, entry: ClipEntry, fingerprint: Fingerprint) -> str:
        """What the video of a clip depends on, apart from the clip, the protocol and the seed."""
        if isinstance(self.generator, ExistingVideos):
            return self.generator.key(entry.id, fingerprint)
        return self.identity


@dataclass(frozen=True)
class ExistingVideos:
    """A generator whose videos are there already."""

    videos: tuple[tuple[str, Path], ...]
    """(clip id, video)."""

    def suffix(self, clip: Clip) -> str:
        """That of the file."""
        return self._find(clip.id).suffix

    def generate(self, clip: Clip, out: Path, seed: int) -> Generation:
        """The video of that name, where it lies."""
        return Generation(video=self._find(clip.id), seconds=0.0)

    def key(self, clip: str, fingerprint: Fingerprint) -> str:
        """The hash of the video, so that a replaced file is measured again."""
        path = dict(self.videos).get(clip)
        return "missing" if path is None or not path.is_file() else hash_or_error(path, fingerprint)

    def _find(self, clip: str) -> Path:
        path = dict(self.videos).get(clip)
        if path is None:
            raise ClipError("missing_video", f"no video named {clip!r} among the {len(self.videos)} given")
        return path


def entrants_of(names: tuple[str, ...], encoding: Encoding, *, with_real: bool) -> list[Entrant]:
    """The models of a run in the order given, `real` first.

    Raises:
        UserError: unknown card, two cards of one name, a generator that this version does not have, or something that
            this machine lacks for one; all that is missing is named.
    """
    found: dict[str, Entrant] = {}
    for name in (REAL, *names) if with_real else names:
        card = load_model(name)
        if card.name in found:
            if name == REAL or names.count(name) > 1:
                continue
            raise UserError(f"Two models are named {card.name!r}. Give one of the cards another `name`.")
        generator = build_generator(card, encoding)
        identity = _identity(card, generator)
        found[card.name] = Entrant(card.name, card.title, card.kind, identity, generator)
    refuse_lacking([(e.title, lack) for e in found.values() for lack in lacking_of(e.generator)])
    return list(found.values())


def _identity(card: ModelCard, generator: Generator) -> str:
    """A hash of all that a model's videos depend on: its card, and the files of weights that the card does not name."""
    used = card.model_dump(mode="json", include={"name", "kind", "control", "native", "weights"})
    if card.native is not None and not card.weights:
        # The same files in another place are the same weights.
        used["native"].pop("folder")
        used["origin"] = settings_of(generator).get(WEIGHTS)
    command = card.command
    if command is not None:
        used |= {"command": command.identity(), "script": script_hash(command)}
    return hashlib.sha256(json.dumps(used, sort_keys=True).encode()).hexdigest()


def title_of(path: Path) -> str:
    """What a folder, or a file without its suffix, is called."""
    full = path.resolve()
    return printable(full.name if full.is_dir() else full.stem)


def existing(root: Path, name: str | None, videos: dict[str, Path]) -> Entrant:
    """The row of a folder of videos."""
    title = name or title_of(root)
    slug = re.sub(r"[^a-z0-9_.-]+", "-", safe_name(title).lower()).strip("-.") or "videos"
    if slug == REAL:
        slug = "videos"
    return Entrant(slug, title, "videos", "", ExistingVideos(tuple(videos.items())))
