"""A single file at a plain address: a release asset, or a file that its authors' site offers."""

from __future__ import annotations

import hashlib
import http.client
import urllib.error
from urllib.parse import urlsplit

from liveact_eval.errors import UserError
from liveact_eval.weights.hub import Hub, HubFile


class Web(Hub):
    """A host that has one file; spoken to as patiently as a hub. No token is ever sent.

    Args:
        address: address of the file, http or https.
    """

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        # A mirror of the hub gets no token, and neither does this host.
        super().__init__(f"{parts.scheme}://{parts.netloc}")
        self.address = address

    def describe(self, name: str) -> tuple[HubFile, str]:
        """What the host says of the file, and what stands for this version of it.

        Raises:
            UserError: the host does not give it, gives a page instead, or does not say how large it is.
        """

        def read() -> http.client.HTTPMessage:
            # Some hosts answer a request for the head alone with an error; the content is left unread.
            with self.open(self.address) as answer:
                return answer.headers

        headers = self.patiently(read, self.address, name)
        length = headers.get("Content-Length", "")
        if headers.get_content_type() == "text/html" or not length.isdigit() or length == "0":
            raise UserError(
                f"{self.address} gives {headers.get_content_type()} of {length or 'unknown'} bytes, expected the file "
                f"{name}. The host may ask for a click or limit downloads: fetch it with a browser, and put it into "
                "the folder of weights"
            )
        version = " ".join((self.address, length, headers.get("ETag", ""), headers.get("Last-Modified", "")))
        return HubFile(name, int(length), None, None), hashlib.sha256(version.encode()).hexdigest()

    def url(self, hub: str, commit: str, file: str) -> str:
        """Address of the file's content."""
        return self.address

    def _explained(self, error: BaseException | None, hub: str, file: str | None) -> UserError:
        if isinstance(error, urllib.error.HTTPError):
            return UserError(
                f"{self.address} refuses {file}: {error.code} {error.reason}. Try again later, or fetch the file with "
                "a browser and put it into the folder of weights"
            )
        reason = getattr(error, "reason", None) or error
        return UserError(
            f"{self.address} cannot be reached, or broke off: {reason}. What is fetched is kept: the same command "
            "continues. Check the network"
        )
