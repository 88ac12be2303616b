"""The environment of a system: interpreter, packages, repository, checks, and what the machine must have."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from liveact_eval.cards.paths import stays_inside


class _Card(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


_OPTION = "must not begin with `-`: it would be an option of pip or git"
Word = Annotated[str, Field(min_length=1)]


class EnvironmentNeeds(_Card):
    """What a machine must have before anything is built."""

    programs: tuple[Word, ...] = ()
    """Programs that must be on the path, such as `ffmpeg`."""
    compiler: bool = False
    """Whether packages are built from C or C++ sources."""
    cuda: bool = False
    """Whether packages are built for CUDA, so that `nvcc` is needed."""
    gpu_memory_gib: float | None = Field(default=None, gt=0)
    """Memory that one GPU must have in GiB; `null`: it runs without a GPU."""
    disk_gib: float = Field(default=1.0, gt=0)
    """Disk that the built environment takes in GiB, without weights."""


class EnvironmentFile(_Card):
    """A file or folder that a tool reads from its home, and that the user brings."""

    file: str
    """Path below the home of the environment."""
    used_by: tuple[Word, ...] = Field(min_length=1)
    """Names of what needs it, for example dimensions."""
    network: str | None = None
    """Network of `metrics fetch` whose file this is: what was fetched for it is used here too."""
    source: str | None = None
    """Where it is published, for people; `null` where a network says so."""

    @field_validator("file")
    @classmethod
    def _stays_inside(cls, file: str) -> str:
        if not stays_inside(file):
            raise ValueError("must be a path below the home, with `/` between folders")
        return file


class EnvironmentSpec(_Card):
    """How the private environment of a system is made, and how one knows that it works."""

    python: str = Field(pattern=r"^3\.\d{1,2}$")
    """Version of Python, such as `3.10`."""
    before: tuple[Word, ...] = ()
    """Requirements that are installed first, such as build tools of an old package."""
    requirements: tuple[Word, ...] = ()
    """Requirements as pip reads them, pinned."""
    requirements_files: tuple[Word, ...] = ()
    """Files of requirements inside the repository."""
    without_dependencies: tuple[Word, ...] = ()
    """Requirements that are installed last and without theirs, where these contradict."""
    after: tuple[Word, ...] = ()
    """Requirements that are set right at the end, after others have replaced them."""
    build_isolation: bool = True
    """Whether pip builds packages in environments of their own; old packages need those of `before`."""
    index_note: str | None = None
    """Which other package index holds some of the requirements, for people; `env build --index` takes its address."""
    repository: str | None = None
    """Address of the authors' repository, https."""
    commit: str | None = Field(default=None, pattern=r"^[0-9a-f]{40}$")
    """The commit that is checked out."""
    submodules: bool = False
    """Whether its submodules are fetched too."""
    variables: dict[str, str] = Field(default_factory=dict)
    """Variables for every process of the environment; `{repo}`, `{home}` and `{environment}` stand for its folders."""
    imports: tuple[Word, ...] = ()
    """Lines of Python that must run after building, each in a process of its own."""
    commands: tuple[Annotated[tuple[Word, ...], Field(min_length=1)], ...] = ()
    """Commands that must succeed after building, word by word; `{python}` and the folders above may stand in them."""
    needs: EnvironmentNeeds = EnvironmentNeeds()
    """What the machine must have."""
    files: tuple[EnvironmentFile, ...] = ()
    """Files that the user brings into its home."""
    notes: tuple[str, ...] = ()
    """What one should know before building it."""

    @field_validator("before", "requirements", "without_dependencies", "after")
    @classmethod
    def _no_options(cls, requirements: tuple[str, ...]) -> tuple[str, ...]:
        for requirement in requirements:
            if requirement.strip().startswith("-"):
                raise ValueError(f"requirement `{requirement}` {_OPTION}")
        return requirements

    @field_validator("requirements_files")
    @classmethod
    def _files_inside(cls, files: tuple[str, ...]) -> tuple[str, ...]:
        for file in files:
            if not stays_inside(file) or file.startswith("-"):
                raise ValueError(f"`{file}` must be a path inside the repository")
        return files

    @field_validator("repository")
    @classmethod
    def _plain_address(cls, address: str | None) -> str | None:
        if address is None:
            return None
        parts = urlsplit(address)
        if parts.scheme != "https" or not parts.hostname or "@" in parts.netloc:
            raise ValueError("expected a plain address such as https://github.com/owner/name")
        return address

    @field_validator("variables")
    @classmethod
    def _names(cls, variables: dict[str, str]) -> dict[str, str]:
        for name in variables:
            if not name.replace("_", "a").isalnum() or name[0].isdigit():
                raise ValueError(f"`{name}` is no name of a variable")
        return variables

    def model_post_init(self, _context: object) -> None:
        """A repository has a commit, and what lies in one needs one."""
        if (self.repository is None) != (self.commit is None):
            raise ValueError("`repository` and `commit` go together: a commit pins what is run")
        if self.requirements_files and self.repository is None:
            raise ValueError("`requirements_files` lie in a `repository`, which is not given")


class EnvironmentCard(_Card):
    """A tool with an environment of its own, which is no model: another program that measures."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")
    """Name on the command line; equal to the name of the card's file."""
    title: str
    """Name for people."""
    summary: str
    """One or two sentences for people."""
    licence: str | None = None
    """Licence of the tool."""
    environment: EnvironmentSpec
    """How it is made."""
