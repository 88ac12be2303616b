"""Operations outside the transformer, and the count of a whole card."""

from __future__ import annotations

import dataclasses

import pytest

from liveact_eval.cards.load import load_model
from liveact_eval.cards.model import NativeSpec
from liveact_eval.efficiency.counting.meta import MetaModel
from liveact_eval.efficiency.operations import DIT_PARTS, SPEECH, TERA, VAE_DECODE, count_steady_block
from liveact_eval.errors import UserError
from liveact_eval.liveact.config import liveact_18b, liveact_mini

SIZE = (64, 48)
NATIVE = NativeSpec(config="liveact-tiny", rollout="neighbor", steps=3)


def test_the_published_decoder_and_speech_encoder() -> None:
    config = liveact_18b()
    # What the transformer costs is not asked for.
    config = dataclasses.replace(config, dit=dataclasses.replace(config.dit, num_layers=1))
    model = MetaModel(config, NATIVE, (512, 512))
    assert model.decode() / TERA / 32 == pytest.approx(2.864, rel=0.001)
    assert model.speech() / TERA == pytest.approx(0.0208, rel=0.01)


def test_a_carried_decoder_decodes_nothing_again() -> None:
    carried, overlap = (
        MetaModel(liveact_mini(), NATIVE.model_copy(update={"decode": mode}), SIZE).decode()
        for mode in ("carried", "overlap")
    )
    # 8 latents instead of 8 and 3, of which the first one gives a single frame.
    assert 0.7 < carried / overlap < 0.85


def test_a_card_is_counted_whole() -> None:
    found = count_steady_block(load_model("liveact-mini"), SIZE)
    assert set(found.components) == {*DIT_PARTS, VAE_DECODE, SPEECH}
    assert all(value > 0 for value in (*found.components.values(), *found.once.values()))
    dit = sum(found.components[part] for part in DIT_PARTS)
    assert found.dit_tflop_per_frame == dit / 32
    outside = found.components[VAE_DECODE] + found.components[SPEECH]
    assert found.tflop_per_frame == pytest.approx((dit + outside) / 32)
    assert "multiply-add is 2" in found.rule
    assert "in every model call" in found.rule


@pytest.mark.parametrize(
    ("name", "size", "says"),
    [
        ("blur", SIZE, r"Blur \(blur\) is a card of kind control"),
        ("infinitetalk", SIZE, r"kind command.*liveact-eval models show infinitetalk"),
        ("liveact-tiny", (60, 64), r"60x64: both sides must be multiples of 16"),
    ],
)
def test_what_cannot_be_counted(name: str, size: tuple[int, int], says: str) -> None:
    with pytest.raises(UserError, match=says):
        count_steady_block(load_model(name), size)
