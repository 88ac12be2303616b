"""What the program of each baseline reads, and which videos it makes of it: places, frames, rates, shapes."""

from __future__ import annotations

import csv
import json
import math
import os
import random
import shlex
import struct
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from stand_in_video import sound_seconds  # type: ignore[import-not-found]


class Made(NamedTuple):
    """A video that is to be written."""

    path: Path
    frames: int
    fps: int
    size: tuple[int, int]
    image: str | None


WIDE = (832, 480)


def size_of(image: str) -> tuple[int, int]:
    """Width and height of a PNG file."""
    width, height = struct.unpack(">II", Path(image).read_bytes()[16:24])
    return int(width), int(height)


def must_exist(*paths: str | Path) -> None:
    """What the real program would open, from its working directory."""
    for path in paths:
        assert Path(path).exists(), f"{path} is not there"


def lines_of(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").splitlines()


def soulx_liveact(given: Namespace, _: str) -> Iterator[Made]:
    width, height = map(int, given.size.split("*"))
    must_exist(Path(given.ckpt_dir, "Wan2.1_VAE.pth"), Path(given.wav2vec_dir, "config.json"))
    for item in json.loads(Path(given.input_json).read_text(encoding="utf-8")):
        seconds = sound_seconds(item["cond_audio"])
        blocks = int(seconds / (32 / given.fps)) + 1
        for block in range(blocks if given.dura_print else 0):
            print(f"Done Block {block}: duration 1600.0ms video cost {2000 - block:.2f} ms")  # noqa: T201
        stems = (Path(item[key]).name.split(".")[0] for key in ("cond_image", "cond_audio"))
        made = min(21 + 32 * (blocks - 1), int(seconds * given.fps))
        yield Made(Path("tmp.mp4"), 2, given.fps, (width, height), None)
        yield Made(Path("_".join(stems) + ".mp4"), made, given.fps, (width, height), item["cond_image"])


def omniavatar(given: Namespace, fault: str) -> Iterator[Made]:
    assert os.environ["RANK"] == "0", "it asks torch.distributed for its rank"
    must_exist(given.config, "pretrained_models/Wan2.1-T2V-14B/Wan2.1_VAE.pth")
    must_exist(
        "pretrained_models/OmniAvatar-14B/config.json", "pretrained_models/wav2vec2-base-960h/config.json"
    )
    settings = dict(pair.split("=") for pair in given.hparams.split(","))
    silence = 0.3 if fault == "silence" else float(settings.get("silence_duration_s", 0.3))
    folder = Path(
        "demo_out/OmniAvatar-14B", f"res_{Path(given.input_file).stem}_seed{settings['seed']}_step50_x"
    )
    for index, line in enumerate(lines_of(given.input_file)):
        if line.strip():
            _, image, sound = line.strip().split("@@")
            frames = math.ceil(25 * (sound_seconds(sound) + silence)) + 1
            assert size_of(image) in {(720, 720), (400, 720), (720, 400)}
            yield Made(folder / f"result_{index:03d}_000_wav.mp4", frames, 25, size_of(image), image)


def infinitetalk(given: Namespace, fault: str) -> Iterator[Made]:
    content = json.loads(Path(given.input_json).read_text(encoding="utf-8"))
    must_exist(given.infinitetalk_dir, Path(given.wav2vec_dir, "model.safetensors"))
    return _talk(given, content, content["cond_video"], 9 if fault == "cap" else given.max_frame_num)


def multitalk(given: Namespace, fault: str) -> Iterator[Made]:
    content = json.loads(Path(given.input_json).read_text(encoding="utf-8"))
    must_exist(Path(given.ckpt_dir, "multitalk.safetensors"))
    return _talk(given, content, content["cond_image"], 9 if fault == "cap" else 1000)


def _talk(given: Namespace, content: Any, image: str, most: int) -> Iterator[Made]:
    seconds = sound_seconds(content["cond_audio"]["person1"])
    must_exist(Path(given.ckpt_dir, "Wan2.1_VAE.pth"))
    assert round(seconds * 25) > 81, "Audio file not exists or length not satisfies frame nums."
    Path("save_audio", Path(image).name.split(".")[0]).mkdir(parents=True)
    frames = 81 if given.mode != "streaming" else min(round(seconds * 25), most)
    name = Path(given.save_file)
    yield Made(name.with_name(name.name + "-temp.mp4"), 2, 25, size_of(image), None)
    yield Made(name.with_name(name.name + ".mp4"), frames, 25, size_of(image), image)


def live_avatar(given: Namespace, _: str) -> Iterator[Made]:
    assert os.environ["RANK"] == "0", "it starts a process group"
    assert random.random() == random.Random(given.base_seed).random(), (
        "positions are drawn from Python's generator"
    )
    assert given.lora_path_dmd.endswith(".safetensors"), "a folder would be read as one file of PyTorch"
    must_exist(given.training_config, given.lora_path_dmd, Path(given.ckpt_dir, "Wan2.1_VAE.pth"))
    return _in_clips(given, 25)


def wan_s2v(given: Namespace, fault: str) -> Iterator[Made]:
    must_exist(Path(given.ckpt_dir, "Wan2.1_VAE.pth"))
    assert given.base_seed >= 0, "a seed below 0 is drawn anew"
    if fault == "own name":
        given.save_file = f"s2v-14B_1024*704_1_{given.prompt.replace(' ', '_')}_20260101_120000.mp4"
    return _in_clips(given, 16)


def _in_clips(given: Namespace, fps: int) -> Iterator[Made]:
    seconds, step = sound_seconds(given.audio), given.infer_frames
    frames = step * (int(seconds * fps / step) + 1) - 3
    size = size_of(given.image)
    assert size[0] % 64 == size[1] % 64 == 0 and "+" not in given.audio and given.prompt
    yield Made(Path(given.save_file), min(frames, int(seconds * fps)), fps, size, given.image)


def echomimic(given: Namespace, fault: str) -> Iterator[Made]:
    config = yaml.safe_load(Path(given.config).read_text(encoding="utf-8"))
    must_exist(config["inference_config"], *(config[name] for name in config if name.endswith("_path")))
    fps = 24 if fault == "24" else given.fps
    for image, sounds in config["test_cases"].items():
        for sound in sounds:
            name = f"{Path(image).stem}_{Path(sound).stem}_{given.H}x{given.W}_{int(given.cfg)}_1200_withaudio.mp4"
            folder = Path("output/20260101", f"1200--seed_{given.seed}-{given.W}x{given.H}")
            yield Made(
                folder / name, min(given.L, int(sound_seconds(sound) * fps)), fps, (given.W, given.H), image
            )


def echomimic_v2(given: Namespace, fault: str) -> Iterator[Made]:
    image, sound = f"{given.ref_images_dir}/{given.refimg_name}", f"{given.audio_dir}/{given.audio_name}"
    for name in (
        "denoising_unet.pth",
        "motion_module.pth",
        "sd-vae-ft-mse/config.json",
        "audio_processor/tiny.pt",
    ):
        must_exist(Path("pretrained_weights", name))
    poses = 9 if fault == "poses" else len(list(Path(given.pose_dir, given.pose_name).iterdir()))
    frames = min(given.L, int(sound_seconds(sound) * given.fps), poses)
    folder = Path(f"outputs/pretrained_weights-itermotion_module-seed{given.seed}")
    folder /= ".".join(given.refimg_name.split("/")[-2:])
    name = f"{Path(image).name.split('.')[0]}-a-{given.audio_name}-i0_sig.mp4"
    yield Made(folder / given.pose_name / name, frames, given.fps, (given.W, given.H), image)


def hallo3(given: Namespace, fault: str) -> Iterator[Made]:
    assert os.environ["WORLD_SIZE"] == os.environ["LOCAL_WORLD_SIZE"] == "1"
    must_exist(*given.base, "pretrained_models/hallo3/1/mp_rank_00_model_states.pt")
    if fault == "no face":
        print("No faces detected in the image. Using the entire image as the face region.")  # noqa: T201
    for line in lines_of(given.input_file):
        parts = line.strip().split("@@")
        assert len(parts) == 3
        image, sound = parts[1:]
        assert size_of(image) in {(480, 480), (720, 480)}
        folder = Path(given.output_dir, f"{Path(image).stem}-{Path(sound).stem}-seed_{given.seed}")
        frames = round(25 * sound_seconds(sound))
        yield Made(folder / "000000_with_audio.mp4", frames, 25, size_of(image), image)


def hunyuanvideo_avatar(given: Namespace, fault: str) -> Iterator[Made]:
    must_exist(given.ckpt, Path(os.environ["MODEL_BASE"], "ckpts/whisper-tiny/config.json"))
    assert given.use_fp8 and os.environ["DISABLE_SP"] == "1"
    with Path(given.input).open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        most = 9 if fault == "infer-min" or given.infer_min else 400
        frames = min(most, round(float(row["fps"]) * sound_seconds(row["audio"])))
        yield Made(
            Path(given.save_path, f"{row['videoid']}_audio.mp4"),
            frames,
            25,
            size_of(row["image"]),
            row["image"],
        )


def fantasytalking(given: Namespace, _: str) -> Iterator[Made]:
    must_exist(Path(given.wan_model_dir, "Wan2.1_VAE.pth"), given.fantasytalking_model_path)
    seconds = sound_seconds(given.audio_path)
    frames = min(int(given.fps * seconds // 4) * 4 + 5, given.max_num_frames, int(given.fps * seconds))
    name = f"{Path(given.image_path).stem}_{Path(given.audio_path).stem}_20260101_120000.mp4"
    assert max(size_of(given.image_path)) == given.image_size and given.prompt
    yield Made(Path(given.output_dir, name), frames, given.fps, size_of(given.image_path), given.image_path)


def stableavatar(given: Namespace, _: str) -> Iterator[Made]:
    must_exist(given.config_path, given.transformer_path, Path(given.pretrained_wav2vec_path, "config.json"))
    assert given.seed + given.sample_steps > 0, "neither has a default"
    assert len(given.validation_prompts) == 1
    seconds = sound_seconds(given.validation_driven_audio_path)
    path, size = Path(given.output_dir, "video_without_audio.mp4"), (given.width, given.height)
    yield Made(path, 4 * int((25 * seconds - 1) / 4) + 1, 25, size, given.validation_reference_path)


def causvid(given: Namespace, _: str) -> Iterator[Made]:
    must_exist(given.config_path, Path(given.checkpoint_folder, "model.pt"))
    must_exist("wan_models/Wan2.1-T2V-1.3B/Wan2.1_VAE.pth")
    for index, prompt in enumerate(lines_of(given.prompt_file_path)):
        assert prompt
        yield Made(Path(given.output_folder, f"output_{index:03d}.mp4"), 81, 16, WIDE, None)


def self_forcing(given: Namespace, _: str) -> Iterator[Made]:
    assert given.num_output_frames <= 21, "the cache holds 21 latent frames"
    return _by_index(given)


def rolling_forcing(given: Namespace, _: str) -> Iterator[Made]:
    return _by_index(given)


def _by_index(given: Namespace) -> Iterator[Made]:
    must_exist(given.config_path, given.checkpoint_path, "wan_models/Wan2.1-T2V-1.3B/Wan2.1_VAE.pth")
    assert given.num_output_frames % 3 == 0 and given.save_with_index
    for index, _ in enumerate(lines_of(given.data_path)):
        name = f"{index}-0_{'ema' if given.use_ema else 'regular'}.mp4"
        yield Made(Path(given.output_folder, name), 4 * given.num_output_frames - 3, 16, WIDE, None)


def causal_forcing(given: Namespace, fault: str) -> Iterator[Made]:
    must_exist(given.config_path, given.checkpoint_path, "wan_models/Wan2.1-T2V-1.3B/Wan2.1_VAE.pth")
    assert given.num_output_frames % 3 == 0
    for prompt in lines_of(given.data_path):
        path = Path(given.output_folder, f"{prompt[:100]}.mp4")
        if fault != "skips":
            yield Made(path, 4 * given.num_output_frames - 3, 16, WIDE, None)


def longlive(given: Namespace, fault: str) -> Iterator[Made]:
    config = yaml.safe_load(Path(given.config_path).read_text(encoding="utf-8"))
    must_exist(config["generator_ckpt"], config["lora_ckpt"], "wan_models/Wan2.1-T2V-1.3B/Wan2.1_VAE.pth")
    assert (
        config["num_output_frames"] % 3 == 0 and config["save_with_index"] and config["inference_iter"] == -1
    )
    assert isinstance(config["seed"], int)
    kind = "regular" if fault == "no lora" else "lora"
    for index, _ in enumerate(lines_of(config["data_path"])):
        path = Path(config["output_folder"], f"rank0-{index}-0_{kind}.mp4")
        yield Made(path, 4 * config["num_output_frames"] - 3, 16, WIDE, None)


def avatarforcing(given: Namespace, fault: str) -> Iterator[Made]:
    must_exist(given.config_path, given.checkpoint_path, "wan_models/wav2vec2-base-960h/config.json")
    units = given.num_output_frames
    assert given.i2v and (units - 1) % 4 == 0
    index = 0
    for line in lines_of(given.data_path):
        parts = shlex.split(line)
        wanted = 4 * units + (9999 if fault == "short sound" else 80)
        if len(parts) == 3 and math.ceil(sound_seconds(parts[1]) * 25) >= wanted:
            assert size_of(parts[0]) in {WIDE, WIDE[::-1]}
            path = Path(given.output_folder, f"{index}-0_regular.mp4")
            yield Made(path, 4 * (units - 1) + 1, 25, size_of(parts[0]), parts[0])
            index += 1


SYSTEMS: dict[str, Callable[[Namespace, str], Iterator[Made]]] = {
    "soulx-liveact": soulx_liveact,
    "omniavatar": omniavatar,
    "infinitetalk": infinitetalk,
    "live-avatar": live_avatar,
    "echomimic": echomimic,
    "echomimic-v2": echomimic_v2,
    "hallo3": hallo3,
    "hunyuanvideo-avatar": hunyuanvideo_avatar,
    "fantasytalking": fantasytalking,
    "multitalk": multitalk,
    "stableavatar": stableavatar,
    "wan2.2-s2v": wan_s2v,
    "causvid": causvid,
    "self-forcing": self_forcing,
    "rolling-forcing": rolling_forcing,
    "longlive": longlive,
    "causal-forcing": causal_forcing,
    "avatarforcing": avatarforcing,
}
"""The program of each system."""
