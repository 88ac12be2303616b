"""Published strategies by name: their sizes, what they refuse, and a video through card, pipeline and stream."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
import torch

from liveact_eval.cards.load import load_model
from liveact_eval.cards.model import ModelCard
from liveact_eval.errors import UserError
from liveact_eval.generators.recipe import NamedStrategy, recipe_of
from liveact_eval.liveact.config import liveact_tiny
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.kv_store import StoreOptions
from liveact_eval.liveact.models import Models, random_models
from liveact_eval.liveact.pipeline import LiveActPipeline
from liveact_eval.liveact.request import GenerationOptions
from liveact_eval.rollouts.forced import ForcedRollout
from liveact_eval.rollouts.listing import rollout_rows
from liveact_eval.rollouts.named import ROLLOUTS
from liveact_eval.rollouts.published import PUBLISHED, rollout_names
from liveact_eval.rollouts.rolling import RollingForcing
from liveact_eval.rollouts.self_forcing import SelfForcing
from liveact_eval.rollouts.trace_rows import grouped, row_of
from tests.unit.liveact.models import condition, small_dit
from tests.unit.rollouts.rollout_cases import Made, make

SIZES = {
    # Latent frames of a block, denoising passes and other calls per block, latent frames of the memory.
    "teacher-forcing": (3, 50, 1, None),
    "diffusion-forcing": (3, 50, 1, None),
    "causvid": (3, 3, 1, None),
    "causvid-chained": (3, 3, 1, 21),
    "self-forcing": (3, 4, 1, None),
    "causal-forcing": (3, 4, 1, None),
    "causal-forcing-frame": (1, 4, 1, None),
    "causal-forcing-plus": (1, 2, 1, None),
    "longlive": (3, 4, 1, 12),
    "longlive-relative": (3, 4, 1, 12),
    "rolling-forcing": (3, 1, 1, 24),
    "avatar-forcing": (4, 1, 1, 7),
    "knot-forcing": (3, 4, 1, 7),
    "live-avatar": (3, 4, 0, 50),
    "overlapping-windows": (18, 40, 0, 0),
}


def card(rollout: str, steps: int) -> ModelCard:
    content = load_model("liveact-tiny").model_dump() | {"name": "mine"}
    content["native"] = content["native"] | {"rollout": rollout, "steps": steps}
    return ModelCard.model_validate(content)


def test_published_sizes() -> None:
    found = {n: (r.block_latents, r.steps, r.extra_calls, r.slots) for n, r in PUBLISHED.items()}
    assert found == SIZES
    assert set(rollout_names()) == {*ROLLOUTS, *PUBLISHED} and not set(ROLLOUTS) & set(PUBLISHED)
    assert [row["name"] for row in rollout_rows()] == list(rollout_names())


def test_the_list_needs_no_torch() -> None:
    program = (
        "import sys; from liveact_eval.rollouts.listing import rollout_rows; rollout_rows(); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0


def test_a_card_may_name_every_rollout_with_its_own_number_of_steps() -> None:
    for name, rollout in PUBLISHED.items():
        recipe = recipe_of(card(name, rollout.steps))
        made = NamedStrategy(recipe.steps, recipe.rollout)(small_dit(), GenerationOptions())
        assert isinstance(made, ForcedRollout) and type(made.strategy) is type(rollout.strategy())
    with pytest.raises(
        UserError, match=r"rolling-forcing makes 1 denoising passes.*`steps: 3`.*Write `steps: 1`"
    ):
        recipe_of(card("rolling-forcing", 3))
    with pytest.raises(UserError, match="Did you mean 'rolling-forcing'"):
        recipe_of(card("roling-forcing", 1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (GenerationOptions(memory="window"), r"takes no memory \(window\): it has a memory of its own"),
        (GenerationOptions(cuda_graphs=True), r"takes no cuda_graphs \(True\).*Leave cuda_graphs at False"),
        (GenerationOptions(compile="default"), "takes no compile"),
    ],
)
def test_options_of_other_memories_are_refused(options: GenerationOptions, message: str) -> None:
    with pytest.raises(UserError, match=message):
        recipe_of(card("knot-forcing", 4), options=options)


def test_guidance_has_a_past_of_its_own() -> None:
    dit = small_dit()
    plain, guided = make(SelfForcing(), 2, dit=dit), make(SelfForcing(), 2, dit=dit, guidance=2.0)
    assert guided.bytes_held[-1] == 2 * plain.bytes_held[-1]
    assert [call.heard for call in guided.calls[:2]] == [True, False]
    assert (plain.latents - guided.latents).abs().max() > 1e-3
    with pytest.raises(LiveActError, match="must not be negative"):
        ForcedRollout(dit, SelfForcing(), guidance=-1.0)


def test_ways_of_keeping_keys_and_values_change_little_or_nothing() -> None:
    dit = small_dit()
    plain, small, host = (
        make(PUBLISHED["longlive"].strategy(), 5, dit=dit, store=store)
        for store in (StoreOptions(), StoreOptions(fp8=True), StoreOptions(host=True))
    )
    assert 0 < (plain.latents - small.latents).abs().max() < 0.1
    assert torch.equal(plain.latents, host.latents)
    assert small.bytes_held[-1] < plain.bytes_held[-1]


def test_a_seed_gives_the_same_video_and_beginning_again_forgets() -> None:
    dit = small_dit()
    first, again, other = (make(SelfForcing(), 2, dit=dit, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(first.latents, again.latents)
    assert not torch.equal(first.latents, other.latents)


def test_wrong_conditions_and_blocks_are_refused() -> None:
    rollout = ForcedRollout(small_dit(), SelfForcing())
    with pytest.raises(LiveActError, match="Condition of shape"):
        rollout.begin(condition(latents=13))
    with pytest.raises(LiveActError, match="multiple of the patch"):
        rollout.begin(condition(5, 4))
    rollout.begin(condition())
    with pytest.raises(LiveActError, match=r"Block 1 was asked for; the next one is 0"):
        rollout.block(1, None, torch.zeros(1), None)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def models() -> Models:
    return random_models(liveact_tiny(), 0, device=torch.device("cpu"), dtype=torch.float32)


@pytest.mark.parametrize("name", ["rolling-forcing", "avatar-forcing", "knot-forcing"])
def test_a_stream_makes_as_many_frames_as_were_asked_for(name: str, models: Models) -> None:
    rollouts = NamedStrategy(PUBLISHED[name].steps, name)
    pipeline = LiveActPipeline(
        models,
        rollouts,
        GenerationOptions(decode="carried"),
        origin="a test",
        device=torch.device("cpu"),
    )
    picture = np.random.RandomState(1).randint(0, 256, (24, 40, 3)).astype(np.uint8)
    stream = pipeline.stream(picture, size=(16, 16), fps=Fraction(25), frames=40)
    stream.feed(np.random.RandomState(2).uniform(-0.5, 0.5, 2 * 16_000).astype(np.float32), 16_000)
    stream.close()
    blocks = list(stream.blocks())
    assert sum(len(block.frames) for block in blocks) == 40
    stages = {stage for stage, _ in blocks[-1].timings.stages}
    assert {"context_pass", "step_0"} <= stages and ("step_3" in stages) == (name == "knot-forcing")
    first = {"avatar-forcing": 17}.get(name, 9)
    assert len(blocks[0].frames) == first
    assert [block.first_frame for block in blocks] == list(
        np.cumsum([0, *(len(block.frames) for block in blocks)])[:-1]
    )


def test_nothing_lies_behind_the_end_of_a_video_whose_length_is_known() -> None:
    made = make(RollingForcing(), 3, latents=9)
    assert made.of("denoise")[-1].frames == (6, 7, 8)
    with pytest.raises(LiveActError, match="Block 3 lies behind the end of the video"):
        make(RollingForcing(), 4, latents=9)


def test_rows_for_people_say_what_the_trace_says() -> None:
    made: Made = make(PUBLISHED["rolling-forcing"].strategy(), 4)
    rows = [row_of(group) for group in grouped(made.calls)]
    assert rows[14]["looks at"] == "sink 0-2 @ 3-5; clean 6-8"
    assert rows[14]["levels"] == "555.6x3 769.2x3 882.4x3 952.4x3 1000x3"
    assert (rows[14]["frames"], rows[14]["keeps"], rows[15]["keeps"]) == ("9-23", "nothing", "9-11")
    steps = [row_of(group) for group in grouped(make(SelfForcing(), 2).calls)]
    assert [row["call"] for row in steps] == ["0-3", "4", "5-8", "9"]
    assert steps[2]["levels"] == "1000, 937.5, 833.3, 625"
