"""The TorchScript files of FID and FVD, run as they are, with their own switches.

`inception-2015-12-05.pt` (NVIDIA, metrics of StyleGAN2-ADA; what clean-fid runs) and `i3d_torchscript.pt` (a copy of
the TF-Hub module of the original FVD). Both classes take and give what `FIDInception` and `I3D` do. A TorchScript file
is a program: load only files whose SHA-256 is known.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from liveact_eval.errors import UserError
from liveact_eval.networks import i3d, inception


class ScriptedInception(nn.Module):
    """FID Inception from TorchScript. Levels become (x - 128) / 128, up to 1/128 off pytorch-fid's scaling."""

    def __init__(self, script: nn.Module) -> None:
        super().__init__()
        self.script = script

    def forward(self, levels: Tensor) -> Tensor:
        """RGB levels (N, 3, 299, 299) in 0..255, already resized, to features (N, 2048)."""
        return self.script.layers((levels.float() - 128) / 128).flatten(1)

    def resizing(self, levels: Tensor) -> Tensor:
        """RGB levels (N, 3, H, W) in 0..255, resized by the network itself (`legacy_tensorflow`), to (N, 2048)."""
        return self.script(levels, return_features=True).flatten(1)


class ScriptedI3D(nn.Module):
    """I3D from TorchScript; its feature is the logits before softmax."""

    def __init__(self, script: nn.Module) -> None:
        super().__init__()
        self.script = script

    def forward(self, clips: Tensor) -> Tensor:
        """RGB in -1..1, (N, 3, T, 224, 224), to logits (N, 400): both of its switches stay off."""
        return self.script(clips, rescale=False, resize=False, return_features=True)

    def resizing(self, levels: Tensor) -> Tensor:
        """RGB levels (N, 3, T, H, W) in 0..255, rescaled and resized by the file itself, to logits (N, 400)."""
        return self.script(levels.float(), rescale=True, resize=True, return_features=True)


def load_scripted_inception(path: Path, device: torch.device | str = "cpu") -> ScriptedInception:
    """The network of `inception-2015-12-05.pt`.

    Raises:
        UserError: no such file, not a TorchScript file, or another network.
    """
    script = _load(path, device)
    if not hasattr(script, "layers"):
        raise UserError(f"{path} is a TorchScript file without the part `layers`; expected inception-2015-12-05.pt, "
                        "the FID Inception. Fetch that file again.")  # fmt: skip
    return ScriptedInception(script).eval().requires_grad_(False)


def load_scripted_i3d(path: Path, device: torch.device | str = "cpu") -> ScriptedI3D:
    """The network of `i3d_torchscript.pt`.

    Raises:
        UserError: no such file, not a TorchScript file, or another network.
    """
    script = _load(path, device)
    named = {argument.name for argument in script.forward.schema.arguments}
    if not {"rescale", "resize", "return_features"} <= named:
        raise UserError(f"{path} is a TorchScript file that takes {', '.join(sorted(named - {'self'}))}; expected "
                        "rescale, resize and return_features, as of i3d_torchscript.pt. Fetch that file.")  # fmt: skip
    return ScriptedI3D(script).eval().requires_grad_(False)


def check_shapes(network: nn.Module, device: torch.device | str = "cpu") -> None:
    """Run a scripted network once on black input of the least size.

    Raises:
        UserError: it does not give features of the expected size.
    """
    if isinstance(network, ScriptedI3D):
        black, expected = torch.zeros(1, 3, i3d.LEAST_FRAMES, i3d.SIDE, i3d.SIDE, device=device), i3d.FEATURES
    else:
        black, expected = torch.zeros(1, 3, inception.SIDE, inception.SIDE, device=device), inception.FEATURES
    with torch.inference_mode():
        found = tuple(network(black).shape)
    if found != (1, expected):
        raise UserError(f"The TorchScript network gives features of shape {found}, expected {(1, expected)}. It is "
                        "another network: fetch the file again.")  # fmt: skip


def _load(path: Path, device: torch.device | str) -> nn.Module:
    if not path.is_file():
        raise UserError(f"There are no weights at {path}; expected a TorchScript file. Fetch them first.")
    try:
        with warnings.catch_warnings():
            # The format is deprecated by PyTorch, yet it is the one in which both networks are published.
            for category in (DeprecationWarning, FutureWarning):
                warnings.simplefilter("ignore", category)
            return torch.jit.load(str(path), map_location=device)
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"{path} cannot be read as a TorchScript file: {reason}. It is cut short or of another kind: "
                        "fetch it again.") from error  # fmt: skip
