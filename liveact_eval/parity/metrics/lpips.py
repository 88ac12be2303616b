"""Replays LPIPS: seeded trunks under the released heads, on the crops of the colour vectors (`lpips.npz`)."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import torch
import torch.nn.functional as F

from liveact_eval.networks.lpips_net import LPIPS, Trunk, build_lpips, neighbours, scaled
from liveact_eval.networks.seeded import fill_seeded
from liveact_eval.parity.metrics._seeded_manifest import check_seeded_manifest
from liveact_eval.parity.run import attempt
from liveact_eval.parity.vectors import FileResult, VectorFile, load_tensors

TOLERANCE = 1e-5
_PICTURES = ("deltae.npz", "crops_u8")
_LAYERS = 5


def replay(folder: Path, salt: str) -> Iterator[FileResult]:
    """Replay the files of this family that the folder holds, one result each."""
    trunk: Trunk
    for trunk in get_args(Trunk):
        name = f"lpips_{trunk}_manifest.json"
        if (folder / name).is_file():
            yield attempt(name, functools.partial(_manifest, folder, name, trunk, salt))
    if (folder / "lpips.npz").is_file():
        yield attempt("lpips.npz", functools.partial(_distances, folder, "lpips.npz", salt))


def _manifest(folder: Path, name: str, trunk: Trunk, salt: str) -> FileResult:
    with torch.device("meta"):
        module = build_lpips(trunk).net
    return check_seeded_manifest(folder, name, module, f"lpips_{trunk}", salt)


def _distances(folder: Path, name: str, salt: str) -> FileResult:
    vectors = VectorFile(folder, name)
    pictures = load_tensors(folder / _PICTURES[0])[_PICTURES[1]]
    trunk: Trunk
    for trunk in get_args(Trunk):
        keys = [key for key in vectors if key.startswith(f"{trunk}_")]
        if not keys:
            continue
        network = _network(vectors, trunk, salt)
        for key in keys:
            case = key.removeprefix(f"{trunk}_")
            if match := re.fullmatch(r"adjacent_(\d+)_(\d+)", case):
                first, last = int(match[1]), int(match[2])
                vectors.check(key, neighbours(network, pictures[first : last + 1]), TOLERANCE)
            elif match := re.fullmatch(r"pair_(\d+)_(\d+)(?:_(\w+))?", case):
                two = scaled(pictures[[int(match[1]), int(match[2])]])
                if match[3] == "normalize_flag":
                    two = 2 * (pictures[[int(match[1]), int(match[2])]].float() / 255) - 1
                two = two.permute(0, 3, 1, 2)
                if size := re.fullmatch(r"upsampled_(\d+)x(\d+)", match[3] or ""):
                    two = F.interpolate(
                        two, (int(size[1]), int(size[2])), mode="bilinear", align_corners=False
                    )
                with torch.inference_mode():
                    vectors.check(key, network(two[:1], two[1:])[0], TOLERANCE)
    return vectors.result()


def _network(vectors: VectorFile, trunk: Trunk, salt: str) -> LPIPS:
    network = build_lpips(trunk)
    fill_seeded(network.net, f"lpips_{trunk}", salt=salt)
    heads = {
        f"lin{i}.model.1.weight": vectors.read(f"{trunk}_lin{i}")[None, :, None, None] for i in range(_LAYERS)
    }
    network.load_state_dict({**network.state_dict(), **heads})
    return network
