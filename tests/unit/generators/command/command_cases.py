"""Systems that are run as programs, as a card would describe them, over stand-in repositories of the same shape."""

from __future__ import annotations

import shutil
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

from liveact_eval.cards.command import CommandSpec
from liveact_eval.cards.protocol import Encoding
from liveact_eval.clips.clip import Clip, ClipEntry
from liveact_eval.clips.sound import write_wav
from liveact_eval.generators.command.adapter import CommandGenerator
from tests.helpers import clip_of, moving_square, tone

PROGRAMS = Path(__file__).with_name("programs")
SYSTEMS: dict[str, tuple[str, str]] = {
    "infinitetalk": (
        "generate_infinitetalk.py",
        """
        arguments: [generate_infinitetalk.py, --ckpt_dir, "{weights.base}", --wav2vec_dir, "{weights.base}",
          --infinitetalk_dir, "{weights.base}/single.safetensors", --input_json, "{input}", --size, infinitetalk-480,
          --sample_steps, "40", --mode, streaming, --motion_frame, "9", --base_seed, "{seed}",
          --max_frame_num, "1000", --save_file, "{output_stem}"]
        weights: {base: {folder: base, files: [config.json]}}
        files:
          - {name: clip.json, format: json, content: {prompt: "{prompt}", cond_video: "{image}",
              cond_audio: {person1: "{audio}"}}}
        sound: {min_s: 3.28, pad_s: 0.2}
        length: {max_frames: 1000}
        output: "out/{stem}.mp4"
        timing: [{pattern: 'took (?P<ms>\\d+) ms for (?P<frames>\\d+) frames', skip: 1}]
        """,
    ),
    "multitalk": (
        "generate_multitalk.py",
        """
        arguments: [generate_multitalk.py, --ckpt_dir, "{work}/base", --wav2vec_dir, "{weights.speech}",
          --input_json, "{input}", --size, multitalk-480, --mode, streaming, --base_seed, "{seed}",
          --save_file, "{output_stem}"]
        weights:
          wan: {folder: wan, files: [config.json]}
          multitalk: {folder: multitalk, files: [multitalk.safetensors]}
          speech: {folder: base, files: [config.json]}
        work: {links: {base: ["{weights.wan}", "{weights.multitalk}"]}}
        files:
          - {name: clip.json, format: json, content: {prompt: "{prompt}", cond_image: "{image}",
              cond_audio: {person1: "{audio}"}}}
        sound: {min_s: 3.28, pad_s: 0.2}
        length: {max_frames: 1000}
        output: "out/{stem}.mp4"
        """,
    ),
    "omniavatar": (
        "scripts/inference.py",
        """
        arguments: [scripts/inference.py, --config, configs/inference.yaml, --input_file, "{input}", --hp,
          "silence_duration_s=0,seed={seed}"]
        variables: {PYTHONPATH: "{repo}"}
        prompt: {forbidden: ["@@"]}
        files: [{name: clips.txt, format: lines, content: ["{prompt}", "{image}", "{audio}"], separator: "@@"}]
        length: {lead_in_frames: 1}
        output: "demo_out/*/res_*/result_00{index}_000_wav.mp4"
        """,
    ),
    "avatarforcing": (
        "inference.py",
        """
        arguments: [inference.py, --config_path, "{repo}/configs/inference.yaml", --output_folder, "{output}",
          --checkpoint_path, "{repo}/README.md", --data_path, "{input}", --num_output_frames, "{units}", --i2v,
          --save_with_index, --seed, "{seed}"]
        files: [{name: clips.txt, format: lines, content: ["{image}", "{audio}", "{prompt}"], quoting: shell}]
        picture: {sizes: [[160, 96], [96, 160]], fit: pad}
        length: {frames_first: 1, frames_step: 16, units_first: 1, units_step: 4, extra_frames: 0}
        sound: {min_frames: 81, min_frames_per_unit: 4}
        output: "out/{index}-0_*.mp4"
        """,
    ),
    "hunyuanvideo-avatar": (
        "hymm_sp/sample_batch.py",
        """
        arguments: [hymm_sp/sample_batch.py, --input, "{input}", --ckpt, model.pt, --sample-n-frames, "129",
          --seed, "{seed}", --image-size, "704", --save-path, "{output}"]
        variables: {PYTHONPATH: "{repo}", MODEL_BASE: "{repo}/weights"}
        files:
          - {name: clips.csv, format: csv, byte_order_mark: true, content: {videoid: "{stem}", image: "{image}",
              audio: "{audio}", prompt: "{prompt}", fps: "{fps}"}}
        length: {max_frames: 400}
        clips_per_process: 3
        output: "out/{stem}_audio.mp4"
        """,
    ),
    "fantasytalking": (
        "infer.py",
        """
        arguments: [infer.py, --image_path, "{image}", --audio_path, "{audio}", --prompt, "{prompt}", --image_size,
          "512", --max_num_frames, "81", --fps, "{fps}", --seed, "{seed}", --output_dir, "{output}"]
        length: {fps: 23, max_frames: 81}
        sound: {pad_s: 0.5}
        output: "out/{stem}_{stem}_*.mp4"
        """,
    ),
    "stableavatar": (
        "inference.py",
        """
        arguments: [inference.py, --validation_reference_path, "{image}", --validation_driven_audio_path, "{audio}",
          --validation_prompts, "{prompt}", --output_dir, "{output}", --seed, "{seed}", --width, "{width}", --height,
          "{height}", --sample_steps, "50"]
        picture: {sizes: [[64, 64], [60, 104], [104, 60]], fit: cover}
        sound: {pad_s: 0.2}
        output: out/video_without_audio.mp4
        """,
    ),
    "soulx-liveact": (
        "generate.py",
        """
        arguments: [generate.py, --size, "{width}*{height}", --ckpt_dir, D, --wav2vec_dir, A, --fps, "{fps}",
          --input_json, "{input}", --dura_print, --seed, "{seed}"]
        files:
          - {name: clips.json, format: json_list, content: {prompt: "{prompt}", cond_image: "{image}",
              cond_audio: "{audio}"}}
        picture: {sizes: [[64, 64]]}
        length: {fps: 20}
        sound: {pad_s: 1.6}
        output: "{stem}_{stem}.mp4"
        """,
    ),
    "echomimic": (
        "infer_audio2vid.py",
        """
        arguments: [infer_audio2vid.py, --config, "{input}", -W, "{width}", -H, "{height}", -L, "{frames}", --seed,
          "{seed}", --fps, "{fps}"]
        files:
          - name: clip.yaml
            format: yaml
            content: {pretrained_vae_path: "{repo}/configs", test_cases: {"{image}": ["{audio}"]}}
        picture: {sizes: [[64, 64]], result: stretch}
        work: {own: [output]}
        output: "output/**/{stem}_{stem}_*_withaudio.mp4"
        """,
    ),
    "self-forcing": (
        "inference.py",
        """
        takes: [prompt]
        arguments: [inference.py, --config_path, configs/inference.yaml, --output_folder, "{output}",
          --checkpoint_path, c.pt, --data_path, "{input}", --use_ema, --seed, "{seed}", --save_with_index,
          --num_output_frames, "{units}"]
        files: [{name: prompts.txt, format: lines, content: ["{prompt}"]}]
        picture: {sizes: [[160, 96]], result: crop}
        length: {fps: 16, frames_first: 9, frames_step: 12, units_first: 3, units_step: 3, extra_frames: 0,
          default_seconds: 5}
        output: "out/{index}-0_ema.mp4"
        """,
    ),
}
"""Path of the program inside the repository, and the card's section, by system."""
ODD_NAMES = ("a b'c;$(touch pwned).png", "-rf", "Gesicht ä/ü 😀", 'x"y@@z\\n')
SCRIPTS = {
    "infinitetalk": "stand_in_talk.py",
    "multitalk": "stand_in_talk.py",
    "hunyuanvideo-avatar": "stand_in_hunyuan.py",
    "soulx-liveact": "stand_in_liveact.py",
    "self-forcing": "stand_in_selfforcing.py",
}


def make_repository(folder: Path, system: str) -> Path:
    """A stand-in repository."""
    target = folder / SYSTEMS[system][0]
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(PROGRAMS / SCRIPTS.get(system, f"stand_in_{system}.py"), target)
    shutil.copy(PROGRAMS / "stand_in_video.py", folder)
    (folder / "configs").mkdir(exist_ok=True)
    (folder / "configs" / "inference.yaml").write_text("steps: 50\n", encoding="utf-8")
    (folder / "README.md").write_text("a stand-in\n", encoding="utf-8")
    (folder / "output").mkdir(exist_ok=True)
    (folder / ".git").mkdir(exist_ok=True)
    return folder


def section(system: str, repository: Path, **changes: Any) -> dict[str, Any]:
    """The section `command` of a system's card, for its stand-in."""
    content: dict[str, Any] = yaml.safe_load(SYSTEMS[system][1])
    content |= {"repository": str(repository), "python": sys.executable, "gpu": {"count": 0}}
    content["limits"] = {"start_s": 60}
    for name, value in changes.items():
        content[name] = content.get(name, {}) | value if isinstance(value, dict) else value
    return content


def generator(system: str, repository: Path, **changes: Any) -> CommandGenerator:
    """The generator of a system over its stand-in."""
    spec = CommandSpec.model_validate(section(system, repository, **changes))
    return CommandGenerator(system, system.title(), spec, Encoding(crf=4, preset="ultrafast"))


def make_weights(root: Path) -> Path:
    """Folders of weights as far as they are looked at."""
    for name, file in (
        ("base", "config.json"),
        ("wan", "config.json"),
        ("multitalk", "multitalk.safetensors"),
    ):
        (root / name).mkdir(parents=True, exist_ok=True)
        (root / name / file).write_text("{}", encoding="utf-8")
    return root


def driven_clip(
    folder: Path, name: str = "clip", *, seconds: float = 0.8, size: tuple[int, int] = (64, 64), **fields: Any
) -> Clip:
    """A clip of a picture and a sound, 25 frames per second."""
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(moving_square(1, size)[0]).save(folder / "image.png")
    write_wav(folder / "audio.wav", tone(seconds))
    given: dict[str, Any] = {
        "entry": ClipEntry(id=name, speaker="speaker", content_hash="0" * 64),
        "image": folder / "image.png",
        "audio": folder / "audio.wav",
        "rate": Fraction(25),
        "size": size,
    }
    return clip_of(None, **(given | fields))


def numbers_of(frames: list[Any]) -> list[int]:
    """Which frame of a stand-in each one is, by the level of its left half."""
    levels = [float(np.median(frame.rgb[:, : frame.rgb.shape[1] // 3])) for frame in frames]
    return [round((level * 219 / 255 + 16 - 20) / 4) for level in levels]


class NoWaiting:
    """In place of `time`, where waiting would be for ever."""

    @staticmethod
    def sleep(_: float) -> None:
        raise AssertionError("nobody else holds the GPU: it waits for itself")
