"""Which model a file seems to hold, told by the names in it: for the message when it does not fit."""

from __future__ import annotations

import re
from collections.abc import Sequence

_KINDS = (
    ("a LoRA (differences to a model, not a model)", r"lora_(A|B|down|up)|\.(diff|diff_b)$"),
    ("the DiT of LiveAct", r"\.memory_proj_[kv]\."),
    ("an audio-driven Wan DiT without memory (MultiTalk, InfiniteTalk)", r"\.audio_cross_attn\."),
    ("a Wan image-to-video DiT without audio", r"\.cross_attn\.k_img\."),
    ("a Wan text-to-video DiT", r"^(model\.|generator\.)?blocks\.\d+\.cross_attn\.norm_k\."),
    ("a DiT in the names of diffusers", r"^(condition_embedder|blocks\.\d+\.attn1)\."),
    ("the Wan VAE in its official names", r"^(encoder\.downsamples|decoder\.upsamples)\."),
    ("the Wan VAE in the names of diffusers", r"^(encoder\.down_blocks|decoder\.up_blocks)\."),
    ("the umT5 encoder in its official names", r"^blocks\.\d+\.pos_embedding\.embedding\."),
    ("a T5 encoder in the names of transformers", r"^encoder\.block\.\d+\.layer\.0\.SelfAttention\."),
    ("open-CLIP in the names of Wan", r"^(visual\.transformer|textual)\."),
    ("CLIP in the names of transformers", r"^(vision_model|text_model)\."),
    ("wav2vec 2.0", r"(^|\.)feature_extractor\.conv_layers\."),
)
_PREFIXES = (
    "module.",
    "_orig_mod.",
    "model.",
    "generator.",
    "_fsdp_wrapped_module.",
    "model.diffusion_model.",
)
"""What training programs put before every name."""


def hint(missing: Sequence[str], given: Sequence[str]) -> str:
    """What to do about weights that do not fit, as sentences with a space before them."""
    if not given:
        return " It holds no tensors: fetch it again."
    for prefix in _PREFIXES:
        if missing and sum(name.startswith(prefix) for name in given) > len(given) // 2:
            bare = {name.removeprefix(prefix) for name in given}
            if sum(name in bare for name in missing) > len(missing) // 2:
                return f" Its names begin with {prefix!r}: save it without that prefix."
    for title, pattern in _KINDS:
        if any(re.search(pattern, name) for name in given):
            return (
                f" By its names the file is {title}: check that it is the file and the configuration meant."
            )
    return f" Names in the file look like {given[0]!r}: check that it is the file meant."
