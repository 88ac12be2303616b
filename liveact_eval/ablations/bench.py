"""Clips, models and measuring for the units of an ablation; what is loaded once serves all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from liveact_eval.ablations.study import Request, Setup
from liveact_eval.cards.load import load_dataset, load_model
from liveact_eval.clips.clip import Clip, ClipEntry, safe_name
from liveact_eval.clips.image import load_image
from liveact_eval.clips.sanity import SanityLimits
from liveact_eval.clips.video import SOUND_RATE_HZ
from liveact_eval.datasets.open import cache_root
from liveact_eval.datasets.talkers.spec import ACTIONS, EMOTIONS, FPS, TalkerSpec, draw_specs
from liveact_eval.errors import ClipError, UserError
from liveact_eval.files import sha256_of
from liveact_eval.generators.recipe import Recipe, recipe_of
from liveact_eval.generators.rollout_choice import with_rollout
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.request import GenerationOptions
from liveact_eval.metrics.base import Metric
from liveact_eval.networks.provider import Networks

if TYPE_CHECKING:
    from liveact_eval.datasets.drawn import DrawnDataset
    from liveact_eval.liveact.clock import BlockTimings
    from liveact_eval.liveact.models import Models
    from liveact_eval.liveact.prompts import Edit
    from liveact_eval.liveact.vae import WanVAE
    from liveact_eval.measure.engine import Measurement

DATASET = "talkers"


@dataclass(frozen=True, kw_only=True)
class TimedBlock:
    """A block of frames and where its time went."""

    first_frame: int
    frames: int
    timings: BlockTimings


@dataclass(frozen=True, kw_only=True)
class MadeVideo:
    """A video of a unit."""

    path: Path
    blocks: tuple[TimedBlock, ...]
    memory_bytes: int
    """Keys and values held at the end."""
    lookahead_frames: int
    """Video frames by which the sound must be ahead of the first frame of a block from the third on."""
    ran: dict[str, str | int | float]
    """Configuration, weights, device, precision, options."""


class Bench:
    """What all units share.

    Args:
        request: what is asked for.
        neutral: take clips with a neutral face and without an action only.

    Raises:
        UserError: the model is no native one.
    """

    def __init__(self, request: Request, *, neutral: bool = False) -> None:
        self.request = request
        self.card = load_model(request.model)
        if self.card.native is None:
            raise UserError(
                f"{self.card.name!r} is a card of kind {self.card.kind}; expected a native model, such as "
                "liveact-mini or liveact-tiny"
            )
        self.networks = Networks()
        self._neutral = neutral
        self._models: dict[Recipe, Models] = {}

    @cached_property
    def dataset(self) -> DrawnDataset:
        """Drawn clips of the length asked for."""
        from liveact_eval.datasets.drawn import open_drawn

        card, _ = load_dataset(DATASET)
        if card.talkers is None:
            raise ValueError(f"{DATASET} draws its clips")
        # A neutral clip without an action is one of all pairs that each speaker goes through.
        count = self.request.clips * (len(EMOTIONS) * len(ACTIONS) if self._neutral else 1)
        changes = {"clips": count, "speakers": self.request.clips, "seconds": self.request.seconds}
        return open_drawn(card, card.talkers.model_copy(update=changes), card.protocol, cache_root())

    @cached_property
    def specs(self) -> dict[str, TalkerSpec]:
        """How each clip is drawn, by id, in order."""
        s = self.dataset.spec
        drawn = draw_specs(
            s.split, count=s.clips, speakers=s.speakers, seconds=s.seconds, size=s.size, seed=s.seed
        )
        kept = [spec for spec in drawn if not self._neutral or (spec.emotion, spec.action) == _PLAIN]
        return {spec.clip_id: spec for spec in kept}

    @property
    def entries(self) -> list[ClipEntry]:
        """The clips, each of another speaker."""
        return [entry for entry in self.dataset.entries(lambda _: "") if entry.id in self.specs]

    @property
    def frames(self) -> int:
        """Video frames of a clip."""
        return round(self.request.seconds * FPS)

    def clip(self, entry: ClipEntry) -> Clip:
        """A clip, drawn if it is not there yet."""
        return self.dataset.materialise(entry)

    def recipe(self, setup: Setup) -> Recipe:
        """How the model of a setup is built.

        Raises:
            UserError: weights are missing, or the strategy does not have its options.
        """
        card = with_rollout(self.card, setup.rollout, setup.rollout_options)
        made = recipe_of(card, weights=setup.weights or self.request.weights)
        return made if setup.steps is None else replace(made, steps=setup.steps)

    def models(self, setup: Setup) -> Models:
        """The networks of a setup, loaded once per folder of weights.

        Raises:
            UserError: weights are missing, or do not fit.
        """
        from liveact_eval.generators.recipe import build_pipeline

        # Rollout, memory and steps are no part of the networks.
        recipe = replace(
            self.recipe(setup),
            rollout=Recipe.rollout,
            rollout_options=Recipe.rollout_options,
            steps=1,
            options=GenerationOptions(),
        )
        if recipe not in self._models:
            try:
                self._models[recipe] = build_pipeline(recipe).models
            except LiveActError as error:
                raise UserError(str(error)) from error
        return self._models[recipe]

    @property
    def vae_origin(self) -> str:
        """Where the VAE's weights come from.

        Raises:
            UserError: they are missing.
        """
        if self._whole_model:
            return self.recipe(Setup()).origin
        return f"vae {sha256_of(self._vae_file)[:12]}"

    @cached_property
    def vae(self) -> WanVAE:
        """The VAE alone, for which no other weights need be there.

        Raises:
            UserError: its weights are missing, or do not fit.
        """
        if self._whole_model:
            return self.models(Setup()).vae
        from liveact_eval.liveact import vae
        from liveact_eval.liveact.config import named_config

        native = self.card.native
        if native is None:
            raise ValueError("checked when the bench was made")
        try:
            return vae.load(self._vae_file, named_config(native.config).vae)
        except LiveActError as error:
            raise UserError(str(error)) from error

    @property
    def _whole_model(self) -> bool:
        """Whether the VAE comes with the model: drawn from a seed, or from files that the card names."""
        return self.request.weights is None

    @property
    def _vae_file(self) -> Path:
        path = (self.request.weights or Path()) / "vae.safetensors"
        if not path.is_file():
            raise UserError(
                f"{path} is missing. Train it: liveact-eval train mini-vae --kit KIT, and give --weights KIT/weights"
            )
        return path

    def video(
        self, setup: Setup, clip: Clip, seed: int, *, name: str, edits: Sequence[Edit] = ()
    ) -> MadeVideo:
        """Make the video of a unit.

        Args:
            setup: of the variant.
            clip: what is given.
            seed: of all noise.
            name: folder of the variant's videos.
            edits: other prompts for ranges of blocks.

        Raises:
            ClipError: the model cannot make it.
        """
        from liveact_eval.ablations.rollouts import rollout_of
        from liveact_eval.generators.driving import DrivingSound
        from liveact_eval.generators.native import write_stream
        from liveact_eval.liveact.pipeline import LiveActPipeline
        from liveact_eval.liveact.speech_input import EXTRA_FRAMES
        from liveact_eval.liveact.stream import FrameBlock

        if clip.image is None or clip.audio is None:
            raise ValueError("drawn clips come with image and sound")
        recipe, models = self.recipe(setup), self.models(setup)
        factory = rollout_of(setup, recipe.steps)
        options = replace(recipe.options, memory=setup.memory)
        blocks: list[TimedBlock] = []

        def told(block: FrameBlock) -> None:
            blocks.append(
                TimedBlock(first_frame=block.first_frame, frames=len(block.frames), timings=block.timings)
            )

        out = self.request.out / "videos" / safe_name(name) / f"{safe_name(clip.id)}-seed{seed}.mp4"
        size = clip.size or (64, 64)
        try:
            pipeline = LiveActPipeline(models, factory, options, origin=recipe.origin, device=models.device)
            stream = pipeline.stream(
                load_image(clip.image),
                prompt=clip.prompt,
                edits=edits,
                size=size,
                fps=Fraction(FPS),
                seed=seed,
                frames=self.frames,
            )
            sound = DrivingSound.open(clip.audio, rate=SOUND_RATE_HZ)
            write_stream(stream, sound, out, size=size, encoding=self.dataset.protocol.encoding, told=told)
        except LiveActError as error:
            raise ClipError("not_generated", str(error)) from error
        rollout = factory(models.dit, options)
        shown = 4 * sum(rollout.block_latents(n) for n in range(2)) - 3
        return MadeVideo(
            path=out,
            blocks=tuple(blocks),
            memory_bytes=stream.memory_bytes(),
            lookahead_frames=rollout.audio_span(2).stop + EXTRA_FRAMES - shown,
            ran=pipeline.describe(),
        )

    def measure(self, clip: Clip, video: Path, metrics: Sequence[Metric]) -> Measurement:
        """Measure a video by one pass of the engine, as `run` does.

        Raises:
            ClipError: the video cannot be measured at all.
        """
        from liveact_eval.measure.engine import Job, measure

        return measure(
            Job(clip=clip, video=video, metrics=metrics, limits=SanityLimits(), networks=self.networks)
        )


_PLAIN = ("neutral", "none")
