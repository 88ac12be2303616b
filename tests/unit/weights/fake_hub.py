"""A model hub on this machine: the listing of a repository, and its files with ranges."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "c" * 40


@dataclass
class Served:
    """One file, and how it misbehaves."""

    content: bytes
    large: bool = True
    """Whether the hub states a SHA-256, as for large files, or a git hash."""
    instead: bytes | None = None
    """Sent in place of the content."""
    cuts: list[int] = field(default_factory=list)
    """After so many bytes of each of the next answers, the line goes dead."""
    ranges: bool = True
    """Whether a range is answered with a range."""
    pause_s: float = 0.0
    """Between blocks of 4 KiB."""
    statuses: list[int] = field(default_factory=list)
    """Of each of the next answers."""
    elsewhere: str | None = None
    """Address of another host that has the content."""
    sent: int = 0
    """Bytes sent so far."""


class FakeHub:
    """Repositories by name, each with files by path."""

    def __init__(self) -> None:
        self.repositories: dict[str, dict[str, Served]] = {}
        self.refused: dict[str, tuple[int, str]] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                hub.requests.append((self.path, dict(self.headers)))
                hub.answer(self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add(self, hub: str, name: str, content: bytes, *, large: bool = True) -> Served:
        served = self.repositories.setdefault(hub, {})[name] = Served(content, large)
        return served

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        parts = unquote(urlsplit(request.path).path).strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            self._list(request, "/".join(parts[2:4]))
        else:
            self._send(request, "/".join(parts[:2]), "/".join(parts[4:]))

    def _list(self, request: BaseHTTPRequestHandler, hub: str) -> None:
        if hub in self.refused or hub not in self.repositories:
            status, code = self.refused.get(hub, (404, "RepoNotFound"))
            _head(request, status, {"X-Error-Code": code})
            return
        siblings = [_described(name, served) for name, served in self.repositories[hub].items()]
        body = json.dumps({"sha": COMMIT, "siblings": siblings}).encode()
        _head(request, 200, {"Content-Length": str(len(body))})
        request.wfile.write(body)

    def _send(self, request: BaseHTTPRequestHandler, hub: str, name: str) -> None:
        served = self.repositories.get(hub, {}).get(name)
        if served is None:
            _head(request, 404, {"X-Error-Code": "EntryNotFound"})
            return
        if served.statuses:
            _head(request, served.statuses.pop(0), {"Retry-After": "0"})
            return
        if served.elsewhere and self.url.endswith(request.headers["Host"]):
            _head(request, 302, {"Location": served.elsewhere + request.path})
            return
        content = served.content if served.instead is None else served.instead
        start = int(request.headers.get("Range", "bytes=0-")[6:-1]) if served.ranges else 0
        rest = content[start:]
        status, headers = (
            (206, {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"})
            if start
            else (200, {})
        )
        _head(request, status, headers | {"Content-Length": str(len(rest))})
        rest = rest[: served.cuts.pop(0)] if served.cuts else rest
        for at in range(0, len(rest), 4096):
            block = rest[at : at + 4096]
            try:
                request.wfile.write(block)
                request.wfile.flush()
            except OSError:
                return
            served.sent += len(block)
            time.sleep(served.pause_s)


def _described(name: str, served: Served) -> dict[str, object]:
    item: dict[str, object] = {"rfilename": name, "size": len(served.content)}
    if served.large:
        item["lfs"] = {"sha256": hashlib.sha256(served.content).hexdigest(), "size": len(served.content)}
        item["blobId"] = "0" * 40
    else:
        item["blobId"] = hashlib.sha1(b"blob %d\0" % len(served.content) + served.content).hexdigest()
    return item


def _head(request: BaseHTTPRequestHandler, status: int, headers: dict[str, str]) -> None:
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name, value)
    request.end_headers()
