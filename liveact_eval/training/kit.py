"""A model in the making: one folder in which each stage finds what the stages before have made.

<kit>/weights/vae.safetensors, speech.safetensors, dit.safetensors, ...
<kit>/<recipe>/log.jsonl, checkpoints/, tensorboard/, recipe.json, result.json
<kit>/banks/<key>/                    encoded samples, for all stages that learn from the same ones
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from liveact_eval.errors import UserError
from liveact_eval.files import atomic_path, sha256_of, write_text
from liveact_eval.liveact import vae
from liveact_eval.liveact.config import LiveActConfig
from liveact_eval.liveact.encoders import speech
from liveact_eval.liveact.weights import load_into, open_state
from liveact_eval.training.devices import CPU
from liveact_eval.training.recipe import Recipe


@dataclass(frozen=True)
class Kit:
    """The folder of a model in the making."""

    root: Path

    def run_folder(self, recipe: Recipe) -> Path:
        """Where a stage keeps its logs and checkpoints."""
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", recipe.name):
            raise UserError(
                f"The recipe's name {recipe.name!r} is no name for a folder; expected letters, digits, - and _."
            )
        return self.root / recipe.name

    @property
    def banks(self) -> Path:
        """Where encoded samples are kept, for all stages that learn from the same ones."""
        return self.root / "banks"

    def weights(self, role: str) -> Path:
        """The weight file of a role."""
        return self.root / "weights" / f"{role}.safetensors"

    def file(self, role: str) -> Path:
        """The weight file of a role, which an earlier stage made.

        Raises:
            UserError: it is not there.
        """
        path = self.weights(role)
        if not path.is_file():
            raise UserError(
                f"{path} is missing: an earlier stage makes it. Train that first: liveact-eval train --list shows "
                f"which stage makes {role}; give the same --kit to all of them."
            )
        return path

    def vae(self, config: LiveActConfig, device: torch.device = CPU) -> vae.WanVAE:
        """The VAE that an earlier stage made, on a device.

        Raises:
            UserError: it is not there.
        """
        return vae.load(self.file("vae"), config.vae, device=device)

    def speech(self, config: LiveActConfig, device: torch.device = CPU) -> speech.SpeechEncoder:
        """The speech encoder that an earlier stage made, on a device.

        Raises:
            UserError: it is not there.
        """
        return speech.load(self.file("speech"), config.speech, device=device)

    def restore(self, role: str, module: nn.Module) -> None:
        """Give a module the weights of a role, in single precision.

        Raises:
            UserError: they are not there.
            WeightsError: they are another module's.
        """
        tensors = open_state(self.file(role)).tensors()
        load_into(module, tensors, device="cpu", dtype=torch.float32, what=role)

    def hashes(self, *roles: str) -> str:
        """Names weight files by role and hash."""
        return " ".join(f"{role}:{sha256_of(self.file(role))}" for role in roles)

    def keep(
        self, recipe: Recipe, modules: Mapping[str, nn.Module], facts: Mapping[str, float]
    ) -> dict[str, Path]:
        """Write what a stage has made, in half precision, and beside its logs what is known about it.

        Args:
            recipe: of the stage.
            modules: by role.
            facts: its last validation.

        Returns:
            The files, by role.
        """
        files = {}
        for role, module in modules.items():
            tensors = {name: _stored(value) for name, value in module.state_dict().items()}
            with atomic_path(self.weights(role)) as temporary:
                save_file(tensors, temporary, metadata={"recipe": recipe.name})
            files[role] = self.weights(role)
        about = {
            "recipe": recipe.model_dump(mode="json"),
            "validation": dict(facts),
            "files": {
                role: {"sha256": sha256_of(path), "bytes": path.stat().st_size}
                for role, path in files.items()
            },
        }
        write_text(self.run_folder(recipe) / "result.json", json.dumps(about, indent=2) + "\n")
        return files


def _stored(value: torch.Tensor) -> torch.Tensor:
    """Half precision, a copy of its own: tied weights share memory, which the file format refuses."""
    return (value.half() if value.is_floating_point() else value).detach().cpu().contiguous().clone()
