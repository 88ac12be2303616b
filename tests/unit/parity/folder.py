"""Folders of reference vectors at other sizes, made by our own classes under the official names."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from liveact_eval.liveact import vae
from liveact_eval.liveact.config import ImageConfig, SpeechConfig, TextConfig, VAEConfig
from liveact_eval.liveact.encoders import image, speech, text
from liveact_eval.liveact.reference import condition_mask, encode_condition, prepare_reference
from liveact_eval.liveact.stream_decoder import StreamDecoder
from liveact_eval.liveact.weights import fill_random

VAE = VAEConfig(base_dim=6)
TEXT = TextConfig(vocab=61, dim=24, dim_attn=36, dim_ffn=40, num_heads=3, num_layers=2, length=40)
IMAGE = ImageConfig(width=24, num_heads=3, num_layers=3, image_size=28)
SPEECH = SpeechConfig(
    width=24, num_layers=2, num_heads=3, ffn_dim=40, conv_dim=(8,) * 7, pos_kernel=8, pos_groups=2
)
BLOCKS, OVERLAP = (2, 3, 1), 2
SIZES: dict[str, Any] = {
    "vae": {
        "dim": 6,
        "z_dim": 16,
        "dim_mult": [1, 2, 4, 4],
        "num_res_blocks": 2,
        "temperal_downsample": [False, True, True],
        "stream": {"blocks": list(BLOCKS), "overlap": OVERLAP},
    },
    "t5": {
        "vocab": 61,
        "dim": 24,
        "dim_attn": 36,
        "dim_ffn": 40,
        "num_heads": 3,
        "num_layers": 2,
        "num_buckets": 32,
        "max_dist": 128,
        "text_len": 40,
    },
    "clip": {
        "vision_dim": 24,
        "vision_heads": 3,
        "vision_layers": 3,
        "vision_mlp_ratio": 4,
        "image_size": 28,
        "patch_size": 14,
        "pixels_stride": 4,
    },
}
_VAE_NAMES = [
    (r"^quant_conv\.", "conv1."),
    (r"^post_quant_conv\.", "conv2."),
    (r"\.conv_in\.", ".conv1."),
    (r"\.norm_out\.", ".head.0."),
    (r"\.conv_out\.", ".head.2."),
    (r"\.mid_block\.resnets\.0\.", ".middle.0.@"),
    (r"\.mid_block\.attentions\.0\.", ".middle.1."),
    (r"\.mid_block\.resnets\.1\.", ".middle.2.@"),
    (r"\.down_blocks\.(\d+)\.(?=norm|conv)", r".downsamples.\1.@"),
    (r"\.down_blocks\.", ".downsamples."),
    (r"\.up_blocks\.(\d)\.resnets\.(\d)\.", lambda m: f".upsamples.{4 * int(m[1]) + int(m[2])}.@"),
    (r"\.up_blocks\.(\d)\.upsamplers\.0\.", lambda m: f".upsamples.{4 * int(m[1]) + 3}."),
    (r"@norm1\.", "residual.0."),
    (r"@conv1\.", "residual.2."),
    (r"@norm2\.", "residual.3."),
    (r"@conv2\.", "residual.6."),
    (r"@conv_shortcut\.", "shortcut."),
]
_TEXT_NAMES = [
    (r"^shared\.", "token_embedding."),
    (r"^encoder\.final_layer_norm\.", "norm."),
    (r"^encoder\.block\.", "blocks."),
    (r"\.layer\.0\.layer_norm\.", ".norm1."),
    (r"\.layer\.1\.layer_norm\.", ".norm2."),
    (r"\.layer\.0\.SelfAttention\.relative_attention_bias\.", ".pos_embedding.embedding."),
    (r"\.layer\.0\.SelfAttention\.", ".attn."),
    (r"\.layer\.1\.DenseReluDense\.wi_0\.", ".ffn.gate.0."),
    (r"\.layer\.1\.DenseReluDense\.wi_1\.", ".ffn.fc1."),
    (r"\.layer\.1\.DenseReluDense\.wo\.", ".ffn.fc2."),
]
_IMAGE_NAMES = [
    (r"^(vision_model\.)?", "visual."),
    (r"\.embeddings\.class_embedding", ".cls_embedding"),
    (r"\.embeddings\.position_embedding\.weight", ".pos_embedding"),
    (r"\.embeddings\.patch_embedding\.", ".patch_embedding."),
    (r"\.pre_layrnorm\.", ".pre_norm."),
    (r"\.post_layernorm\.", ".post_norm."),
    (r"\.encoder\.layers\.", ".transformer."),
    (r"\.layer_norm(\d)\.", r".norm\1."),
    (r"\.self_attn\.out_proj\.", ".attn.proj."),
    (r"\.mlp\.fc1\.", ".mlp.0."),
    (r"\.mlp\.fc2\.", ".mlp.2."),
]


def filled(module: nn.Module, seed: int) -> nn.Module:
    """The module with random weights."""
    fill_random(module, seed)
    return module


def official_vae(module: nn.Module) -> dict[str, Tensor]:
    """State of the VAE as the official file has it."""
    return _renamed(module, _VAE_NAMES)


def official_text(module: nn.Module) -> dict[str, Tensor]:
    """State of the text encoder as the official file has it: one embedding."""
    state = _renamed(module, _TEXT_NAMES)
    return {name: tensor for name, tensor in state.items() if "embed_tokens" not in name}


def official_image(module: nn.Module) -> dict[str, Tensor]:
    """State of a whole vision tower as the official file has it, with the text tower beside it."""
    state = _renamed(module, _IMAGE_NAMES)
    for name in [name for name in state if ".self_attn.q_proj." in name]:
        parts = [state.pop(name.replace(".q_proj.", f".{letter}_proj.")) for letter in "qkv"]
        state[name.replace(".self_attn.q_proj.", ".attn.to_qkv.")] = torch.cat(parts)
    state["visual.cls_embedding"] = state["visual.cls_embedding"][None, None]
    state["visual.pos_embedding"] = state["visual.pos_embedding"][None]
    state |= {"visual.head": torch.ones(24, 8), "log_scale": torch.ones(()), "textual.norm": torch.ones(3)}
    return state


def write_encoders(folder: Path) -> None:
    """A folder of the kind `encoders`."""
    folder.mkdir(parents=True, exist_ok=True)
    _json(folder / "vectors.json", {"kind": "encoders", "format": 1})
    _json(folder / "config.json", SIZES)
    _json(folder / "prompt_clean.json", [{"text": " a &amp;amp;\tb", "clean": "a & b"}])
    _json(folder / "manifest_official.json", _manifest())
    _write_vae(folder)
    _write_text(folder)
    _write_image(folder)


def write_speech(folder: Path) -> None:
    """The files of the speech encoder in a folder of the kind `liveact`."""
    folder.mkdir(parents=True, exist_ok=True)
    encoder = speech.SpeechEncoder(filled(speech.build(SPEECH), 4), SPEECH)
    sizes = {
        "hidden_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 3,
        "intermediate_size": 40,
        "conv_dim": [8] * 7,
        "num_conv_pos_embeddings": 8,
        "num_conv_pos_embedding_groups": 2,
    }
    _json(folder / "wav2vec_tiny_config.json", {"config": sizes})
    save_file(
        {**encoder.module.state_dict(), "masked_spec_embed": torch.zeros(24)},
        folder / "wav2vec_tiny_weights.safetensors",
    )
    cases: dict[str, Tensor] = {}
    for index, samples in enumerate((700, 9000, 20000)):
        wave = torch.sin(torch.arange(samples) / 9.0) + 0.1 * index
        normalized = speech.normalize(wave)
        convolved = encoder.conv_features(normalized)
        stretched = speech.interpolate(convolved, speech.frames_of(samples))
        states = encoder.hidden_states(stretched)
        stock = encoder.module(normalized[None]).last_hidden_state[0]
        steps = {
            "waveform": wave,
            "normalized": normalized,
            "conv_features": convolved,
            "interp_features": stretched,
            "last_hidden": states[-1],
            "embedding": encoder.encode(wave),
            "hf_hidden_last_no_interp": stock,
        }
        steps |= {f"hidden.{layer}": state for layer, state in enumerate(states)}
        cases |= {f"in{index}.{name}": tensor for name, tensor in steps.items()}
    _save(folder / "wav2vec_tiny.safetensors", cases)


def damage(path: Path, key: str, amount: float = 1e-3) -> None:
    """Add to one number of one tensor."""
    tensors = load_file(path)
    tensors[key].view(-1)[0] += amount
    save_file(tensors, path)


def _write_vae(folder: Path) -> None:
    module = filled(vae.build(VAE), 1)
    ours = vae.WanVAE(module, VAE)
    save_file(official_vae(module), folder / "vae_weights.safetensors")
    generator = torch.Generator().manual_seed(5)
    video = torch.rand(1, 3, 7, 16, 32, generator=generator) * 2 - 1
    latents = torch.randn(1, 16, sum(BLOCKS), 3, 2, generator=generator)
    picture = np.arange(30 * 20 * 3, dtype=np.uint8).reshape(30, 20, 3)
    prepared = prepare_reference(picture, (32, 16))
    cases = {
        "mean": torch.tensor(module.config.latents_mean),
        "std": torch.tensor(module.config.latents_std),
        "enc.video": video,
        "dec.z": latents,
        "dec.preclamp.3": torch.cat(list(ours.decode_steps(latents[:, :, :3], clamp=False)), dim=2),
        "y.image": prepared[None, :, None],
        "y.mask": condition_mask(3, 2, 4),
        "y": encode_condition(ours, prepared, latents=3),
        "prep.image_u8": torch.from_numpy(picture),
        "prep.out": prepared,
    }
    for frames, used in ((1, 1), (5, 5), (7, 5)):
        cases[f"enc.raw.{frames}"] = ours.posterior_mean(video[:, :, :used])
        cases[f"enc.norm.{frames}"] = ours.encode(video[:, :, :used])
    for count in (1, 4):
        cases[f"dec.video.{count}"] = ours.decode(latents[:, :, :count])
    _save(folder / "vae.safetensors", cases)
    decoder = StreamDecoder(ours, "overlap", overlap_latents=OVERLAP)
    blocks = [decoder.decode(block) for block in latents.split(BLOCKS, dim=2)]
    stream = {f"stream.block.{index}": block for index, block in enumerate(blocks)}
    _save(
        folder / "vae_stream.safetensors",
        {"stream.z": latents, "stream.oneshot": ours.decode(latents), **stream},
    )


def _write_text(folder: Path) -> None:
    module = filled(text.build(TEXT), 2)
    save_file(official_text(module), folder / "t5_weights.safetensors")
    encoder = text.TextEncoder(module, TEXT, None)
    mask = torch.zeros(2, 40, dtype=torch.int64)
    mask[0, :9], mask[1] = 1, 1
    ids = torch.arange(80).view(2, 40).remainder(50).add(2) * mask
    hidden = encoder.encode_ids(ids, mask)
    rows = text.cut_rows(hidden, mask)
    cases = {"ids": ids, "mask": mask, "hidden": hidden, "context_padded": text.pad_rows(rows, 40)}
    cases |= {f"context.{index}": row for index, row in enumerate(rows)}
    traced: list[Tensor] = []

    def keep(module: nn.Module, given: object, output: Tensor | tuple[Tensor, ...]) -> None:
        traced.append(output[0] if isinstance(output, tuple) else output)

    handles = [block.register_forward_hook(keep) for block in module.encoder.block]
    encoder.encode_ids(ids, mask)
    for handle in handles:
        handle.remove()
    cases |= {f"trace.block.{index}": output[1:2] for index, output in enumerate(traced)}
    attention = module.encoder.block[0].layer[0].SelfAttention
    cases["buckets"] = attention._relative_position_bucket(torch.arange(-30, 31)[None])[0]
    _save(folder / "t5.safetensors", cases)


def _write_image(folder: Path) -> None:
    whole = filled(image.build(ImageConfig(width=24, num_heads=3, num_layers=4, image_size=28)), 3)
    save_file(official_image(whole), folder / "clip_weights.safetensors")
    used = image.load(folder / "clip_weights.safetensors", IMAGE)
    tower = getattr(whole, "vision_model", whole)
    pictures = {"wide": (3, 20, 50), "a.b": (3, 90, 31)}
    cases: dict[str, Tensor] = {}
    for name, shape in pictures.items():
        stored = (
            torch.arange(3 * shape[1] * shape[2], dtype=torch.int32)
            .remainder(251)
            .to(torch.uint8)
            .view(shape)
        )
        picture = stored.float()[None] / 255.0 * 2.0 - 1.0
        pixels = image.preprocess(picture, 28)
        features = used.encode(picture)
        cases |= {
            f"{name}.image_u8": stored,
            f"{name}.pixels_sample": pixels[:, :, ::4, ::4],
            f"{name}.features": features,
            f"{name}.trace.pre_norm": tower.pre_layrnorm(tower.embeddings(pixels)),
            f"{name}.not_used.last_block": image.ImageEncoder(whole, IMAGE).encode(picture),
            f"{name}.not_used.post_norm": tower.post_layernorm(features),
        }
    _save(folder / "clip.safetensors", cases)


def _manifest() -> dict[str, Any]:
    """Names and shapes of the full-size classes, brought to the official names the other way round."""
    with torch.device("meta"):
        states = {
            "vae": official_vae(vae.build(VAEConfig())),
            "t5": official_text(text.build(TextConfig())),
            "clip": official_image(image.build(ImageConfig(num_layers=33))),
        }
    found: dict[str, Any] = {}
    for name, state in states.items():
        shapes = {key: list(tensor.shape) for key, tensor in state.items()}
        total = sum(tensor.numel() for tensor in state.values())
        found[name] = {"tensors": len(shapes), "parameters": total, "shapes": shapes}
    found["clip"] |= {"visual_tensors": found["clip"]["tensors"], "visual_parameters": 0}
    return found


def _renamed(module: nn.Module, table: list[Any]) -> dict[str, Tensor]:
    state = {}
    for name, tensor in module.state_dict().items():
        official = name
        for pattern, replacement in table:
            official = re.sub(pattern, replacement, official)
        state[official] = tensor
    return state


def _json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")


def _save(path: Path, tensors: dict[str, Tensor]) -> None:
    save_file({name: tensor.detach().contiguous().clone() for name, tensor in tensors.items()}, path)
