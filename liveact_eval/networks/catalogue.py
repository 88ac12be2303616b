"""The networks that metrics run: their weight files, where these come from, what is known of them, who loads them.

The catalogue is `weights.yaml` beside this module. Nothing here imports torch: a network is made by a function that the
entry names, which is imported when the network is asked for.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from liveact_eval.cards.model import is_inside
from liveact_eval.errors import UserError, unknown_name

CATALOGUE = Path(__file__).with_name("weights.yaml")
SHIPPED = Path(__file__).parents[1] / "trained"
"""Folder of the weights that this project trained and that come with the package."""
REINSTALL = "They come with liveact-eval: install it again"
"""What mends weights of the package that are missing or damaged."""
_FUNCTION = r"^[a-z_][\w.]*:[a-z_]\w*$"


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class NetworkFile(_Entry):
    """One weight file of a network. It comes from a model hub, from a plain address, or with the package."""

    role: str = "weights"
    """Which of the files of its network it is."""
    hub: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$")
    """Model-hub id, `owner/name`; `null` for a file from elsewhere."""
    url: str | None = Field(default=None, pattern=r"^https?://\S+$")
    """Plain address; `null` for a file from elsewhere."""
    shipped: str | None = None
    """Path below the folder `trained` of this package; `null` for a file that is fetched."""
    file: str
    """Path inside the repository on the hub, or the name under which a file with a plain address is kept; left out of
    a file that comes with the package, whose path it is."""
    revision: str | None = Field(default=None, pattern=r"^[0-9a-f]{40}$")
    """Commit of the repository; `null` while nobody has pinned one: the newest is taken."""
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{8,64}$")
    """SHA-256, or as many of its first digits as are published; `null` while nobody has published any."""
    bytes: int | None = Field(default=None, gt=0)
    """Size in bytes, where it is known."""

    @property
    def optional(self) -> bool:
        """Whether the network runs without it: never."""
        return False

    @property
    def is_pattern(self) -> bool:
        """Whether `file` stands for several files: never."""
        return False

    @property
    def host(self) -> str | None:
        """Host of the plain address; `None` for a file from elsewhere."""
        return None if self.url is None else urlsplit(self.url).hostname

    @model_validator(mode="before")
    @classmethod
    def _path_is_name(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("shipped") is not None and "file" not in given:
            return given | {"file": given["shipped"]}
        return given

    @model_validator(mode="after")
    def _one_source(self) -> NetworkFile:
        if sum(source is not None for source in (self.hub, self.url, self.shipped)) != 1:
            raise ValueError("either `hub` or `url` or `shipped` says where the file comes from")
        if self.shipped is not None and self.shipped != self.file:
            raise ValueError("leave `file` out of an entry with `shipped`, which names it")
        if not is_inside(self.file) or (self.url is not None and "/" in self.file):
            raise ValueError(
                "`file` must be a path inside the repository, or the plain name of a file with a `url`"
            )
        return self


class Network(_Entry):
    """A network with published weights."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """Name by which metrics ask for it."""
    title: str
    """What it is called, with its authors' name for it."""
    purpose: str
    """What it is used for here."""
    source: str
    """Paper or repository that published it."""
    licence: str
    """Licence of the weights as far as it is stated; `not stated` where it is not."""
    weights: tuple[NetworkFile, ...] = Field(min_length=1)
    """Its files, in the order in which `load` takes them."""
    package: str | None = None
    """Python package that runs it, where that is an optional one."""
    load: str = Field(pattern=_FUNCTION)
    """`module:function` that takes the paths of the files and gives the network; nothing missing, nothing left over."""
    seeded: str | None = Field(default=None, pattern=_FUNCTION)
    """`module:function` that gives the network with weights from a rule; `null` where there is none."""
    float32_only: str | None = "nobody has compared it in bfloat16"
    """Why it computes in float32 whatever `networks.precision` says; `null`: it may run in bfloat16."""

    @property
    def shipped(self) -> bool:
        """Whether it comes with the package, so that nothing is fetched."""
        return self.weights[0].shipped is not None

    @model_validator(mode="after")
    def _fetched_or_shipped(self) -> Network:
        if len({file.shipped is None for file in self.weights}) > 1:
            raise ValueError("either all files of a network come with the package, or none")
        return self

    @property
    def summary(self) -> str:
        """Title and purpose in one line."""
        return f"{self.title}: {self.purpose}"


def catalogue(path: Path | None = None) -> dict[str, Network]:
    """All networks by name, in alphabetical order.

    Args:
        path: another catalogue than the one of this package.

    Raises:
        UserError: the file is not a catalogue.
    """
    return _read(path or CATALOGUE)


@functools.cache
def _read(path: Path) -> dict[str, Network]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        networks = [Network(name=name, **fields) for name, fields in content.items()]
    except (OSError, yaml.YAMLError, ValidationError, AttributeError, TypeError) as error:
        raise UserError(
            f"{str(path)!r} is no catalogue of networks: {error}. Reinstall liveact-eval"
        ) from error
    return {network.name: network for network in sorted(networks, key=lambda network: network.name)}


def network(name: str) -> Network:
    """The entry of that name.

    Raises:
        UserError: there is none; the nearest is named.
    """
    known = catalogue()
    if name not in known:
        raise unknown_name("network", name, known)
    return known[name]


def resolve(function: str) -> Callable[..., Any]:
    """The function that `module:function` names; its module is imported now."""
    module, _, name = function.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found
