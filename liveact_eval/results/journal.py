"""The run journal: every finished unit is durable at once, so that a killed run loses only what was in flight."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liveact_eval.clips.clip import printable
from liveact_eval.errors import BrokenEnvironmentError, UserError
from liveact_eval.files import full_disk, is_full, sha256_of

JOURNAL_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS units (
    key TEXT PRIMARY KEY,
    model TEXT NOT NULL, clip TEXT NOT NULL, stage TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('done', 'failed')),
    reason TEXT, message TEXT,
    payload TEXT NOT NULL,
    finished_at TEXT NOT NULL, seconds REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS curves (
    unit TEXT NOT NULL, name TEXT NOT NULL, fps REAL NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (unit, name)
) STRICT;
CREATE TABLE IF NOT EXISTS parts (
    unit TEXT NOT NULL, name TEXT NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (unit, name)
) STRICT;
CREATE TABLE IF NOT EXISTS files (
    path TEXT PRIMARY KEY, bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, sha256 TEXT NOT NULL
) STRICT;
"""


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One finished piece of work: (clip, model, stage), done or failed."""

    key: str
    """Hash of all that the outcome depends on; a changed card, seed or protocol gives another key."""
    model: str
    clip: str
    stage: str
    """`generate` or `measure:<metric>`."""
    failed: bool = False
    reason: str | None = None
    """Short code of the failure."""
    message: str | None = None
    """The failure for people."""
    payload: Mapping[str, Any]
    """What the stage found, as JSON."""
    seconds: float = 0.0
    """Wall time that it took."""


class Journal:
    """An SQLite file in WAL mode with full synchronisation, written by one process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._db = sqlite3.connect(path, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            version = int(self._db.execute("PRAGMA user_version").fetchone()[0])
            if version > JOURNAL_VERSION:
                raise UserError(
                    f"{path}: written by a newer liveact-eval (journal version {version}, this one reads up to "
                    f"{JOURNAL_VERSION}). Upgrade with: pip install -U liveact-eval"
                )
            self._db.executescript(_SCHEMA)
            if version != JOURNAL_VERSION:
                self._db.execute(f"PRAGMA user_version={JOURNAL_VERSION}")
        except sqlite3.DatabaseError as error:
            raise self._explained(error) from error

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def record(
        self,
        units: list[Unit],
        curves: Mapping[tuple[str, str], tuple[float, NDArray[np.floating[Any]]]] | None = None,
        parts: Mapping[tuple[str, str], NDArray[np.float64]] | None = None,
    ) -> None:
        """Write finished units in one transaction; it is on the disk when this returns.

        Args:
            units: what was finished.
            curves: (fps, values) by (unit key, curve name).
            parts: what a clip contributes to a set metric, by (unit key, output name).
        """
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        with self._transaction():
            for unit in units:
                self._db.execute("DELETE FROM curves WHERE unit = ?", (unit.key,))
                self._db.execute("DELETE FROM parts WHERE unit = ?", (unit.key,))
                self._db.execute(
                    "INSERT OR REPLACE INTO units VALUES (?,?,?,?,?,?,?,?,?,?)",
                    (
                        unit.key,
                        unit.model,
                        unit.clip,
                        unit.stage,
                        "failed" if unit.failed else "done",
                        unit.reason,
                        unit.message,
                        json.dumps(dict(unit.payload), allow_nan=False),
                        now,
                        unit.seconds,
                    ),
                )
            for (key, name), (fps, values) in (curves or {}).items():
                data = np.asarray(values, dtype="<f4").tobytes()
                self._db.execute("INSERT OR REPLACE INTO curves VALUES (?,?,?,?)", (key, name, fps, data))
            for (key, name), part in (parts or {}).items():
                data = np.asarray(part, dtype="<f8").tobytes()
                self._db.execute("INSERT OR REPLACE INTO parts VALUES (?,?,?)", (key, name, data))

    def units(self) -> dict[str, Unit]:
        """All finished units by key."""
        rows = self._read(
            "SELECT key, model, clip, stage, state, reason, message, payload, seconds FROM units"
        )
        return {
            row[0]: Unit(
                key=row[0],
                model=row[1],
                clip=row[2],
                stage=row[3],
                failed=row[4] == "failed",
                reason=row[5],
                message=row[6],
                payload=json.loads(row[7]),
                seconds=row[8],
            )
            for row in rows
        }

    def curves(self, key: str) -> dict[str, tuple[float, NDArray[np.float32]]]:
        """(fps, values) of a unit's curves, by name."""
        rows = self._read("SELECT name, fps, data FROM curves WHERE unit = ? ORDER BY name", key)
        return {name: (fps, np.frombuffer(data, dtype="<f4")) for name, fps, data in rows}

    def part(self, key: str, name: str) -> NDArray[np.float64] | None:
        """What a unit contributes to a set metric's output."""
        rows = self._read("SELECT data FROM parts WHERE unit = ? AND name = ?", key, name)
        return np.frombuffer(rows[0][0], dtype="<f8") if rows else None

    def fingerprint(self, path: Path) -> str:
        """SHA-256 of a file; not read again while its size and time stay the same."""
        stat = path.stat()
        for row in self._read("SELECT bytes, mtime_ns, sha256 FROM files WHERE path = ?", _file_key(path)):
            if row[:2] == (stat.st_size, stat.st_mtime_ns):
                return str(row[2])
        digest = sha256_of(path)
        self.remember(path, digest)
        return digest

    def remember(self, path: Path, digest: str) -> None:
        """Keep the SHA-256 of a file as it is now."""
        stat = path.stat()
        with self._transaction():
            self._db.execute(
                "INSERT OR REPLACE INTO files VALUES (?,?,?,?)",
                (_file_key(path), stat.st_size, stat.st_mtime_ns, digest),
            )

    def _read(self, query: str, *values: str) -> list[Any]:
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise self._explained(error) from error

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                # After an I/O error SQLite has rolled back by itself.
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            raise self._explained(error) from error

    def _explained(self, error: sqlite3.DatabaseError) -> BrokenEnvironmentError:
        # SQLite names a full disk either so or, where a write comes up short, an I/O error.
        if is_full(error) or "disk I/O error" in str(error):
            return full_disk(self.path)
        return BrokenEnvironmentError(
            f"{self.path}: the run journal cannot be used ({error}). If the file is damaged, move the run folder "
            "away and start again; its videos are kept."
        )


def _file_key(path: Path) -> str:
    return printable(str(path.resolve()))
