"""A system that is run as a program: how it is called, what it reads and writes, and how it fails."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, JsonValue

from liveact_eval.cards.command_rules import (
    FailureLine,
    GpuNeeds,
    InputFile,
    LengthRule,
    LicenceTerms,
    PictureRule,
    PromptRule,
    Section,
    SoundRule,
    TimeLimits,
    TimingLine,
    WeightFolder,
    WorkerSpec,
    WorkFolder,
)
from liveact_eval.cards.paths import stays_inside
from liveact_eval.cards.placeholders import check_names, names_in

CLIP_PLACES = frozenset(
    {
        "image",
        "audio",
        "prompt",
        "stem",
        "index",
        "output_file",
        "output_stem",
        "frames",
        "units",
        "seconds",
        "width",
        "height",
    }
)
"""Placeholders that each clip has of its own."""
NAME_PLACES = CLIP_PLACES - {"image", "audio", "prompt", "output_file", "output_stem"} | {"seed", "fps"}
"""Placeholders that may stand in the name of a result: what they stand for is no path, and leads out of no folder."""
LASTING_PLACES = frozenset({"python", "seeded", "repo", "work", "fps", "gpus"})
"""Placeholders that are the same in every process; and `weights.NAME`, and the size where there is one only."""
RUN_PLACES = LASTING_PLACES | {"inputs", "output", "seed", "clips"}
"""Placeholders that are the same for all clips of a process; and those of the input files."""


class CommandSpec(Section):
    """Everything that is needed to make videos with another project's program."""

    environment: str | None = Field(default=None, min_length=1)
    """Name of the environment that `liveact-eval env build` makes, or path of the card that describes it, from
    this card's place; it brings interpreter and repository."""
    python: str | None = None
    """Path of an interpreter of one's own instead; `null`: that of the environment, else the one that runs this."""
    repository: str | None = None
    """Folder of the program, from the card's place, instead of the environment's."""
    program: str = "{python}"
    """What is started."""
    arguments: tuple[str, ...] = ()
    """Its arguments, word by word, with placeholders."""
    worker: WorkerSpec | None = None
    """Instead of `arguments`: a function that stays loaded."""
    variables: dict[str, str] = Field(default_factory=dict)
    """Environment variables, with placeholders that no clip changes."""
    takes: tuple[Literal["image", "audio", "prompt"], ...] = ("image", "audio", "prompt")
    """What the system is given; a clip that lacks it cannot be made."""
    files: tuple[InputFile, ...] = ()
    """Files that are written for it."""
    work: WorkFolder = WorkFolder()
    """The folder in which it runs."""
    picture: PictureRule = PictureRule()
    """Sizes."""
    sound: SoundRule = SoundRule()
    """Padding of the driving sound."""
    prompt: PromptRule = PromptRule()
    """Text."""
    length: LengthRule = LengthRule()
    """Frames."""
    output: str = "out/{stem}*.mp4"
    """Where the video of a clip is found, from the folder in which the program runs; `*` for what cannot be known,
    `**` for any folders. Exactly one new file must match. `{output}` is the folder `out`."""
    clips_per_process: int = Field(default=1, ge=1)
    """Clips that one process makes. More than one only where their order changes nothing."""
    seed_limit: int = Field(default=2**31, ge=1)
    """Seeds are taken modulo this number."""
    gpu: GpuNeeds = GpuNeeds()
    """GPUs of one process."""
    weights: dict[str, WeightFolder] = Field(default_factory=dict)
    """Folders of weights by name; `{weights.NAME}` stands for the folder."""
    licence: LicenceTerms | None = None
    """Terms that are to be accepted first."""
    limits: TimeLimits = TimeLimits()
    """When it is given up."""
    timing: tuple[TimingLine, ...] = ()
    """Lines of its log that state times."""
    failures: tuple[FailureLine, ...] = ()
    """Lines of its log that mean failure."""

    def model_post_init(self, _context: object) -> None:
        """All templates can be filled, and what is said goes together."""
        if (self.worker is None) == (not self.arguments):
            raise ValueError("give either `arguments` or `worker`")
        _check_unique([file.placeholder for file in self.files], "placeholder")
        _check_unique([file.name for file in self.files], "name")
        own = frozenset(file.placeholder for file in self.files)
        if clash := sorted(own & (CLIP_PLACES | RUN_PLACES)):
            raise ValueError(f"the placeholder `{clash[0]}` of an input file is taken")
        lasting = LASTING_PLACES | {f"weights.{name}" for name in self.weights}
        if len(self.picture.sizes) == 1:
            lasting |= {"width", "height"}
        shared = lasting if self.worker is not None else lasting | RUN_PLACES
        each = self._clip_places()
        alone = each if self.clips_per_process == 1 and self.worker is None else frozenset()
        self._check_files(shared, each, alone)
        for text in (self.program, *self.arguments):
            check_names(text, shared | own | alone, where="argument")
        for name, text in self.variables.items():
            check_names(text, shared | own | alone, where=f"variable {name}")
        for text in _texts([*self.work.links.values()]):
            check_names(text, lasting - {"work"}, where="link")
        if self.worker is not None:
            self._check_worker(self.worker, lasting)
        self._check_output()

    def _clip_places(self) -> frozenset[str]:
        """Placeholders of one clip, without those of what the system does not take."""
        return CLIP_PLACES - ({"image", "audio", "prompt"} - set(self.takes))

    def _check_files(self, shared: Iterable[str], each: frozenset[str], alone: frozenset[str]) -> None:
        known = set(shared)
        for file in self.files:
            if self.clips_per_process > 1 and not file.holds_several and _names([file.content]) & CLIP_PLACES:
                raise ValueError(
                    f"`{file.name}` is of format `{file.format}` and names things of one clip: "
                    "`clips_per_process` must be 1"
                )
            allowed = known | (each if file.holds_several else alone)
            for text in _texts(file.content):
                check_names(text, allowed, where=f"file {file.name}")
            known.add(file.placeholder)

    def _check_worker(self, worker: WorkerSpec, lasting: Iterable[str]) -> None:
        if self.files or self.clips_per_process > 1:
            raise ValueError(
                "a `worker` is given one clip after the other: it takes no `files` and no `clips_per_process`"
            )
        for text in _texts(worker.options):
            check_names(text, lasting, where="worker option")

    def _check_output(self) -> None:
        if not stays_inside(self.output):
            raise ValueError(
                f"`output` is `{self.output}`, expected a path below the working folder, such as out/{{stem}}*.mp4"
            )
        check_names(self.output, NAME_PLACES, where="output")
        if self.clips_per_process > 1 and not names_in(self.output) & {"stem", "index"}:
            raise ValueError("`output` must hold `{stem}` or `{index}` where one process makes several clips")

    @property
    def uses_seed(self) -> bool:
        """Whether the seed reaches the program."""
        texts = [*self.arguments, *self.variables.values(), *(file.content for file in self.files)]
        return self.worker is not None or "seed" in _names(texts)

    @property
    def prints_blocks(self) -> bool:
        """Whether times of its blocks may be known: lines of its log are read for them, or a function states them."""
        return self.worker is not None or any(rule.kind == "block" for rule in self.timing)

    def identity(self) -> dict[str, Any]:
        """The fields that a video depends on.

        Patience, devices, what is read from the log, and where things lie on a machine are not among them: changing
        those must not make finished videos anew.
        """
        left_out = {
            "python",
            "repository",
            "limits",
            "failures",
            "timing",
            "gpu",
            "licence",
            "clips_per_process",
        }
        content = self.model_dump(mode="json", exclude=left_out)
        if self.environment is not None:
            # Of a card of one's own the path is a place on this machine.
            content["environment"] = Path(self.environment).name
        return content

    def beside(self, folder: Path) -> CommandSpec:
        """The same with paths taken from a folder, that of the card.

        A bare name of an interpreter, without a `/`, is looked for on the path; that of an environment is no path.
        """
        changed: dict[str, object] = {}
        if self.environment is not None and self.environment.endswith((".yaml", ".yml")):
            changed["environment"] = str((folder / self.environment).resolve())
        if self.repository is not None:
            changed["repository"] = str((folder / self.repository).resolve())
        if self.python is not None and "/" in self.python:
            # Not resolved: the interpreter of a virtual environment is a link, and knows its place by it.
            changed["python"] = str((folder / self.python).absolute())
        return self.model_copy(update=changed)


def _check_unique(names: list[str], what: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two input files have the {what} `{name}`")


def _texts(content: Any) -> Iterator[str]:
    """All texts of a template, keys too."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict):
        for key, value in content.items():
            yield key
            yield from _texts(value)
    elif isinstance(content, (list, tuple)):
        for value in content:
            yield from _texts(value)


def _names(contents: Iterable[JsonValue]) -> set[str]:
    return {name for content in contents for text in _texts(content) for name in names_in(text)}
