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
from dataclasses import dataclass
from pathlib import Path

from liveact_eval.clips.clip import safe_name

DATA_VARIABLE = "LIVEACT_EVAL_DATA"
"""Environment variable that moves the folder of prepared datasets."""


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
    def manifest(self) -> Path:
        """One line per clip: state, reason, hashes."""
        return self.path / "manifest.jsonl"

    @property
    def annotations(self) -> Path:
        """The authors' lists as they were fetched."""
        return self.path / "annotations"

    def clip(self, clip: str) -> Path:
        """The video of a clip, with sound."""
        return self.path / "clips" / f"{safe_name(clip)}.mp4"

    def audio(self, clip: str) -> Path:
        """The sound of a clip."""
        return self.path / "audio" / f"{safe_name(clip)}.wav"

    def image(self, clip: str) -> Path:
        """The reference image of a clip."""
        return self.path / "images" / f"{safe_name(clip)}.png"
