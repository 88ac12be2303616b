"""VAE, text, image and speech encoders against numbers of the official modules."""

from __future__ import annotations

from pathlib import Path

import pytest

from liveact_eval.liveact import vae
from liveact_eval.liveact.config import VAEConfig
from liveact_eval.liveact.vae import WanVAE
from liveact_eval.parity import speech
from liveact_eval.parity.run import replay_folder, vector_files
from liveact_eval.parity.vectors import VectorFile


def test_every_encoder_vector_is_replayed_and_agrees(shared: Path) -> None:
    folder = shared / "parity" / "encoders"
    results = list(replay_folder(folder))
    assert {result.file: result.worst for result in results if not result.passed} == {}
    assert sorted(result.file for result in results) == vector_files(folder)
    assert all(result.tolerance in (None, 0.0, 5e-5) for result in results)


def test_every_speech_vector_is_replayed_and_agrees(shared: Path) -> None:
    weights, cases = speech.replay(shared / "parity" / "liveact")
    assert weights.passed
    assert cases.passed, cases.worst
    assert cases.checked == 20


def test_channel_constants_are_the_published_ones(shared: Path) -> None:
    vectors = VectorFile(shared / "parity" / "encoders", "vae")
    config = WanVAE(vae.build(VAEConfig(base_dim=4)), VAEConfig(base_dim=4)).module.config
    assert config.latents_mean == pytest.approx(vectors.read("mean").tolist())
    assert config.latents_std == pytest.approx(vectors.read("std").tolist())
