"""Drawn clips as latents and speech features, made once and kept: a step of the transformer is cheaper than a picture.

    bank folder: bank.json (what it holds), 00000.safetensors, 00001.safetensors, ... of `SHARD` samples each

A bank is made shard by shard and goes on after an interruption. What it holds is named by a key of everything that
decides about it: drawn clips and the hashes of the encoders' weights.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from liveact_eval.errors import UserError
from liveact_eval.files import atomic_path, write_text
from liveact_eval.liveact.encoders.speech import SpeechEncoder
from liveact_eval.liveact.reference import encode_conditions
from liveact_eval.liveact.vae import WanVAE
from liveact_eval.training.draws import generator_of
from liveact_eval.training.pictures import box_mask, to_video
from liveact_eval.training.recipe import DataConfig
from liveact_eval.training.talker_samples import batches

SHARD = 50
"""Samples in a file."""
_AT_ONCE = 5
"""Samples that are encoded together: one alone takes twice the time, as its convolutions are small."""
_KEY_DIGITS = 16


class SampleEncoder:
    """Turns drawn samples into what the transformer learns from.

    Args:
        vae: encodes pictures.
        speech: encodes sound.
    """

    def __init__(self, vae: WanVAE, speech: SpeechEncoder) -> None:
        self._vae, self._speech = vae, speech

    def encode(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Samples, B of them (see `TalkerSamples`), encoded on the device of the encoders.

        Returns:
            On the CPU:
            `latents` float16 [B, 16, T, h, w]; `condition` float16 [B, 20, 14, h, w] of the first frame; `features`
            float16 [B, F, layers, width]; `image` uint8 [B, 3, H, W]; `mouth` float16 [B, T, h, w], the share of each
            latent that shows the mouth; `prompt` uint8.
        """
        frames = batch["frames"]
        video = to_video(frames.to(self._vae.device))
        latents = self._vae.encode(video)
        condition = encode_conditions(self._vae, video[:, :, 0])
        features = [self._speech.encode(sound.float() / 32768, frames.shape[1]) for sound in batch["samples"]]
        inside = box_mask(batch["mouth_box"], frames.shape[2])[:, 0]
        return {
            "latents": latents.half().cpu(),
            "condition": condition.half().cpu(),
            "features": torch.stack(features).half().cpu(),
            "image": frames[:, 0].permute(0, 3, 1, 2).contiguous(),
            "mouth": torch.stack([_per_latent(one, latents.shape[2:]) for one in inside]).half(),
            "prompt": batch["prompt"],
        }


def _per_latent(inside: Tensor, shape: torch.Size) -> Tensor:
    """Means of a mask [F, H, W] over what each latent shows: the first frame, then four by four."""
    small = torch.nn.functional.adaptive_avg_pool2d(inside[:, None], tuple(shape[1:]))[:, 0]
    later = small[1:].unflatten(0, (-1, 4)).mean(dim=1)
    return torch.cat([small[:1], later])


class Bank:
    """Encoded samples in a folder.

    Args:
        folder: where they are, or will be.
        data: what is drawn.
        count: number of samples.
        encoders: names the weights of the encoders: equal names, equal numbers.
    """

    def __init__(self, folder: Path, data: DataConfig, count: int, encoders: str) -> None:
        self._folder, self._data, self._count = folder, data, count
        self._key = _key(data, encoders)

    @classmethod
    def inside(cls, banks: Path, data: DataConfig, count: int, encoders: str) -> Bank:
        """The bank of these samples in a folder of banks: stages that learn from the same ones share it."""
        return cls(banks / _key(data, encoders)[:_KEY_DIGITS], data, count, encoders)

    @property
    def shards(self) -> range:
        """Numbers of the files that belong to it."""
        return range(-(-self._count // SHARD))

    def fill(
        self,
        encoder: Callable[[dict[str, Tensor]], dict[str, Tensor]],
        told: Callable[[int], None],
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        """Make what is missing of this process's share.

        Args:
            encoder: see `SampleEncoder.encode`.
            told: hears how many samples are there; with several processes, about how many.
            rank: this process.
            ranks: processes that share the work: each makes every `ranks`-th file.

        Raises:
            UserError: the folder holds another bank.
        """
        self._check()
        missing = [number for number in self.shards[rank::ranks] if not self._path(number).is_file()]
        for number in missing:
            steps = range(number * SHARD // _AT_ONCE, (number + 1) * SHARD // _AT_ONCE)
            made = [encoder(drawn) for drawn in batches(self._data, batch=_AT_ONCE, steps=steps)]
            joined = {name: torch.cat([part[name] for part in made]) for name in made[0]}
            with atomic_path(self._path(number)) as temporary:
                save_file(joined, temporary)
            told(min((number + 1) * SHARD, self._count))

    def load(self) -> dict[str, Tensor]:
        """All samples, [count, ...] by name.

        Raises:
            UserError: some are missing.
        """
        self._check()
        missing = [number for number in self.shards if not self._path(number).is_file()]
        if missing:
            raise UserError(
                f"{self._folder}: {len(missing)} of {len(self.shards)} files are missing. Fill it first."
            )
        parts = [load_file(self._path(number)) for number in self.shards]
        return {name: torch.cat([part[name] for part in parts])[: self._count] for name in parts[0]}

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:05d}.safetensors"

    def _check(self) -> None:
        note = self._folder / "bank.json"
        if note.is_file():
            if json.loads(note.read_text(encoding="utf-8")).get("key") != self._key:
                raise UserError(
                    f"{self._folder} holds samples of other clips or other encoders. Delete it to make them anew."
                )
            return
        write_text(note, json.dumps({"key": self._key, "data": self._data.model_dump()}, indent=2) + "\n")


def _key(data: DataConfig, encoders: str) -> str:
    """Hash of everything that decides what a bank holds."""
    facts = {"data": data.model_dump(exclude={"workers"}), "encoders": encoders}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def shuffled(
    samples: dict[str, Tensor],
    *,
    batch: int,
    steps: range,
    seed: int,
    rank: int = 0,
    ranks: int = 1,
    pinned: bool = False,
) -> Iterator[dict[str, Tensor]]:
    """Batches of the steps of a range, drawn with replacement: step k depends on the seed and on k alone.

    Args:
        samples: [count, ...] by name.
        batch: samples of a step over all ranks; a multiple of `ranks`.
        steps: steps that are still to be done.
        seed: of the order.
        rank: this process.
        ranks: processes that share a step.
        pinned: whether batches lie in pinned memory, from where a GPU fetches them itself.
    """
    count, share = len(next(iter(samples.values()))), batch // ranks
    for step in steps:
        chosen = torch.randint(count, (batch,), generator=generator_of(seed, step))
        chosen = chosen[rank * share : (rank + 1) * share]
        shown = {name: values[chosen] for name, values in samples.items()}
        yield {name: values.pin_memory() for name, values in shown.items()} if pinned else shown
