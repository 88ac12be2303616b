"""Replays vectors of the LiveAct transformer: whole rollouts, their inner values, and single operations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from liveact_eval.errors import UserError
from liveact_eval.liveact.config import DiTConfig
from liveact_eval.liveact.dit import CausalDiT
from liveact_eval.liveact.sampler import Noise, Schedule
from liveact_eval.liveact.weights import LazyTensor, load_into
from liveact_eval.parity import liveact_operations, speech
from liveact_eval.parity.run import attempt, read_json
from liveact_eval.parity.vectors import Checks, FileResult, VectorFile
from liveact_eval.rollouts.neighbor import NeighborForcing, NeighborOptions, Step

GUIDANCE = 1.7
"""Audio guidance of the vectors `audiocfg`, where their configuration states none."""

_SIZES = {
    "dim": "dim",
    "num_heads": "num_heads",
    "num_layers": "num_layers",
    "ffn_dim": "ffn_dim",
    "freq_dim": "freq_dim",
    "in_dim": "in_dim",
    "out_dim": "out_dim",
    "eps": "eps",
    "text_dim": "text_dim",
    "text_len": "text_len",
    "clip_dim": "image_dim",
    "audio_window": "audio_window",
    "audio_blocks": "audio_layers",
    "audio_channels": "audio_channels",
    "intermediate_dim": "audio_hidden",
    "output_dim": "audio_dim",
    "context_tokens": "audio_tokens",
}
"""Names of sizes in the vectors' configuration, and ours."""


@dataclass(frozen=True)
class Variant:
    """One way of running the model that vectors exist of."""

    memory: str
    """Memory policy."""
    guided: bool = False
    """Whether speech guidance is on."""


VARIANTS = {
    "convkv": Variant("convkv"),
    "mean": Variant("mean"),
    "audiocfg": Variant("convkv", guided=True),
    "sp2": Variant("convkv-sp2"),
    "trace": Variant("convkv"),
}
"""By the ending of the file's name."""


def replay(folder: Path) -> Iterator[FileResult]:
    """Replay a folder of LiveAct vectors, one result per file."""
    for path in sorted(folder.glob("manifest_*.json")):
        yield attempt(path.name, partial(_manifest, folder, path.name))
    stems = [path.name.removesuffix("_config.json") for path in sorted(folder.glob("dit_*_config.json"))]
    if not stems:
        raise UserError(f"{folder} holds no dit_*_config.json, which states the sizes of the model")
    for stem in stems:
        yield from _Model(folder, stem).replay()
    for path in sorted(folder.glob("ops_*.safetensors")):
        yield attempt(path.name, partial(_operations, folder, path.name, stems[0]))
    yield from speech.replay(folder)


def _operations(folder: Path, file: str, stem: str) -> FileResult:
    """Single operations, on the grid of tokens that the first model has."""
    sizes = _sizes(folder, stem)
    grid = int(sizes["latent_h"]) // 2, int(sizes["latent_w"]) // 2
    return liveact_operations.replay(folder, file, grid)


def _sizes(folder: Path, stem: str) -> dict[str, Any]:
    """The sizes that a model's configuration states.

    Raises:
        UserError: it is missing, or no table of sizes.
    """
    stated = read_json(folder, f"{stem}_config.json")
    sizes = stated.get("config", stated) if isinstance(stated, dict) else None
    if not isinstance(sizes, dict):
        raise UserError(f"{stem}_config.json is no table of sizes. Copy the whole folder again.")
    return sizes


def dit_config(sizes: dict[str, Any]) -> DiTConfig:
    """Our configuration of the sizes in a vectors' configuration; what is not stated is as in the full model."""
    return DiTConfig(**{ours: sizes[theirs] for theirs, ours in _SIZES.items() if theirs in sizes})


def _manifest(folder: Path, file: str) -> FileResult:
    """Names and shapes of the full-size model, built without memory."""
    manifest = read_json(folder, file)
    with torch.device("meta"):
        dit = CausalDiT(dit_config(manifest.get("config", {})))
    checks = Checks(file)
    ours = {name: list(value.shape) for name, value in dit.state_dict().items()}
    expected = {name: list(shape) for name, shape in manifest["parameters"].items()}
    for name in sorted(ours.keys() | expected.keys()):
        checks.equal(name, ours.get(name), expected.get(name))
    if "total_parameters" in manifest:
        checks.equal(
            "total_parameters", sum(value.numel() for value in dit.parameters()), manifest["total_parameters"]
        )
    return checks.result()


@dataclass
class _Model:
    """One model's files: configuration, weights, inputs, and what came out."""

    folder: Path
    stem: str
    config: dict[str, Any] = field(init=False)

    def replay(self) -> Iterator[FileResult]:
        """One result per file of this model."""
        self.config = _sizes(self.folder, self.stem)
        weights, given = (f"{self.stem}_{part}.safetensors" for part in ("weights", "inputs"))
        dits: list[CausalDiT] = []
        inputs: list[_Inputs] = []

        def load() -> FileResult:
            vectors = VectorFile(self.folder, weights)
            dits.append(self._load(vectors))
            return vectors.result()

        def take() -> FileResult:
            inputs.append(_Inputs(VectorFile(self.folder, given), dit_config(self.config)))
            return inputs[0].file.result()

        yield attempt(weights, load)
        taken = attempt(given, take)
        for path in sorted(self.folder.glob(f"{self.stem}_*.safetensors")):
            variant = VARIANTS.get(path.stem.removeprefix(f"{self.stem}_"))
            if variant is None:
                continue
            if dits and inputs:
                yield attempt(path.name, partial(self._rollout, dits[0], inputs[0], variant, path.name))
            else:
                lacking = given if dits else weights
                yield FileResult(path.name, problem=f"not replayed: {lacking} could not be used")
        # What the rollouts read and compared of the inputs is known now.
        yield inputs[0].file.result() if inputs else taken

    def _load(self, weights: VectorFile) -> CausalDiT:
        with torch.device("meta"):
            dit = CausalDiT(dit_config(self.config))
        tensors = {
            name: LazyTensor(tuple(value.shape), value.dtype, value.clone, f"{weights.file}: {name}")
            for name, value in weights.use_all().items()
        }
        load_into(dit, tensors, device="cpu", dtype=torch.float32, what="transformer of the vectors")
        return dit

    def _rollout(self, dit: CausalDiT, inputs: _Inputs, variant: Variant, file: str) -> FileResult:
        vectors = VectorFile(self.folder, file)
        guidance = float(self.config.get("audio_cfg", GUIDANCE)) if variant.guided else 1.0
        options = NeighborOptions(memory=variant.memory, schedule=inputs.schedule, audio_guidance=guidance)
        rollout = NeighborForcing(dit, options)
        comparison = _Comparison(vectors, rollout)
        with _Trace(dit, vectors.keys()) as trace, torch.no_grad():
            context = dit.encode_context(inputs.file.read("context"), inputs.file.read("clip_fea")[0])
            rollout.begin(inputs.file.read("y"))
            for n in range(len(self.config["blocks"])):
                windows = inputs.windows(n, rollout.audio_span(n))
                for step in rollout.steps(n, context, windows, inputs.noise(n)):
                    comparison.step(n, step)
                    trace.check(f"b{n}.s{step.number}.", vectors)
                comparison.block(n)
        return vectors.result()


class _Inputs:
    """The inputs of the rollouts."""

    def __init__(self, file: VectorFile, config: DiTConfig) -> None:
        self.file = file
        self._config = config
        levels = [float(t) for t in file.read("timesteps")]
        self.schedule = Schedule(tuple(t for t in levels if t > 0))
        file.check("sigmas", torch.tensor([self.schedule.sigma(i) for i in range(len(levels))]))

    def windows(self, n: int, span: range) -> Tensor:
        """Windows of speech features of block n, cut by us and compared with the stored ones."""
        from liveact_eval.liveact.audio import audio_windows

        embedding = self.file.read("audio_embedding")
        windows = audio_windows(embedding, span.start, len(span), self._config.audio_window)
        self.file.check(f"audio_window.{n}", windows)
        return windows

    def noise(self, n: int) -> Noise:
        """The stored noise of block n, in the order in which it is drawn."""
        draws = [self.file.read(f"noise.{n}")]
        draws += [self.file.read(f"renoise.{n}.{step}") for step in range(len(self.schedule))]
        return _StoredNoise(draws)


class _StoredNoise(Noise):
    """Gives stored tensors instead of drawing."""

    def __init__(self, draws: list[Tensor]) -> None:
        self._draws = iter(draws)

    def draw(self, shape: tuple[int, ...], device: torch.device | str, dtype: torch.dtype) -> Tensor:
        """The next stored tensor."""
        return next(self._draws).view(shape).to(device=device, dtype=dtype)


@dataclass
class _Comparison:
    """Compares a rollout with the tensors of one file."""

    vectors: VectorFile
    rollout: NeighborForcing

    def __post_init__(self) -> None:
        self._keys = self.vectors.keys()

    def step(self, n: int, step: Step) -> None:
        """After a model call."""
        self._check(f"pred.{n}.{step.number}", step.velocity[0])
        self._check(f"latent.{n}.{step.number}", step.latent[0])
        if step.null_velocity is not None:
            self._check(f"pred_null.{n}.{step.number}", step.null_velocity[0])
        if step.number + 1 == len(self.rollout.options.schedule):
            self._check(f"final.{n}", step.latent[0])

    def block(self, n: int) -> None:
        """After a block: keys and values of whichever steps, layers and ranks are stored."""
        for key in self._keys:
            found = re.fullmatch(rf"cache\.(?:r(\d+)\.)?b{n}\.s(\d+)\.layer(\d+)\.([kv])", key)
            if found:
                rank, step, layer, which = found.groups()
                memory = self.rollout.memories[int(step)].layers[int(layer)]
                store = memory.keys if which == "k" else memory.values
                slots = self.rollout.condition_latents
                tokens = memory.stop // (self.rollout.policy.first if n == 0 else slots)
                held = store.read(0, slots * tokens).unflatten(1, (slots, tokens))
                if rank is not None:
                    held = held[:, self._slots_of_rank(int(rank))]
                self.vectors.check(key, held.flatten(1, 2))

    def _slots_of_rank(self, rank: int) -> list[int]:
        """Slots that one of two ranks of the official program holds: its half of each block's frames."""
        first, current = self.rollout.policy.first, self.rollout.policy.current
        halves = (range(first), range(first, first + current))
        return [slot for half in halves for slot in half[rank * len(half) // 2 : (rank + 1) * len(half) // 2]]

    def _check(self, key: str, ours: Tensor) -> None:
        if key in self._keys:
            self.vectors.check(key, ours)


class _Trace:
    """Catches outputs of the modules that a file of inner values names."""

    def __init__(self, dit: nn.Module, keys: tuple[str, ...]) -> None:
        self._dit = dit
        self._keys = keys
        self._paths = {match[1] for key in keys if (match := re.fullmatch(r"b\d+\.s\d+\.(.+)", key))}
        self._outputs: dict[str, Tensor] = {}
        self._hooks: list[Any] = []

    def __enter__(self) -> _Trace:
        for path in self._paths:
            module = self._dit.get_submodule(path)
            self._hooks.append(module.register_forward_hook(partial(self._keep, path)))
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def check(self, prefix: str, vectors: VectorFile) -> None:
        """Compare what the modules gave in the step just done; tokens may lie frame by frame in ours."""
        for key in self._keys:
            if key.startswith(prefix) and key.removeprefix(prefix) in self._outputs:
                ours, expected = self._outputs[key.removeprefix(prefix)], vectors.peek(key)
                same = ours.numel() == expected.numel()
                vectors.check(key, ours.reshape(expected.shape) if same else ours)

    def _keep(self, path: str, _module: nn.Module, _inputs: object, output: Tensor) -> None:
        self._outputs[path] = output.detach()
