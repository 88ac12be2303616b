"""Everything that is checked and known before the first second of work."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from liveact_eval.cards.load import is_card_path, list_cards
from liveact_eval.cards.protocol import Protocol
from liveact_eval.clips.clip import ClipEntry, printable, safe_name
from liveact_eval.datasets.absences import absence_of
from liveact_eval.datasets.base import Dataset, Fingerprint
from liveact_eval.datasets.open import changed, open_dataset
from liveact_eval.errors import BrokenEnvironmentError, UserError
from liveact_eval.execution.config import RunConfig
from liveact_eval.execution.entrants import REAL, Entrant, entrants_of, existing, title_of
from liveact_eval.generators.command.adapter import CommandGenerator
from liveact_eval.generators.native import NativeGenerator
from liveact_eval.generators.worker.adapter import WorkerGenerator
from liveact_eval.measure.face_finding import DETECTOR
from liveact_eval.metrics.base import Metric
from liveact_eval.metrics.composite import CompositeMetric
from liveact_eval.metrics.registry import parts_of, select
from liveact_eval.networks.precision import MARK, check_bfloat16
from liveact_eval.networks.provider import Networks

_LATE_IMPORTS = ("av", "torch", "scipy", "skimage", "pyarrow", "matplotlib", "PIL")
_SPARE_BYTES = 64 << 20


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run will do."""

    config: RunConfig
    dataset: Dataset
    source: str
    """What the dataset was opened from; two sources never share a run folder."""
    entries: list[ClipEntry]
    entrants: list[Entrant]
    metrics: list[Metric]
    protocol_id: str
    out: Path
    workers: int
    estimated_bytes: int
    """Disk for drawn clips and made videos, roughly."""
    networks: Networks = field(default_factory=Networks)
    """Where metrics get their networks from."""
    warnings: tuple[str, ...] = ()
    """What the user should know before starting."""

    @property
    def measured(self) -> list[Metric]:
        """The metrics that read videos: all but composites, which are made of the others' values."""
        return [metric for metric in self.metrics if not isinstance(metric, CompositeMetric)]

    def recipe(self, metric: Metric) -> str:
        """How a metric is computed here: its recipe, and the weights of its networks.

        That of a composite holds a hash over the recipes of its parts, and the weights of theirs.
        """
        if isinstance(metric, CompositeMetric):
            known = {part.name: part for part in self.metrics}
            recipes = [self.recipe(part).split("+") for part in parts_of(metric, known)]
            digest = hashlib.sha256("\n".join(own for own, *_ in recipes).encode()).hexdigest()[:8]
            theirs = dict.fromkeys(chain.from_iterable(rest for _, *rest in recipes))
            return "+".join([metric.recipe, f"parts:{digest}", *theirs])
        networks = self.networks
        weights = [f"{n}:none" if networks.missing(n) else networks.identity(n) for n in metric.networks]
        if metric.answers:
            weights.append(networks.answers_identity)
        if metric.face and not networks.missing(DETECTOR):
            # Once there is a detector, faces that were not known before are found by it.
            weights.append(networks.identity(DETECTOR))
        elif metric.face and any(networks.missing(name) for name in metric.networks):
            # Nothing is measured, and both are to be fetched.
            weights.append(f"{DETECTOR}:none")
        own = metric.recipe
        if any(networks.in_bfloat16(name) for name in metric.networks):
            # Some recipes name the precision that is not the original's.
            own = own.replace("-fp32", f"-{MARK}")
        return "+".join([own, *weights])

    @property
    def protocol(self) -> Protocol:
        """The resolved protocol."""
        return self.dataset.protocol

    @property
    def pairs(self) -> int:
        """Number of (clip, model) pairs."""
        return len(self.entries) * len(self.entrants)


def make_plan(config: RunConfig, fingerprint: Fingerprint) -> Plan:
    """Resolve a configuration and check all that can be checked.

    Raises:
        UserError: something in the request does not exist or does not fit.
        BrokenEnvironmentError: a package is missing, or the disk is too small.
    """
    check_packages()
    metrics = select(list(config.metrics))
    if not metrics:
        raise UserError("No metric is chosen. List them with: liveact-eval metrics list")
    warnings = _precision_warnings(config.networks.provider(), metrics)
    _check_answerer(config.networks.answerer, metrics)
    if config.score is not None:
        dataset, entrants, source = _scored(config, warnings)
    else:
        dataset = open_dataset(config.dataset, config.protocol)
        entrants = entrants_of(config.models, dataset.protocol.encoding, with_real=dataset.real)
        source = _source(config.dataset)
    entries = dataset.entries(fingerprint)
    if config.limit is not None:
        entries = entries[: config.limit]
    given = config.dataset if config.score is None else config.score.reference or ""
    if (absence := absence_of(dataset, entries, given)) is not None:
        warnings.append(absence)
    out = run_root(config)
    making = [entrant for entrant in entrants if entrant.name != REAL and entrant.kind != "videos"]
    size = dataset.estimate_bytes(len(entries), len(making))
    folders = [Path(config.dataset)] if config.score is None else [config.score.videos]
    if any(folder.is_dir() and out.resolve() == folder.resolve() for folder in folders):
        raise UserError(f"--out {str(out)!r} is the folder of videos itself. Give another folder.")
    if not (out / "journal.sqlite").is_file():
        # A run that goes on has most of its videos already.
        check_space(out, size)
    return Plan(
        config=config,
        dataset=dataset,
        source=source,
        entries=entries,
        entrants=entrants,
        metrics=metrics,
        # The clips that are here: two machines with the same ones have the same id.
        protocol_id=dataset.protocol.identify([(e.id, e.known_by) for e in entries if e.absent is None]),
        out=out,
        workers=_workers(config, entrants),
        estimated_bytes=size,
        networks=config.networks.provider(),
        warnings=tuple(warnings),
    )


def check_packages() -> None:
    """Refuse to start if a package is missing that is only needed in the last step."""
    missing = [name for name in _LATE_IMPORTS if importlib.util.find_spec(name) is None]
    if missing:
        raise BrokenEnvironmentError(
            f"Packages are missing: {', '.join(missing)}. Reinstall with: pip install --force-reinstall liveact-eval"
        )


def _precision_warnings(networks: Networks, metrics: Sequence[Metric]) -> list[str]:
    """Refuse a precision that the device cannot; say where asking for one is of no use."""
    if networks.precision == "float32":
        return []
    if not any(networks.in_bfloat16(name) for metric in metrics for name in metric.networks):
        return [
            f"networks.precision is {networks.precision}, which changes nothing: none of the chosen metrics runs a "
            "network that may compute in it"
        ]
    slow = check_bfloat16(networks.device)
    return [] if slow is None else [slow]


def _check_answerer(command: Sequence[str], metrics: Sequence[Metric]) -> None:
    """Refuse a program that does not exist: it would fail anew on each clip."""
    asking = [metric.name for metric in metrics if metric.answers]
    if asking and command and shutil.which(command[0]) is None:
        raise UserError(
            f"networks.answerer: there is no program {command[0]!r} that can be started, which {', '.join(asking)} "
            f"would ask. Expected a command, such as [{sys.executable}, worker.py]. Correct the path, or leave it out"
        )


def _scored(config: RunConfig, warnings: list[str]) -> tuple[Dataset, list[Entrant], str]:
    """Dataset and rows for videos made elsewhere."""
    from liveact_eval.cards.load import load_dataset
    from liveact_eval.datasets.folder import FolderDataset, find_sounds, find_videos

    source = config.score
    if source is None:
        raise ValueError("not a score configuration")
    videos = find_videos(source.videos)
    if source.reference is None:
        card, _ = load_dataset("folder")
        protocol = changed(card.protocol, config.protocol)
        names = tuple(videos)
        sounds = find_sounds(source.audio, names) if source.audio is not None else None
        entrant = existing(source.videos, source.name, videos)
        dataset: Dataset = FolderDataset(
            entrant.name,
            entrant.title,
            card.tier,
            protocol,
            tuple(videos.items()),
            names,
            real=False,
            sounds=sounds,
        )
        return dataset, [entrant], printable(str(source.videos.resolve()))
    if source.audio is not None:
        raise UserError("Give --reference or --audio, not both: the reference clips bring their own sound.")
    dataset = open_dataset(source.reference, config.protocol)
    wanted = {entry.id: safe_name(entry.id) for entry in dataset.entries(lambda _: "")}
    matched = {
        clip: videos[name] for clip, names in wanted.items() for name in (clip, names) if name in videos
    }
    if not matched:
        raise UserError(
            f"None of the {len(videos)} videos in {str(source.videos)!r} is named like one of the {len(wanted)} clips "
            f"of {source.reference!r}. Seen: {next(iter(videos))!r}; expected names such as {next(iter(wanted))!r}."
        )
    unused = len(videos) - len(set(matched.values()))
    if unused:
        warnings.append(
            f"{unused} of {len(videos)} videos belong to no clip of {source.reference!r}: not scored"
        )
    if len(matched) < len(wanted):
        warnings.append(
            f"{len(wanted) - len(matched)} of {len(wanted)} clips have no video: counted as missing"
        )
    real = entrants_of((), dataset.protocol.encoding, with_real=dataset.real)
    given = f"{_source(source.reference)}, videos {printable(str(source.videos.resolve()))}"
    return dataset, [*real, existing(source.videos, source.name, matched)], given


def _source(name: str) -> str:
    """The name of a shipped dataset, or the full path of a card or folder."""
    shipped = not is_card_path(name) and name in list_cards("datasets")
    return name if shipped else printable(str(Path(name).resolve()))


def run_root(config: RunConfig) -> Path:
    """The run folder: the one given, or `runs/<dataset>`, named after dataset, limit and seed."""
    if config.out is not None:
        return config.out
    if config.score is not None:
        parts = ["score", config.score.name or title_of(config.score.videos)]
    else:
        given = Path(config.dataset)
        is_path = is_card_path(config.dataset) or given.exists()
        parts = [title_of(given) if is_path else config.dataset]
    if config.limit is not None:
        parts.append(f"n{config.limit}")
    if config.seed:
        parts.append(f"seed{config.seed}")
    return Path("runs") / safe_name("-".join(parts))


def check_space(out: Path, needed: int) -> None:
    """Refuse to start where the disk has not that many bytes, and some more, to spare."""
    existing_parent = next((p for p in (out, *out.absolute().parents) if p.exists()), Path.cwd())
    free = shutil.disk_usage(existing_parent).free
    if free < needed + _SPARE_BYTES:
        raise BrokenEnvironmentError(
            f"Not enough disk at {str(existing_parent)!r}: {free / 2**20:.0f} MiB free, about "
            f"{(needed + _SPARE_BYTES) / 2**20:.0f} MiB needed. Free some, or give another place with --out."
        )


def _workers(config: RunConfig, entrants: list[Entrant]) -> int:
    """Processes: what was asked for, else one per core, but no more than the largest model allows."""
    limits = [
        (entrant.generator.processes, entrant.name)
        for entrant in entrants
        if isinstance(entrant.generator, (NativeGenerator, CommandGenerator, WorkerGenerator))
        and entrant.generator.processes is not None
    ]
    most, name = min(limits, default=(8, ""))
    if config.workers is not None and limits and config.workers > most:
        raise UserError(
            f"workers is {config.workers}, but {name} runs in {most} process at most: each would load its "
            f"weights anew. Leave workers out, or give --set workers={most}."
        )
    return config.workers or min(most, _cores())


def _cores() -> int:
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
