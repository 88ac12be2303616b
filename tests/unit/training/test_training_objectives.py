from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from liveact_eval.liveact import vae
from liveact_eval.liveact.config import VAEConfig, liveact_mini
from liveact_eval.liveact.encoders.tokenizer import open_tokenizer
from liveact_eval.training.encoded_samples import Bank, SampleEncoder, shuffled
from liveact_eval.training.kit import Kit
from liveact_eval.training.objectives.base import Objective
from liveact_eval.training.objectives.configs import NeighborChoice, SpeechChoice, VAEChoice
from liveact_eval.training.objectives.neighbor import NeighborObjective, block_causal, byte_tokens
from liveact_eval.training.objectives.speech import SpeechObjective
from liveact_eval.training.objectives.vae import VAEObjective, standardise
from liveact_eval.training.pictures import box_mask
from liveact_eval.training.recipe import DataConfig, load_recipe
from liveact_eval.training.talker_samples import TalkerSamples

CONFIG = liveact_mini()
SMALL = VAEConfig(
    base_dim=8,
    dim_mult=(1, 1, 1),
    num_res_blocks=1,
    temporal_downsample=(True, True),
    patch_size=2,
    latents_mean=(0.0,) * 16,
    latents_std=(1.0,) * 16,
)


def _batch(frames: int, **changes: object) -> dict[str, torch.Tensor]:
    samples = TalkerSamples(
        DataConfig.model_validate({"frames": frames, "size": 32, "sound": True} | changes), 2
    )
    drawn = [samples[index] for index in range(2)]
    return {name: torch.stack([sample[name] for sample in drawn]) for name in drawn[0]}


def _falls(
    objective: Objective, batch: Mapping[str, torch.Tensor], *, steps: int, lr: float
) -> tuple[float, float]:
    """Loss on one batch before and after a few updates."""
    (name, module), *_ = objective.players().items()
    optimiser = torch.optim.Adam(module.parameters(), lr=lr)
    seen = []
    for step in range(steps):
        total = objective.loss(name, batch, torch.Generator().manual_seed(step % 2)).total
        seen.append(float(total.detach()))
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
    return sum(seen[:2]), sum(seen[-2:])


def test_vae_learns_a_batch(tmp_path: Path) -> None:
    torch.manual_seed(0)
    objective = VAEObjective(SMALL, VAEChoice(kind="vae", window=5), 32, Kit(tmp_path))
    before, after = _falls(objective, _batch(5), steps=12, lr=3e-3)
    assert after < 0.7 * before


def test_a_vae_goes_on_from_the_one_before(tmp_path: Path) -> None:
    kit, choice = Kit(tmp_path), VAEChoice(kind="vae", window=5)
    first = VAEObjective(SMALL, choice, 32, kit)
    kit.keep(load_recipe("mini-vae"), {"vae": first.module}, {})
    second = VAEObjective(SMALL, choice.model_copy(update={"goes_on": True}), 32, kit)
    for name, value in first.module.state_dict().items():
        torch.testing.assert_close(second.module.state_dict()[name], value, atol=1e-3, rtol=1e-3)
    assert all(parameter.requires_grad for parameter in second.module.parameters())


def test_speech_learns_a_batch() -> None:
    torch.manual_seed(0)
    objective = SpeechObjective(CONFIG.speech, SpeechChoice(kind="speech", shortest=55))
    before, after = _falls(objective, _batch(60, pictures=False), steps=12, lr=1e-3)
    assert after < 0.9 * before


def test_recipes_refuse_samples_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="windows of 1 \\+ 4k"):
        VAEChoice(kind="vae", window=9).check(10)
    with pytest.raises(ValueError, match="at least 53"):
        NeighborChoice(kind="neighbor").check(49)
    for name in ("mini-vae", "mini-speech", "mini-neighbor"):
        recipe = load_recipe(name)
        recipe.objective.check(recipe.data.frames)


def test_statistics_fold_into_the_weights_without_changing_a_picture() -> None:
    torch.manual_seed(0)
    module = vae.build(SMALL)
    wrapped = vae.WanVAE(module, SMALL)
    video = torch.rand(1, 3, 5, 32, 32) * 2 - 1
    before, pictures = wrapped.encode(video), wrapped.decode(wrapped.encode(video))
    mean, std = torch.linspace(-2, 2, 16), torch.linspace(0.3, 3, 16)
    standardise(module, mean, std)
    after = wrapped.encode(video)
    torch.testing.assert_close(after, (before - mean.view(1, -1, 1, 1, 1)) / std.view(1, -1, 1, 1, 1))
    torch.testing.assert_close(wrapped.decode(after), pictures, atol=1e-5, rtol=1e-5)


def test_a_vae_of_patches_streams_as_it_decodes_in_one_go() -> None:
    torch.manual_seed(0)
    wrapped = vae.WanVAE(vae.build(SMALL), SMALL)
    latents = torch.randn(1, 16, 4, 4, 4)
    streamed = wrapped.decode(latents)
    whole = wrapped.module.decode(latents).sample.clamp(-1, 1)
    assert streamed.shape == (1, 3, 13, 32, 32)
    torch.testing.assert_close(streamed, whole, atol=1e-5, rtol=1e-5)


def test_a_box_becomes_the_pixels_inside_it() -> None:
    mask = box_mask(torch.tensor([[[1.0, 2.0, 3.0, 6.0]]]), 8)
    assert mask.shape == (1, 1, 1, 8, 8)
    assert mask.sum() == 2 * 4 and mask[0, 0, 0, 2:6, 1:3].all()


def test_prompts_become_the_tokens_of_the_tokenizer() -> None:
    prompts = ["A person nods.", "Äh, a longer prompt that speaks on"]
    rows = torch.zeros(2, 64, dtype=torch.uint8)
    for row, prompt in zip(rows, prompts, strict=True):
        coded = prompt.encode()
        row[: len(coded)] = torch.tensor(list(coded), dtype=torch.uint8)
    ids, mask = byte_tokens(rows, CONFIG.text.length)
    expected = open_tokenizer(CONFIG.text, None)(prompts)
    length = expected.ids.shape[1]
    assert ids[:, :length].equal(expected.ids) and mask[:, :length].equal(expected.mask)
    assert not ids[:, length:].any() and not mask[:, length:].any()


def test_a_block_sees_itself_and_what_came_before() -> None:
    expected = torch.tensor(
        [[1, 1, 0, 0, 0], [1, 1, 0, 0, 0], [1, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 1, 1, 1, 1]]
    )
    assert block_causal((2, 3)).equal(expected.bool())


@pytest.fixture(scope="module")
def encoder() -> SampleEncoder:
    from liveact_eval.liveact.encoders import speech

    torch.manual_seed(0)
    return SampleEncoder(
        vae.WanVAE(vae.build(SMALL), SMALL), speech.SpeechEncoder(speech.build(CONFIG.speech), CONFIG.speech)
    )


def test_encoded_samples_teach_the_transformer(encoder: SampleEncoder) -> None:
    torch.manual_seed(0)
    samples = TalkerSamples(DataConfig(frames=53, size=32, sound=True), 2)
    drawn = [samples[index] for index in range(2)]
    batch = encoder.encode({name: torch.stack([sample[name] for sample in drawn]) for name in drawn[0]})
    # Together as alone.
    alone = encoder.encode({name: value[None] for name, value in drawn[1].items()})
    for name, value in alone.items():
        torch.testing.assert_close(batch[name][1:], value, atol=2e-3, rtol=2e-3, msg=name)
    assert batch["latents"].shape == (2, 16, 14, 4, 4) == batch["condition"][:, 4:].shape
    assert batch["features"].shape == (2, 53, 3, 48)
    assert 0 < batch["mouth"].float().mean() < 0.5
    objective = NeighborObjective(CONFIG, NeighborChoice(kind="neighbor", pure_noise=0.0))
    before, after = _falls(objective, batch, steps=8, lr=1e-3)
    assert after < before
    grads = [name for name, p in objective.module.named_parameters() if p.grad is not None and p.grad.any()]
    for part in ("text.", "image.", "dit.audio_proj", "dit.blocks.5.self_attn"):
        assert any(name.startswith(part) for name in grads), part


def test_a_bank_goes_on_and_knows_its_own(
    tmp_path: Path, encoder: SampleEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from liveact_eval.errors import UserError
    from liveact_eval.training import encoded_samples

    monkeypatch.setattr(encoded_samples, "SHARD", 2)
    monkeypatch.setattr(encoded_samples, "_AT_ONCE", 1)
    data = DataConfig(frames=5, size=32, sound=True, workers=0)
    calls: list[int] = []

    def encode(sample: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        calls.append(1)
        return {"mouth": sample["mouth"]}

    told: list[int] = []
    bank = Bank(tmp_path / "bank", data, 4, "vae:a")
    with pytest.raises(UserError, match="2 of 2 files are missing"):
        bank.load()
    bank.fill(encode, told.append)
    assert told == [2, 4] and len(calls) == 4
    (tmp_path / "bank" / "00001.safetensors").unlink()
    bank.fill(encode, told.append)
    assert len(calls) == 6
    samples = bank.load()
    assert samples["mouth"][3].equal(TalkerSamples(data, 4)[3]["mouth"])
    # Stages that learn from the same samples share them; others never meet.
    folders = [Bank.inside(tmp_path, data, 4, name)._folder for name in ("vae:a", "vae:a", "vae:b")]
    assert folders[0] == folders[1] != folders[2]
    with pytest.raises(UserError, match="other clips or other encoders"):
        Bank(tmp_path / "bank", data, 4, "vae:b").fill(encode, told.append)


def test_shuffled_batches_depend_on_step_and_seed() -> None:
    samples = {"x": torch.arange(100)}
    whole = [batch["x"] for batch in shuffled(samples, batch=5, steps=range(6), seed=1)]
    rest = [batch["x"] for batch in shuffled(samples, batch=5, steps=range(4, 6), seed=1)]
    assert whole[4].equal(rest[0]) and whole[5].equal(rest[1])
    assert not whole[0].equal(next(shuffled(samples, batch=5, steps=range(1), seed=2))["x"])


def test_a_kit_names_what_is_missing(tmp_path: Path) -> None:
    from liveact_eval.errors import UserError

    with pytest.raises(UserError, match=r"vae\.safetensors is missing: an earlier stage makes it"):
        Kit(tmp_path).vae(CONFIG)
