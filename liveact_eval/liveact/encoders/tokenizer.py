"""Prompts to token numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from transformers import AutoTokenizer, ByT5Tokenizer

from liveact_eval.liveact.config import TextConfig
from liveact_eval.liveact.errors import LiveActError

_FILES = ("tokenizer.json", "spiece.model")
"""Either of them makes a folder one of tokenizer files."""
_BYTE_TOKENS = 3 + 256
"""Padding, end and unknown, then the bytes."""


class Tokens(NamedTuple):
    """A batch of prompts, padded to the longest with 0."""

    ids: Tensor
    """[B, L] int64, each prompt ending with the end-of-sequence token 1."""
    mask: Tensor
    """[B, L] int64: 1 where there is a token."""


Tokenizer = Callable[[Sequence[str]], Tokens]
"""Cleaned prompts to tokens; what is too long is cut, and still ends with the end-of-sequence token."""


def open_tokenizer(config: TextConfig, folder: Path | None) -> Tokenizer:
    """The tokenizer that the configuration names.

    Args:
        config: its kind, the vocabulary, and the longest prompt in tokens.
        folder: the tokenizer files, for the kind that has files. Nothing is ever downloaded here.

    Raises:
        LiveActError: unknown kind, no such files, or a vocabulary that is too small.
    """
    if config.tokenizer == "bytes":
        if config.vocab < _BYTE_TOKENS:
            raise LiveActError(f"Tokenizer bytes needs a vocabulary of {_BYTE_TOKENS}; it is {config.vocab}")
        inner = ByT5Tokenizer(extra_ids=0)
    elif config.tokenizer == "umt5":
        inner = _from_files(folder)
    else:
        raise LiveActError(f"Tokenizer {config.tokenizer!r}; known: bytes, umt5")

    def tokenize(prompts: Sequence[str]) -> Tokens:
        made = inner(
            list(prompts),
            padding="longest",
            truncation=True,
            max_length=config.length,
            add_special_tokens=True,
            return_attention_mask=True,
            return_tensors="pt",
        )
        ids, mask = made["input_ids"].to(torch.int64), made["attention_mask"].to(torch.int64)
        if int(ids.max()) >= config.vocab:
            raise LiveActError(
                f"The tokenizer gave token {int(ids.max())}, but the text encoder knows {config.vocab}. "
                "Tokenizer files and weights are not of the same model."
            )
        return Tokens(ids, mask)

    return tokenize


def find_tokenizer(weights: Path) -> Path:
    """The folder of tokenizer files beside the text encoder's weights.

    It is looked for where the weights lie, in `google/umt5-xxl` beneath, where the official release has it, and in
    `tokenizer`, beneath or beside, where releases in the layout of diffusers have it.

    Raises:
        LiveActError: there is none.
    """
    home = weights if weights.is_dir() else weights.parent
    places = [home, home / "google" / "umt5-xxl", home / "tokenizer", home.parent / "tokenizer"]
    for place in places:
        if any((place / name).is_file() for name in _FILES):
            return place
    raise LiveActError(
        f"No tokenizer of the text encoder: looked for {' or '.join(_FILES)} in {', '.join(map(str, places))}. "
        "Fetch the tokenizer folder that belongs to the weights, google/umt5-xxl in the official release."
    )


def _from_files(folder: Path | None) -> Callable[..., dict[str, Tensor]]:
    if folder is None or not any((folder / name).is_file() for name in _FILES):
        raise LiveActError(
            f"Tokenizer umt5 needs its files, {' or '.join(_FILES)}; looked in {folder}. "
            "Give the tokenizer folder that belongs to the weights."
        )
    try:
        found: Callable[..., dict[str, Tensor]] = AutoTokenizer.from_pretrained(
            str(folder), local_files_only=True
        )
    except (OSError, ValueError, ImportError) as error:
        raise LiveActError(
            f"Cannot read the tokenizer in {folder}: {error}. Fetch the folder again."
        ) from error
    return found
