"""The umT5 text encoder: prompts to rows of features."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import UMT5Config, UMT5EncoderModel

from liveact_eval.liveact.config import TextConfig
from liveact_eval.liveact.encoders.prompt import clean_prompt
from liveact_eval.liveact.encoders.tokenizer import Tokenizer, find_tokenizer, open_tokenizer
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.weights import load_into, open_state

Value = TypeVar("Value")

_INSIDE = {
    "norm1": "layer.0.layer_norm",
    "norm2": "layer.1.layer_norm",
    "attn.q": "layer.0.SelfAttention.q",
    "attn.k": "layer.0.SelfAttention.k",
    "attn.v": "layer.0.SelfAttention.v",
    "attn.o": "layer.0.SelfAttention.o",
    "pos_embedding.embedding": "layer.0.SelfAttention.relative_attention_bias",
    "ffn.gate.0": "layer.1.DenseReluDense.wi_0",
    "ffn.fc1": "layer.1.DenseReluDense.wi_1",
    "ffn.fc2": "layer.1.DenseReluDense.wo",
}
"""Parts of a block: official name, name in transformers."""


def build(config: TextConfig) -> nn.Module:
    """The module, with weights not yet loaded; under `torch.device("meta")` it takes no memory."""
    if config.dim_attn % config.num_heads:
        raise LiveActError(
            f"Text encoder: attention width {config.dim_attn} is no multiple of its {config.num_heads} heads"
        )
    module: nn.Module = UMT5EncoderModel(
        UMT5Config(
            vocab_size=config.vocab,
            d_model=config.dim,
            d_kv=config.dim_attn // config.num_heads,
            d_ff=config.dim_ffn,
            num_layers=config.num_layers,
            num_heads=config.num_heads,
            relative_attention_num_buckets=config.num_buckets,
            relative_attention_max_distance=config.max_distance,
            dropout_rate=0.0,
            layer_norm_epsilon=1e-6,
            feed_forward_proj="gated-gelu",
            attn_implementation="eager",
        )
    )
    # The embedding has two names in the module and one in the file.
    module.tie_weights()
    return module.eval().requires_grad_(False)


def load(
    path: Path,
    config: TextConfig,
    *,
    tokenizer: Path | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> TextEncoder:
    """Read the weights and the tokenizer.

    Args:
        path: the official `models_t5_umt5-xxl-enc-bf16.pth`, or safetensors with either set of names.
        config: the sizes.
        tokenizer: folder of the tokenizer files; `None`: found beside the weights. The kind `bytes` has none.
        device: where the module goes.
        dtype: floating-point type of its weights; float16 is too narrow for this encoder.

    Raises:
        WeightsError: missing or damaged file, or other names or sizes.
        LiveActError: no tokenizer.
    """
    if tokenizer is None and config.tokenizer != "bytes":
        tokenizer = find_tokenizer(path)
    tokens = open_tokenizer(config, tokenizer)
    return TextEncoder(load_module(path, config, device=device, dtype=dtype), config, tokens)


def load_module(
    path: Path,
    config: TextConfig,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> nn.Module:
    """Read the weights alone; arguments and errors are those of `load`."""
    with torch.device("meta"):
        module = build(config)
    tensors = library_names(open_state(path).tensors())
    load_into(module, tensors, device=device, dtype=dtype, what="text encoder")
    return module


def library_names(tensors: Mapping[str, Value]) -> dict[str, Value]:
    """The same tensors under the names of `UMT5EncoderModel`; names that are so already stay."""
    return {_renamed(name): tensor for name, tensor in tensors.items()}


class TextEncoder:
    """Cleans, tokenizes and encodes prompts.

    Args:
        module: what `build` made, with weights in it.
        config: the sizes it was built from.
        tokenizer: prompts to tokens; `None`: only `encode_ids` can be used.
    """

    def __init__(self, module: nn.Module, config: TextConfig, tokenizer: Tokenizer | None) -> None:
        self.module = module
        self.config = config
        self._tokenizer = tokenizer

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.module.parameters()).device

    @torch.no_grad()
    def encode(self, prompts: Sequence[str]) -> list[Tensor]:
        """Features of each prompt, [L, dim], one row per token; L differs, and is at least 1.

        Raises:
            LiveActError: a single string instead of a sequence, or an encoder without tokenizer.
        """
        if isinstance(prompts, str):
            raise LiveActError("One string was given to the text encoder; expected a sequence of prompts")
        if self._tokenizer is None:
            raise LiveActError("This text encoder has no tokenizer; build it with one, or use encode_ids")
        if not prompts:
            return []
        tokens = self._tokenizer([clean_prompt(prompt) for prompt in prompts])
        return cut_rows(self.encode_ids(tokens.ids, tokens.mask), tokens.mask)

    @torch.no_grad()
    def encode_ids(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Features of all positions, padded ones too: [B, L, dim].

        Args:
            ids: [B, L] int64.
            mask: [B, L]; 0 where a position is padding, which the others do not attend to.

        Raises:
            LiveActError: numbers that are not in the vocabulary, or shapes that differ.
        """
        if ids.ndim != 2 or ids.shape != mask.shape:
            raise LiveActError(
                f"Tokens of shape {list(ids.shape)} with a mask of {list(mask.shape)}; expected [B, L] twice"
            )
        if ids.numel() and (int(ids.min()) < 0 or int(ids.max()) >= self.config.vocab):
            raise LiveActError(
                f"Tokens from {int(ids.min())} to {int(ids.max())}; the vocabulary is 0 to {self.config.vocab - 1}"
            )
        given = self.module(input_ids=ids.to(self.device), attention_mask=mask.to(self.device))
        hidden: Tensor = given.last_hidden_state
        return hidden


def cut_rows(hidden: Tensor, mask: Tensor) -> list[Tensor]:
    """Without the rows of padding, which are not zero and must not reach the generator: [L_i, dim] each."""
    return [rows[: int(length)] for rows, length in zip(hidden, mask.sum(dim=1), strict=True)]


def pad_rows(rows: Sequence[Tensor], length: int) -> Tensor:
    """Rows of several prompts, each padded with zero rows to `length`: [B, length, dim].

    Raises:
        LiveActError: a prompt has more rows.
    """
    longest = max((len(prompt) for prompt in rows), default=0)
    if longest > length:
        raise LiveActError(f"{longest} text rows do not fit into {length}")
    return torch.stack([F.pad(prompt, (0, 0, 0, length - len(prompt))) for prompt in rows])


def _renamed(name: str) -> str:
    if name == "token_embedding.weight":
        return "shared.weight"
    if name == "norm.weight":
        return "encoder.final_layer_norm.weight"
    block = re.fullmatch(r"blocks\.(\d+)\.(.+)\.weight", name)
    if block is not None and block[2] in _INSIDE:
        return f"encoder.block.{block[1]}.{_INSIDE[block[2]]}.weight"
    return name
