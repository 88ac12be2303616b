"""The run folder: where everything of a run lies, and who may write into it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import FileLock, Timeout

from liveact_eval.clips.clip import safe_name
from liveact_eval.errors import BrokenEnvironmentError, UserError
from liveact_eval.files import full_disk, is_full, write_text

RUN_VERSION = 1


@dataclass(frozen=True)
class Layout:
    """Paths inside a run folder."""

    root: Path

    @property
    def run(self) -> Path:
        """Resolved configuration and provenance."""
        return self.root / "run.json"

    @property
    def journal(self) -> Path:
        """Every finished unit."""
        return self.root / "journal.sqlite"

    @property
    def results(self) -> Path:
        """All numbers, by the published schema."""
        return self.root / "results.json"

    @property
    def parquet(self) -> Path:
        """All numbers per clip, for data frames."""
        return self.root / "results.parquet"

    @property
    def tables(self) -> Path:
        """Tables in Markdown, LaTeX and CSV."""
        return self.root / "tables"

    @property
    def plots(self) -> Path:
        """Plots as PNG."""
        return self.root / "plots"

    @property
    def log(self) -> Path:
        """Tracebacks of errors that were not foreseen."""
        return self.root / "errors.log"

    @property
    def videos(self) -> Path:
        """Made videos, one folder per model."""
        return self.root / "videos"

    def video(self, model: str, clip: str) -> Path:
        """Path of a made video, without its suffix."""
        return self.videos / model / safe_name(clip)


class RunFolder:
    """A run folder held by this process. Use as a context manager.

    Raises:
        UserError: another process holds it, or it belongs to another dataset.
        BrokenEnvironmentError: it cannot be written.
    """

    def __init__(self, root: Path) -> None:
        self.layout = Layout(root)
        self._holder = root / ".holder.json"
        try:
            root.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(root / ".lock", timeout=0)
            self._lock.acquire()
            # Cleared at the end, but a killed process leaves it: only the lock decides.
            write_text(self._holder, json.dumps({"pid": os.getpid(), "since": _now()}))
        except Timeout as error:
            raise UserError(self._held()) from error
        except FileExistsError as error:
            raise UserError(
                f"--out {str(root)!r} is a file; expected a folder. Give another path."
            ) from error
        except OSError as error:
            if is_full(error):
                raise full_disk(root) from error
            raise BrokenEnvironmentError(
                f"The run folder {str(root)!r} cannot be written: {error.strerror}. Give another with --out."
            ) from error

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._holder.unlink(missing_ok=True)
        self._lock.release()

    def claim(self, source: str, description: dict[str, Any]) -> None:
        """Write `run.json`, unless the folder holds a run over another dataset."""
        earlier = self._read_run()
        if earlier is not None and earlier.get("source") != source:
            raise UserError(
                f"{str(self.layout.root)!r} holds a run over {earlier.get('source')!r}, this one is over {source!r}. "
                "Give another folder with --out."
            )
        created = earlier.get("created", _now()) if earlier is not None else _now()
        content = {"run_version": RUN_VERSION, "source": source, "created": created, **description}
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        if earlier is None or json.dumps(earlier, indent=2, ensure_ascii=False) + "\n" != text:
            write_text(self.layout.run, text)

    def _read_run(self) -> dict[str, Any] | None:
        if not self.layout.run.is_file():
            return None
        try:
            content = json.loads(self.layout.run.read_text(encoding="utf-8"))
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise UserError(f"{self.layout.run}: damaged. Move the run folder away, or delete this file.")
        version = content.get("run_version")
        if isinstance(version, int) and version > RUN_VERSION:
            raise UserError(
                f"{self.layout.run}: written by a newer liveact-eval. Upgrade with: pip install -U liveact-eval"
            )
        return content

    def _held(self) -> str:
        try:
            holder = json.loads(self._holder.read_text(encoding="utf-8"))
            who = f"process {holder['pid']}, since {holder['since']}"
        except (OSError, ValueError, KeyError):
            who = "another process"
        return (
            f"The run folder {str(self.layout.root)!r} is in use ({who}). Wait for it, stop it, or give another "
            "folder with --out."
        )


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
