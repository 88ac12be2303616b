"""The assembled generator: a reference picture, a prompt and speech become frames.

pipeline = LiveActPipeline.from_random(liveact_tiny(), rollouts)
stream = pipeline.stream(picture, size=(512, 512), fps=Fraction(20))
stream.feed(samples, 16_000)
stream.close()
for block in stream.blocks():
    ...
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from liveact_eval.liveact.acceleration import Recorded, apply
from liveact_eval.liveact.config import LiveActConfig
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.fitting import check_fits, need_of, speed_of
from liveact_eval.liveact.models import Models, RolloutFactory, load_models, random_models
from liveact_eval.liveact.prompts import DEFAULT_PROMPT, Edit, PromptSchedule
from liveact_eval.liveact.reference import prepare_reference
from liveact_eval.liveact.request import GenerationOptions, block_count, check_fps, check_size
from liveact_eval.liveact.rollout import Rollout
from liveact_eval.liveact.speech_input import SpeechInput
from liveact_eval.liveact.stream import LiveStream
from liveact_eval.liveact.stream_decoder import StreamDecoder


class LiveActPipeline:
    """Networks, a forcing strategy and options, from which any number of videos are made, one after the other.

    Args:
        models: the networks.
        rollouts: makes the forcing strategy of one video.
        options: how videos are made.
        origin: where the weights come from, for `describe`.
        device: where the transformer will compute; it may lie in host memory until now.

    Raises:
        LiveActError: a kernel that was asked for does not run there.
    """

    def __init__(
        self,
        models: Models,
        rollouts: RolloutFactory,
        options: GenerationOptions,
        *,
        origin: str,
        device: torch.device,
    ) -> None:
        self.models = models
        self.options = options
        self._rollouts = rollouts
        self._origin = origin
        speed = speed_of(options, models.dit.dtype)
        self._runs: Recorded = apply(models.dit, speed, device, vae=models.vae)

    @classmethod
    def from_random(
        cls,
        config: LiveActConfig,
        rollouts: RolloutFactory,
        *,
        seed: int = 0,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        options: GenerationOptions | None = None,
        size: tuple[int, int] | None = None,
    ) -> LiveActPipeline:
        """A pipeline with seeded random weights: it runs like a real one, and its pictures are noise.

        Args:
            config: sizes of the networks.
            rollouts: makes the forcing strategy of one video.
            seed: of the weights.
            device: where frames are made.
            dtype: of weights and memory.
            options: how videos are made.
            size: width and height of the videos; where given, memory is checked first.

        Raises:
            LiveActError: the device is not there, or has not enough memory.
        """
        place, chosen = open_device(device), options or GenerationOptions()
        speed_of(chosen, dtype).check_device(place, config.dit.head_dim)
        if size is not None:
            check_fits(need_of(config, chosen, size=size, dtype=dtype), place)
        models = random_models(config, seed, device=place, dtype=dtype, dit_device=_home(chosen, place))
        return cls(models, rollouts, chosen, origin=f"random(seed {seed})", device=place)

    @classmethod
    def from_weights(
        cls,
        config: LiveActConfig,
        paths: Mapping[str, Path],
        rollouts: RolloutFactory,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.bfloat16,
        text_device: torch.device | str | None = None,
        options: GenerationOptions | None = None,
        size: tuple[int, int] | None = None,
        origin: str = "files",
    ) -> LiveActPipeline:
        """A pipeline from weight files.

        Args:
            config: sizes, which the files must have.
            paths: file or folder by role: dit, vae, text, tokenizer, image, speech.
            rollouts: makes the forcing strategy of one video.
            device: where frames are made.
            dtype: of weights and memory.
            text_device: where prompts are encoded; `None`: on `device`.
            options: how videos are made.
            size: width and height of the videos; where given, memory is checked first.
            origin: where the weights come from, for `describe`: names, revisions or hashes.

        Raises:
            WeightsError: a file is missing, damaged, or of other sizes.
            LiveActError: a device is not there, or has not enough memory.
        """
        place, chosen = open_device(device), options or GenerationOptions()
        text_place = None if text_device is None else open_device(text_device)
        speed_of(chosen, dtype).check_device(place, config.dit.head_dim)
        if size is not None:
            elsewhere = text_place is not None and text_place != place
            check_fits(need_of(config, chosen, size=size, dtype=dtype, text_elsewhere=elsewhere), place)
        models = load_models(
            config,
            paths,
            device=place,
            dtype=dtype,
            text_device=text_place,
            dit_device=_home(chosen, place),
        )
        return cls(models, rollouts, chosen, origin=origin, device=place)

    def stream(
        self,
        image: NDArray[np.uint8],
        *,
        prompt: str = DEFAULT_PROMPT,
        edits: Sequence[Edit] = (),
        size: tuple[int, int],
        fps: Fraction,
        seed: int = 0,
        frames: int | None = None,
    ) -> LiveStream:
        """A video to be made: feed it sound and take its blocks.

        Args:
            image: reference picture [H, W, 3] RGB; scaled to cover the size, its centre cut out.
            prompt: what happens.
            edits: other prompts for ranges of blocks.
            size: width and height in pixels, multiples of 16.
            fps: frames per second, 5 to 120.
            seed: of all noise; the same request gives the same video.
            frames: length of the video; `None`: that of the sound.

        Raises:
            LiveActError: size, rate, length, picture or edits do not fit.
        """
        check_size(size)
        check_fps(fps)
        if frames is not None and frames < 1:
            raise LiveActError(f"A video of {frames} frames was asked for; expected 1 or more")
        prompts = PromptSchedule(prompt, edits)
        models, options, rollout = self.models, self.options, self.rollout()
        if frames is not None:
            prompts.check(block_count(frames, (rollout.block_latents(0), rollout.block_latents(1))))
        return LiveStream(
            models,
            rollout,
            StreamDecoder(models.vae, mode=options.decode),
            SpeechInput(models.speech, fps=fps, mode=options.speech, window=models.config.dit.audio_window),
            image=prepare_reference(image, size),
            prompts=prompts,
            fps=fps,
            seed=seed,
            frames=frames,
            length=options.length,
        )

    def rollout(self) -> Rollout:
        """The forcing strategy of one more video, with an empty memory."""
        return self._rollouts(self.models.dit, self.options)

    def describe(self) -> dict[str, str | int | float]:
        """What runs: configuration, weights, device, precision, every option, and what the rollout makes of them."""
        return {
            "config": self.models.config.name,
            "weights": self._origin,
            "device": device_name(self.models.device),
            "text_device": device_name(self.models.text.device),
            "dtype": str(self.models.dtype).removeprefix("torch."),
            "torch": torch.__version__,
            **asdict(self.options),
            **self.rollout().describe(),
            **{name: value for name, value in self._runs.items() if value is not None},
        }


def _home(options: GenerationOptions, device: torch.device) -> torch.device:
    """Where the transformer is loaded: what is made smaller or streamed need not fit the device as it is."""
    smaller = options.fp8_linear != "off" or options.block_offload > 0
    return torch.device("cpu") if smaller else device


def open_device(name: torch.device | str) -> torch.device:
    """The device of that name, once it is sure that it is there.

    Raises:
        LiveActError: no such device; says which there are.
    """
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise LiveActError(f"Device {str(name)!r} is not known; expected cpu, cuda or cuda:N") from error
    if device.type == "cuda":
        count = torch.cuda.device_count()
        if (device.index or 0) >= count:
            raise LiveActError(
                f"Device {str(name)!r} is not there: PyTorch {torch.__version__} sees {count} CUDA devices. "
                "Take cpu, or check the driver and the build of PyTorch."
            )
        return torch.device("cuda", device.index or 0)
    if device.type != "cpu":
        raise LiveActError(f"Device {str(name)!r} is not supported; expected cpu, cuda or cuda:N")
    return device


def device_name(device: torch.device) -> str:
    """A device as results name it: the GPU's own name, or `cpu`."""
    return f"{device} ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else str(device)
