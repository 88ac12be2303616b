"""Replaying vectors of the VAE, the text encoder and the image encoder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from liveact_eval.errors import UserError
from liveact_eval.liveact import vae as vae_module
from liveact_eval.liveact.config import ImageConfig, TextConfig, VAEConfig
from liveact_eval.liveact.encoders import image, text
from liveact_eval.liveact.encoders.prompt import clean_prompt
from liveact_eval.parity.manifest import check_manifest
from liveact_eval.parity.pictures import check_vae, check_vae_stream
from liveact_eval.parity.prompts import check_image, check_text
from liveact_eval.parity.run import attempt, read_json
from liveact_eval.parity.vectors import Checks, FileResult, VectorFile, load_tensors

Made = TypeVar("Made")


def replay(folder: Path) -> Iterator[FileResult]:
    """Replay all files of the folder. Sizes come from `config.json`, cases from the names in the files.

    Raises:
        UserError: `config.json` is missing or lacks a size.
    """
    sizes = read_json(folder, "config.json")
    configs = _parsed(
        lambda: (_vae_config(sizes["vae"]), _text_config(sizes["t5"]), _image_config(sizes["clip"]))
    )
    vae_config, text_config, image_config = configs

    def load_vae() -> vae_module.WanVAE:
        # The channel constants lie beside the cases, not in the sizes.
        cases = load_tensors(folder / "vae.safetensors")
        constants = {name: tuple(cases[name].tolist()) for name in ("mean", "std") if name in cases}
        config = replace(vae_config, latents_mean=constants.get("mean"), latents_std=constants.get("std"))
        return vae_module.load(folder / "vae_weights.safetensors", config)

    def load_text() -> text.TextEncoder:
        # Without a tokenizer: the vectors begin at token numbers.
        module = text.load_module(folder / "t5_weights.safetensors", text_config)
        return text.TextEncoder(module, text_config, None)

    def load_image(config: ImageConfig = image_config) -> image.ImageEncoder:
        return image.load(folder / "clip_weights.safetensors", config)

    def whole_tower() -> image.ImageEncoder:
        # One block more than the class runs: the vectors have its output too, to recognise a usual mistake.
        return load_image(replace(image_config, num_layers=image_config.num_layers + 1))

    def file(name: str, replayed: Callable[[VectorFile], None]) -> FileResult:
        def run() -> FileResult:
            vectors = VectorFile(folder, name)
            replayed(vectors)
            return vectors.result()

        return attempt(name, run)

    yield file("vae_weights.safetensors", lambda vectors: _weights(vectors, load_vae))
    yield file("vae.safetensors", lambda vectors: check_vae(vectors, load_vae()))
    stream = sizes["vae"].get("stream", {})
    yield file("vae_stream.safetensors", lambda vectors: check_vae_stream(vectors, load_vae(), stream))
    yield file("t5_weights.safetensors", lambda vectors: _weights(vectors, load_text))
    yield file("t5.safetensors", lambda vectors: check_text(vectors, load_text()))
    yield attempt("prompt_clean.json", lambda: _check_cleaning(folder))
    yield file("clip_weights.safetensors", lambda vectors: _weights(vectors, load_image))
    stride = sizes["clip"].get("pixels_stride", 1)
    yield file("clip.safetensors", lambda vectors: check_image(vectors, load_image(), whole_tower(), stride))
    yield attempt("manifest_official.json", lambda: check_manifest(folder, "manifest_official.json"))


def _weights(vectors: VectorFile, load: Callable[[], object]) -> None:
    """A loader either takes all tensors or names those it cannot take."""
    load()
    vectors.use_all()


def _check_cleaning(folder: Path) -> FileResult:
    name = "prompt_clean.json"
    cases = read_json(folder, name)
    checks = Checks(name)
    pairs = _parsed(lambda: [(str(case["text"]), str(case["clean"])) for case in cases])
    for index, (given, clean) in enumerate(pairs):
        checks.equal(f"case {index}", clean_prompt(given), clean)
    return checks.result()


def _vae_config(sizes: dict[str, Any]) -> VAEConfig:
    return VAEConfig(
        base_dim=sizes["dim"],
        z_dim=sizes["z_dim"],
        dim_mult=tuple(sizes["dim_mult"]),
        num_res_blocks=sizes["num_res_blocks"],
        temporal_downsample=tuple(sizes["temperal_downsample"]),
    )


def _text_config(sizes: dict[str, Any]) -> TextConfig:
    return TextConfig(
        vocab=sizes["vocab"],
        dim=sizes["dim"],
        dim_attn=sizes["dim_attn"],
        dim_ffn=sizes["dim_ffn"],
        num_heads=sizes["num_heads"],
        num_layers=sizes["num_layers"],
        num_buckets=sizes["num_buckets"],
        max_distance=sizes["max_dist"],
        length=sizes["text_len"],
    )


def _image_config(sizes: dict[str, Any]) -> ImageConfig:
    return ImageConfig(
        width=sizes["vision_dim"],
        num_heads=sizes["vision_heads"],
        num_layers=sizes["vision_layers"],
        mlp_ratio=sizes["vision_mlp_ratio"],
        image_size=sizes["image_size"],
        patch_size=sizes["patch_size"],
    )


def _parsed(parse: Callable[[], Made]) -> Made:
    try:
        return parse()
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"A JSON file of the vectors lacks something or has it in another form: {type(error).__name__}: {error}. "
            "Copy the whole folder again."
        ) from error
