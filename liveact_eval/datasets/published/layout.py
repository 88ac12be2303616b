"""Where a prepared dataset lies, and what is in it. Preparing writes these files, opening reads them.

    <root>/<dataset>/manifest.jsonl         one line per clip: state, reason, hashes
    <root>/<dataset>/annotations/           the authors' lists, as fetched at the pinned commit
    <root>/<dataset>/clips/<clip>.mp4       512x512, 25 frames per second, near-lossless, with sound
    <root>/<dataset>/audio/<clip>.wav       16 kHz, mono, 16 bit
    <root>/<dataset>/images/<clip>.png      first frame of the clip

`<dataset>` is `prepared.folder` of the card: datasets whose clips are cut alike (hdtf and hdtf-permuted) share one.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from liveact_eval.clips.clip import safe_name
from liveact_eval.errors import UserError

DATA_VARIABLE = "LIVEACT_EVAL_DATA"
"""Environment variable that moves the folder of prepared datasets."""
CLIP_FOLDERS = ("clips", "audio", "images")
"""Folders that hold files of clips, and nothing else."""


def prepared_root(root: Path | None = None) -> Path:
    """Folder of all prepared datasets: the one given, else LIVEACT_EVAL_DATA, else the user's data folder."""
    import platformdirs

    if root is not None:
        return root
    named = os.environ.get(DATA_VARIABLE)
    return Path(named) if named else Path(platformdirs.user_data_dir("liveact-eval", appauthor=False))


@dataclass(frozen=True)
class PreparedFolder:
    """The folder of one prepared dataset, and the names in it."""

    path: Path

    @classmethod
    def of(cls, dataset: str, root: Path | None = None) -> PreparedFolder:
        """The folder of a dataset's clips below `root`, or below the usual place."""
        return cls(prepared_root(root) / safe_name(dataset))

    @property
    def places(self) -> tuple[Path, ...]:
        """All folders that are written into."""
        return (self.path, self.annotations, *(self.path / name for name in CLIP_FOLDERS))

    @property
    def manifest(self) -> Path:
        """One line per clip: state, reason, hashes."""
        return self.path / "manifest.jsonl"

    @property
    def annotations(self) -> Path:
        """The authors' lists as they were fetched."""
        return self.path / "annotations"

    @property
    def has_manifest(self) -> bool:
        """Whether anything was prepared here.

        Raises:
            UserError: the folder cannot be looked into.
        """
        return _ask(self.manifest, Path.is_file)

    @property
    def lists(self) -> Path | None:
        """Folder of the authors' lists, if there is one; what is in it was not checked.

        Raises:
            UserError: the folder cannot be looked into.
        """
        return self.annotations if _ask(self.annotations, Path.is_dir) else None

    def clip(self, clip: str) -> Path:
        """The video of a clip, with sound."""
        return self.path / "clips" / f"{safe_name(clip)}.mp4"

    def audio(self, clip: str) -> Path:
        """The sound of a clip."""
        return self.path / "audio" / f"{safe_name(clip)}.wav"

    def image(self, clip: str) -> Path:
        """The reference image of a clip."""
        return self.path / "images" / f"{safe_name(clip)}.png"


def _ask(path: Path, question: Callable[[Path], bool]) -> bool:
    try:
        return question(path)
    except OSError as error:
        raise UserError(
            f"{str(path)!r} cannot be looked at: {error.strerror}. Mend its permissions, or name another folder by "
            f"{DATA_VARIABLE}"
        ) from error
