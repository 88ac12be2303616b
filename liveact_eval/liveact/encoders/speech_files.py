"""Weight files of wav2vec 2.0: which file of a folder, does it fit, and what its tensors are called."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TypeVar

from liveact_eval.liveact.config import SpeechConfig
from liveact_eval.liveact.errors import WeightsError

Value = TypeVar("Value")

_UNUSED = ("masked_spec_embed", "quantizer.", "project_q.", "project_hid.", "lm_head.")
"""For training only; files have them, the encoder does not."""

_WEIGHT_NORM = {
    "encoder.pos_conv_embed.conv.weight_g": "encoder.pos_conv_embed.conv.parametrizations.weight.original0",
    "encoder.pos_conv_embed.conv.weight_v": "encoder.pos_conv_embed.conv.parametrizations.weight.original1",
}
"""Norm and direction of the positional convolution: older name, newer name."""


def weights_file(path: Path) -> Path:
    """The weights in a folder: safetensors where there are any, else `pytorch_model.bin`. A file is itself.

    Raises:
        WeightsError: the folder holds neither.
    """
    if not path.is_dir() or any(path.glob("*.safetensors")):
        return path
    if (path / "pytorch_model.bin").is_file():
        return path / "pytorch_model.bin"
    raise WeightsError(
        f"{path} holds no speech encoder: expected model.safetensors or pytorch_model.bin in it. "
        "Fetch the folder again."
    )


def check_folder(path: Path, config: SpeechConfig) -> None:
    """What the folder says of its model must be what will be built.

    Raises:
        WeightsError: `config.json` is missing, unreadable, or of another model.
    """
    try:
        written = json.loads((path / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WeightsError(f"{path} holds no config.json. Fetch the folder of the model again.") from None
    except (OSError, ValueError) as error:
        raise WeightsError(f"Cannot read {path / 'config.json'}: {error}. Fetch the folder again.") from error
    expected = {
        "hidden_size": config.width,
        "num_hidden_layers": config.num_layers,
        "num_attention_heads": config.num_heads,
        "intermediate_size": config.ffn_dim,
        "conv_dim": list(config.conv_dim),
        "conv_kernel": list(config.conv_kernel),
        "conv_stride": list(config.conv_stride),
        "conv_bias": config.conv_bias,
        "num_conv_pos_embeddings": config.pos_kernel,
        "num_conv_pos_embedding_groups": config.pos_groups,
        "feat_extract_norm": "group",
        "feat_extract_activation": "gelu",
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-5,
        "do_stable_layer_norm": False,
    }
    for name, value in expected.items():
        if name in written and written[name] != value:
            raise WeightsError(
                f"{path / 'config.json'}: {name} is {written[name]}, expected {value}. Take the speech encoder that "
                "belongs to this configuration."
            )


def library_names(tensors: Mapping[str, Value], wanted: Collection[str]) -> dict[str, Value]:
    """The encoder's tensors under the names in `wanted`, those of the built module.

    Files of a model with a head have `wav2vec2.` before each name.
    """
    older = any(name in wanted for name in _WEIGHT_NORM)
    renaming = {new: old for old, new in _WEIGHT_NORM.items()} if older else _WEIGHT_NORM
    renamed = {}
    for name, tensor in tensors.items():
        plain = name.removeprefix("wav2vec2.")
        if not plain.startswith(_UNUSED):
            renamed[renaming.get(plain, plain)] = tensor
    return renamed
