"""Replaying vectors of the speech encoder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from liveact_eval.errors import UserError
from liveact_eval.liveact.config import SpeechConfig
from liveact_eval.liveact.encoders import speech
from liveact_eval.liveact.encoders.speech import SpeechEncoder, interpolate, normalize
from liveact_eval.parity.run import attempt, read_json
from liveact_eval.parity.vectors import FileResult, VectorFile

_WEIGHTS, _CASES, _SIZES = (
    "wav2vec_tiny_weights.safetensors",
    "wav2vec_tiny.safetensors",
    "wav2vec_tiny_config.json",
)


def replay(folder: Path) -> Iterator[FileResult]:
    """Replay the two files of the speech encoder in a folder of the kind `liveact`."""

    def load() -> SpeechEncoder:
        return speech.load(folder / _WEIGHTS, speech_config(read_json(folder, _SIZES)))

    def weights() -> FileResult:
        vectors = VectorFile(folder, _WEIGHTS)
        load()
        vectors.use_all()
        return vectors.result()

    def cases() -> FileResult:
        vectors = VectorFile(folder, _CASES)
        check_speech(vectors, load())
        return vectors.result()

    yield attempt(_WEIGHTS, weights)
    yield attempt(_CASES, cases)


def check_speech(vectors: VectorFile, encoder: SpeechEncoder) -> None:
    """Replay each sound, step by step and as a whole."""
    for key in vectors:
        if not key.endswith(".waveform"):
            continue
        name = key.removesuffix(".waveform")
        wave = vectors.read(key)
        normalized = normalize(wave)
        vectors.check(f"{name}.normalized", normalized)
        convolved = encoder.conv_features(normalized)
        vectors.check(f"{name}.conv_features", convolved)
        stretched = interpolate(convolved, speech.frames_of(len(wave)))
        vectors.check(f"{name}.interp_features", stretched)
        states = encoder.hidden_states(stretched)
        for index, state in enumerate(states):
            vectors.check(f"{name}.hidden.{index}", state)
        vectors.check(f"{name}.last_hidden", states[-1])
        vectors.check(f"{name}.embedding", encoder.encode(wave))
        with torch.no_grad():
            stock = encoder.module(normalized[None]).last_hidden_state[0]
        vectors.check(f"{name}.hf_hidden_last_no_interp", stock)


def speech_config(content: Any) -> SpeechConfig:
    """The sizes that the configuration file of the vectors gives; what it leaves out is as published.

    Raises:
        UserError: the file has another form.
    """
    sizes = content.get("config") if isinstance(content, dict) else None
    if not isinstance(sizes, dict):
        raise UserError(f"{_SIZES} has no table `config` of sizes. Copy the whole folder again.")
    published = SpeechConfig()
    return SpeechConfig(
        width=sizes.get("hidden_size", published.width),
        num_layers=sizes.get("num_hidden_layers", published.num_layers),
        num_heads=sizes.get("num_attention_heads", published.num_heads),
        ffn_dim=sizes.get("intermediate_size", published.ffn_dim),
        conv_dim=tuple(sizes.get("conv_dim", published.conv_dim)),
        conv_kernel=tuple(sizes.get("conv_kernel", published.conv_kernel)),
        conv_stride=tuple(sizes.get("conv_stride", published.conv_stride)),
        conv_bias=sizes.get("conv_bias", published.conv_bias),
        pos_kernel=sizes.get("num_conv_pos_embeddings", published.pos_kernel),
        pos_groups=sizes.get("num_conv_pos_embedding_groups", published.pos_groups),
    )
