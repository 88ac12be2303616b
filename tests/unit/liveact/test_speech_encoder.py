"""The speech encoder: rows per video frame, files of several ages, refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from liveact_eval.liveact.config import SpeechConfig
from liveact_eval.liveact.encoders import speech
from liveact_eval.liveact.encoders.speech import SpeechEncoder, frames_of, interpolate
from liveact_eval.liveact.encoders.speech_files import library_names
from liveact_eval.liveact.errors import LiveActError, WeightsError
from liveact_eval.liveact.weights import fill_random

CONFIG = SpeechConfig(
    width=24, num_layers=2, num_heads=3, ffn_dim=40, conv_dim=(8,) * 7, pos_kernel=8, pos_groups=2
)


@pytest.fixture(scope="module")
def encoder() -> SpeechEncoder:
    module = speech.build(CONFIG)
    fill_random(module, 1)
    return SpeechEncoder(module, CONFIG)


def wave(samples: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    sound: np.ndarray[Any, np.dtype[np.float32]] = np.sin(np.arange(samples) / 7.0).astype(np.float32)
    sound.flags.writeable = False
    return sound


def test_one_stack_per_video_frame(encoder: SpeechEncoder) -> None:
    assert encoder.encode(wave(16000)).shape == (25, 2, 24)
    assert encoder.encode(wave(16000), frames=7).shape == (7, 2, 24)
    assert torch.isfinite(encoder.encode(np.zeros(3200, np.float32))).all()


def test_loudness_and_offset_have_no_effect(encoder: SpeechEncoder) -> None:
    torch.testing.assert_close(
        encoder.encode(wave(8000) * 3 + 0.2), encoder.encode(wave(8000)), rtol=0, atol=1e-4
    )


def test_layers_differ_and_are_those_of_the_stock_model(encoder: SpeechEncoder) -> None:
    features = encoder.conv_features(speech.normalize(torch.tensor(wave(8000))))
    states = encoder.hidden_states(features)
    assert len(states) == 3
    with torch.no_grad():
        stock = encoder.module(speech.normalize(torch.tensor(wave(8000)))[None]).last_hidden_state[0]
    torch.testing.assert_close(states[-1], stock, rtol=0, atol=1e-5)
    assert not torch.equal(states[1], states[2])


def test_frames_round_as_the_official_program_does() -> None:
    # In floating point, 29 frames' worth of samples over 16000 times 25 is a little less than 29.
    assert [frames_of(n) for n in (640, 639, 17000, 35200, 29 * 640)] == [1, 0, 26, 55, 28]


def test_interpolation_keeps_the_ends() -> None:
    rows = torch.tensor([[0.0], [1.0], [2.0]])
    assert interpolate(rows, 5).flatten().tolist() == [0.0, 0.5, 1.0, 1.5, 2.0]
    assert interpolate(rows, 3).equal(rows)


@pytest.mark.parametrize(("samples", "frames"), [(399, 1), (0, None), (639, None), (8000, 0)])
def test_too_short(encoder: SpeechEncoder, samples: int, frames: int | None) -> None:
    with pytest.raises(LiveActError, match=r"too short .* it needs 640 samples and 1 frame"):
        encoder.encode(wave(samples), frames)
    assert encoder.encode(wave(400), frames=1).shape == (1, 2, 24)


def test_other_refusals(encoder: SpeechEncoder) -> None:
    with pytest.raises(LiveActError, match="one channel"):
        encoder.encode(np.zeros((2, 8000), np.float32))
    with pytest.raises(LiveActError, match="not finite"):
        encoder.encode(np.full(8000, np.nan, np.float32))
    with pytest.raises(LiveActError, match="expected as many of each"):
        speech.build(SpeechConfig(conv_dim=(8, 8)))


def older(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Names as older files with a training head have them, and that head."""
    renamed = {
        f"wav2vec2.{name}".replace("parametrizations.weight.original0", "weight_g").replace(
            "parametrizations.weight.original1", "weight_v"
        ): tensor
        for name, tensor in state.items()
    }
    extra = ("wav2vec2.masked_spec_embed", "quantizer.codevectors", "project_q.weight", "project_hid.bias")
    return renamed | dict.fromkeys(extra, torch.ones(2))


def write_folder(folder: Path, **changes: object) -> None:
    folder.mkdir()
    content = {"hidden_size": 24, "num_hidden_layers": 2, "do_stable_layer_norm": False, **changes}
    (folder / "config.json").write_text(json.dumps(content), encoding="utf-8")


def test_loads_files_of_several_ages(encoder: SpeechEncoder, tmp_path: Path) -> None:
    state = encoder.module.state_dict()
    write_folder(tmp_path / "new")
    save_file(state, tmp_path / "new" / "model.safetensors")
    write_folder(tmp_path / "old")
    torch.save(older(state), tmp_path / "old" / "pytorch_model.bin")
    for path in (tmp_path / "new", tmp_path / "old", tmp_path / "old" / "pytorch_model.bin"):
        loaded = speech.load(path, CONFIG)
        assert not loaded.module.training
        assert torch.equal(loaded.encode(wave(4000)), encoder.encode(wave(4000)))


def test_names_follow_the_module() -> None:
    older_name = "encoder.pos_conv_embed.conv.weight_g"
    newer_name = "encoder.pos_conv_embed.conv.parametrizations.weight.original0"
    for given in (older_name, newer_name):
        for wanted in (older_name, newer_name):
            assert library_names({given: 1}, {wanted}) == {wanted: 1}


def test_refuses_folders_of_another_model(encoder: SpeechEncoder, tmp_path: Path) -> None:
    write_folder(tmp_path / "large", do_stable_layer_norm=True)
    with pytest.raises(WeightsError, match="do_stable_layer_norm is True, expected False"):
        speech.load(tmp_path / "large", CONFIG)
    write_folder(tmp_path / "empty")
    with pytest.raises(WeightsError, match=r"expected model\.safetensors or pytorch_model\.bin"):
        speech.load(tmp_path / "empty", CONFIG)
    (tmp_path / "empty" / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(WeightsError, match=r"Cannot read .*config\.json"):
        speech.load(tmp_path / "empty", CONFIG)
    (tmp_path / "empty" / "config.json").unlink()
    with pytest.raises(WeightsError, match=r"holds no config\.json"):
        speech.load(tmp_path / "empty", CONFIG)
    state = encoder.module.state_dict()
    state.pop("encoder.layers.1.final_layer_norm.bias")
    save_file(state, tmp_path / "short.safetensors")
    with pytest.raises(WeightsError, match=r"encoder\.layers\.1\.final_layer_norm\.bias"):
        speech.load(tmp_path / "short.safetensors", CONFIG)
