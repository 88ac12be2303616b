"""Running moments of seeded networks: every one must have a place, and no place may be left without."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from liveact_eval.errors import UserError
from liveact_eval.networks.seeded import fill_seeded
from liveact_eval.parity.vectors import FileResult, VectorFile


def moments_for(module: nn.Module, vectors: VectorFile) -> dict[str, Tensor]:
    """The moments of a file, which must be those of the network.

    Raises:
        UserError: a name or a shape is missing or too many.
    """
    given = vectors.use_all()
    wanted = {
        key: value
        for key, value in module.state_dict().items()
        if key.endswith(("running_mean", "running_var"))
    }
    wrong = sorted(given.keys() ^ wanted.keys())
    wrong += [key for key in sorted(given.keys() & wanted.keys()) if given[key].shape != wanted[key].shape]
    if wrong:
        raise UserError(
            f"{vectors.file} and the network differ in {len(wrong)} moments: {', '.join(wrong[:4])}. "
            "Copy the file again."
        )
    return given


def check_moments(folder: Path, name: str, module: nn.Module) -> FileResult:
    """The verdict on a file of moments."""
    vectors = VectorFile(folder, name)
    moments_for(module, vectors)
    return vectors.result()


def seeded_with_moments(folder: Path, module: nn.Module, network: str, salt: str) -> None:
    """Fill a network by the rule of seeded weights and with the moments of its file."""
    moments = moments_for(module, VectorFile(folder, f"{network}_bn.safetensors"))
    fill_seeded(module, network, salt=salt, batch_norm=moments)
