"""Videos that the user has already, known by their file names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from liveact_eval.clips.clip import VIDEO_SUFFIXES
from liveact_eval.datasets.published.source_clip import SourceClip
from liveact_eval.errors import ClipError, UserError

_BRACKETED = re.compile(r"\[([A-Za-z0-9_-]{11})\]$")
"""How downloaders end a name by default: `Title [id]`."""


@dataclass(frozen=True)
class LocalVideos:
    """The videos below a folder, by the stem of their names. Small; it travels to worker processes."""

    folder: Path
    by_stem: dict[str, tuple[Path, ...]]

    def find(self, clip: SourceClip) -> Path:
        """The video of a clip: by id, else by its name in the dataset, with or without the subset before it.

        Raises:
            ClipError: `not_in_folder`; or `ambiguous`: two files have that name.
        """
        subset = [f"{clip.subset}_{clip.video_name}"] if clip.subset else []
        names = list(dict.fromkeys([clip.video_id, clip.video_name, *subset]))
        for name in names:
            found = self.by_stem.get(name, ())
            if len(found) > 1:
                places = ", ".join(str(path) for path in found)
                raise ClipError(
                    "ambiguous", f"{len(found)} files are named {name!r}: {places}. Keep one of them"
                )
            if found:
                return found[0]
        raise ClipError(
            "not_in_folder",
            f"no video in {str(self.folder)!r} is named {' or '.join(names)}",
        )


def look_into(folder: Path) -> LocalVideos:
    """All videos below a folder.

    Raises:
        UserError: no such folder, or no video in it.
    """
    if not folder.is_dir():
        raise UserError(f"No folder of videos at {str(folder)!r}. Check the path given with --videos")
    by_stem: dict[str, tuple[Path, ...]] = {}
    for path in sorted(folder.rglob("*")):
        if path.name.startswith(".") or path.suffix.lower() not in VIDEO_SUFFIXES or not path.is_file():
            continue
        bracketed = _BRACKETED.search(path.stem)
        for stem in {path.stem, *(bracketed.groups() if bracketed else ())}:
            by_stem[stem] = (*by_stem.get(stem, ()), path)
    if not by_stem:
        raise UserError(
            f"No video in {str(folder)!r}: expected files named by video id or by their name in the dataset, that end "
            f"in {', '.join(sorted(VIDEO_SUFFIXES))}"
        )
    return LocalVideos(folder, by_stem)
