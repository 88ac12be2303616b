"""Manifests of seeded networks: official names and shapes, and sums that show whether weights were filled alike."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from liveact_eval.errors import UserError
from liveact_eval.networks.seeded import seeded_tensor
from liveact_eval.parity.run import read_json
from liveact_eval.parity.vectors import Checks, Difference, FileResult

RELATIVE = 1e-6
"""Tolerance of the sum of absolute values, as a share of it."""


def check_seeded_manifest(
    folder: Path,
    name: str,
    module: nn.Module,
    network: str,
    salt: str,
    *,
    official: Callable[[str], str] | None = None,
) -> FileResult:
    """Compare `NET_manifest.json` with a network: one comparison per tensor, of shape and of both sums.

    Args:
        folder: folder of the vectors.
        name: file in it.
        module: the network; its values do not matter.
        network: its tag in the rule of seeded weights.
        salt: first word of the seeded string.
        official: from the module's own names to official ones, where they differ.

    Raises:
        UserError: the manifest has another form.
    """
    manifest = read_json(folder, name)
    if not isinstance(manifest, dict) or not all(isinstance(entry, dict) for entry in manifest.values()):
        raise UserError(f"{name} is no table of tensors with shape, sum and abs_sum. Copy it again.")
    ours = {(official(key) if official else key): value for key, value in _filled(module).items()}
    checks = Checks(name)
    for key in sorted(manifest.keys() | ours.keys()):
        if key not in manifest or key not in ours:
            checks.equal(key, key in ours, key in manifest)
        else:
            checks.differences.append(_compare(key, ours[key], manifest[key], network, salt))
    return checks.result()


def _filled(module: nn.Module) -> dict[str, Tensor]:
    """The tensors that the rule fills: floating, and no running moments."""
    return {
        key: value
        for key, value in module.state_dict().items()
        if value.is_floating_point() and not key.endswith(("running_mean", "running_var"))
    }


def _compare(key: str, ours: Tensor, entry: dict[str, Any], network: str, salt: str) -> Difference:
    shape = list(ours.shape)
    if entry.get("shape") != shape:
        return Difference(key, math.inf, RELATIVE, f"shape {shape} instead of {entry.get('shape')}")
    values = seeded_tensor(salt, network, key, tuple(shape)).double()
    expected = float(entry.get("abs_sum", math.nan))
    # The plain sum may be near zero; both are therefore compared by the size of the sum of absolute values.
    gaps = (float(values.abs().sum()) - expected, float(values.sum()) - float(entry.get("sum", math.nan)))
    return Difference(key, max(abs(gap) for gap in gaps) / expected, RELATIVE)
