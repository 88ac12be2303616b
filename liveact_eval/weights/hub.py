"""What a model hub says it holds: names, sizes and hashes of the files of a revision.

Spoken here directly over HTTP, as far as the two requests go that are needed: the listing of a repository and a
file with a range. The client library drops a broken download and begins it again, and these files are large.
"""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any, TypeVar
from urllib.parse import quote, urlsplit

from liveact_eval import __version__
from liveact_eval.cards.model import is_inside
from liveact_eval.errors import UserError

T = TypeVar("T")

_TIMEOUT_S = 30.0
_TRIES = 4
_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 60.0
_BUSY = {408, 429, 500, 502, 503, 504}


@dataclass(frozen=True)
class HubFile:
    """One file of a repository as the hub describes it."""

    name: str
    """Path inside the repository."""
    bytes: int
    """Size."""
    sha256: str | None
    """SHA-256 of a large file; small ones have none."""
    git: str | None
    """Git hash of a small file."""


@dataclass(frozen=True)
class Listing:
    """The files of a repository at one commit."""

    commit: str
    """The commit that a revision means now."""
    files: dict[str, HubFile]
    """By path."""


class Hub:
    """A hub, or a mirror that speaks as one.

    Args:
        mirror: address of a mirror; `None` is the hub itself, where HF_ENDPOINT moves it. The user's token is sent
            to the hub only, never to a mirror.
    """

    def __init__(self, mirror: str | None = None) -> None:
        from huggingface_hub import constants, get_token

        if constants.HF_HUB_OFFLINE:
            raise UserError(
                "HF_HUB_OFFLINE is set, so nothing may be fetched. Unset it, or check what is there with --offline"
            )
        self.endpoint = (mirror or constants.ENDPOINT).rstrip("/")
        if urlsplit(self.endpoint).scheme not in {"http", "https"} or not urlsplit(self.endpoint).netloc:
            raise UserError(
                f"{self.endpoint!r} is no address of a hub: expected something like --mirror https://hub.example"
            )
        self._token = get_token() if mirror is None else None
        self._opener = urllib.request.build_opener(_Redirect())

    def listing(self, hub: str, revision: str | None) -> Listing:
        """The files of a repository.

        Raises:
            UserError: there is no such repository or revision, it may not be read, or the hub cannot be reached.
        """
        url = f"{self.endpoint}/api/models/{hub}/revision/{quote(revision or 'main', safe='')}?blobs=true"

        def read() -> Any:
            with self.open(url) as answer:
                return json.loads(answer.read())

        try:
            content = self.patiently(read, hub, None)
            commit = str(content["sha"])
            files = {item["rfilename"]: _described(item) for item in content["siblings"]}
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{self.endpoint} does not answer as a model hub does about {hub}: {error!r}. Check --mirror"
            ) from error
        return Listing(commit, {name: file for name, file in files.items() if is_inside(name)})

    def url(self, hub: str, commit: str, file: str) -> str:
        """Address of a file's content."""
        return f"{self.endpoint}/{hub}/resolve/{commit}/{quote(file)}"

    def open(self, url: str, start: int = 0) -> http.client.HTTPResponse:
        """Request an address, from a byte on."""
        headers = {"User-Agent": f"liveact-eval/{__version__}", "Accept-Encoding": "identity"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if start:
            headers["Range"] = f"bytes={start}-"
        request = urllib.request.Request(url, headers=headers)  # noqa: S310 -- the scheme is checked above
        answer: http.client.HTTPResponse = self._opener.open(request, timeout=_TIMEOUT_S)
        return answer

    def patiently(self, attempt: Callable[[], T], hub: str, file: str | None) -> T:
        """Call until it works, waiting longer each time; the count begins again after `Progressed`.

        Raises:
            UserError: it still fails after some tries, or the answer is no that will not change.
        """
        tries = 0
        while True:
            try:
                return attempt()
            except Progressed as progressed:
                tries, error = 0, progressed.__cause__
            except (OSError, http.client.HTTPException) as failed:
                error = failed
            tries += 1
            final = isinstance(error, urllib.error.HTTPError) and error.code not in _BUSY
            if final or tries >= _TRIES or not isinstance(error, Exception):
                raise self._explained(error, hub, file) from error
            time.sleep(min(_asked_to_wait(error) or _FIRST_WAIT_S * 2 ** (tries - 1), _LONGEST_WAIT_S))

    def _explained(self, error: BaseException | None, hub: str, file: str | None) -> UserError:
        what = f"{file} of {hub}" if file else hub
        page = f"{self.endpoint}/{hub}"
        if not isinstance(error, urllib.error.HTTPError):
            reason = getattr(error, "reason", None) or error
            return UserError(
                f"{self.endpoint} cannot be reached, or broke off, for {what}: {reason}. What is fetched is kept: the "
                "same command continues. Check the network, or name a mirror with --mirror URL"
            )
        code = error.headers.get("X-Error-Code", "") if error.headers else ""
        if error.code in {401, 403}:
            missing = " There may be no such repository: check the name." if code == "RepoNotFound" else ""
            return UserError(
                f"{self.endpoint} refuses {what} ({error.code} {code or error.reason}): it is gated or private."
                f"{missing} Accept its terms at {page}, then log in with: hf auth login"
                f"{'' if self._token else ' (no token was sent; a mirror never gets one)'}"
            )
        if error.code == 404:
            kind = {"RevisionNotFound": "no such revision", "EntryNotFound": "no such file"}.get(
                code, "nothing there"
            )
            return UserError(
                f"{self.endpoint} knows {kind} for {what} (404). Look at {page}; a mirror may lack it, "
                "the card may be out of date"
            )
        return UserError(f"{self.endpoint} failed for {what}: {error.code} {error.reason}. Try again later")


class Progressed(Exception):  # noqa: N818 -- not an error of its own: it carries one, and says that bytes came
    """An attempt failed after it had got further than before."""


class _Redirect(urllib.request.HTTPRedirectHandler):
    """Follows to the store behind the hub, without the user's token."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        following = super().redirect_request(req, fp, code, msg, headers, newurl)
        if following is not None and urlsplit(newurl)[:2] != urlsplit(req.full_url)[:2]:
            following.remove_header("Authorization")
        return following


def _described(item: dict[str, Any]) -> HubFile:
    lfs = item.get("lfs")
    sha256 = lfs.get("sha256") if isinstance(lfs, dict) else None
    return HubFile(item["rfilename"], int(item["size"]), sha256, None if sha256 else item.get("blobId"))


def _asked_to_wait(error: BaseException | None) -> float | None:
    """Seconds that a busy hub asks for."""
    headers = getattr(error, "headers", None)
    text = headers.get("Retry-After", "") if headers is not None else ""
    return float(text) if text.isdigit() else None
