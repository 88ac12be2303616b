"""FID Inception and I3D with seeded weights against stored features."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from liveact_eval.metrics._fid_resize import RESIZES, to_inception_levels
from liveact_eval.metrics._frechet import distance, summarise
from liveact_eval.metrics._fvd_clips import to_i3d_clips
from liveact_eval.networks.i3d import I3D, build_i3d
from liveact_eval.networks.inception import build_inception
from liveact_eval.networks.seeded import fill_seeded
from liveact_eval.parity.metrics._frames import read_picture
from liveact_eval.parity.vectors import Checks, FileResult, VectorFile, load_tensors

FEATURES = 1e-3
"""Of FID Inception."""
CLIPS = 1e-5
"""Of clips in -1..1."""
LOGITS = 1e-4
_PREP_STRIDES = (5, 8, 8)
_CLIP = r"c\d+"

Network = TypeVar("Network", bound=nn.Module)


def check_moments(folder: Path, network: str, module: nn.Module) -> FileResult:
    """`NET_bn.safetensors`: exactly the running means and variances of the network, in their shapes."""
    vectors = VectorFile(folder, f"{network}_bn.safetensors")
    checks = Checks(vectors.file)
    given = {key: list(tensor.shape) for key, tensor in vectors.use_all().items()}
    ours = {key: list(tensor.shape) for key, tensor in module.state_dict().items() if _is_moment(key)}
    for key in sorted(given.keys() | ours.keys()):
        if given.get(key) != ours.get(key):
            checks.equal(key, ours.get(key), given.get(key))
    result = vectors.result()
    return FileResult(vectors.file, (*result.differences, *checks.differences), result.loaded)


def check_inception(folder: Path, salt: str) -> FileResult:
    """`inception.npz`: features through both resizes, and the channel means of the first blocks."""
    vectors = VectorFile(folder, "inception.npz")
    names = vectors.read_texts("image_order")
    pictures = [torch.from_numpy(read_picture(folder, f"resize_in_{name}.png"))[None] for name in names]
    network = _seeded(folder, "inception", build_inception(), salt)
    with torch.inference_mode():
        for recipe in RESIZES:
            key = f"features_{recipe}"
            if key in vectors:
                levels = torch.cat([to_inception_levels(picture, recipe) for picture in pictures])
                vectors.check(key, network(levels), FEATURES)
        levels = torch.cat([to_inception_levels(picture, "clean") for picture in pictures])
        for index, output in enumerate(network.stages(levels)):
            key = f"block{index}_mean"
            if key in vectors:
                vectors.check(key, output.mean(dim=(2, 3)), FEATURES)
    return vectors.result()


def check_i3d(folder: Path, salt: str) -> FileResult:
    """`i3d.npz`: framing, logits and pooled features of each clip, its variants, and distances between groups."""
    vectors = VectorFile(folder, "i3d.npz")
    network = _seeded(folder, "i3d", build_i3d(), salt)
    logits = {}
    with torch.inference_mode():
        for name in sorted(key[:-3] for key in vectors if re.fullmatch(rf"{_CLIP}_u8", key)):
            logits[name] = _check_clip(vectors, name, network)
    for key in vectors:
        groups = re.fullmatch(rf"fvd_((?:{_CLIP})+)_vs_((?:{_CLIP})+)", key)
        if groups:
            sets = [
                torch.stack([logits[name] for name in re.findall(_CLIP, group)]) for group in groups.groups()
            ]
            ours = distance(summarise(sets[0].numpy()), summarise(sets[1].numpy()))
            # As of any Fréchet distance: 1e-5 relative and 1e-4 absolute.
            tolerance = 1e-5 * abs(float(vectors.peek(key))) + 1e-4
            vectors.check(key, torch.tensor(ours, dtype=torch.float64), tolerance)
    return vectors.result()


def _check_clip(vectors: VectorFile, name: str, network: I3D) -> Tensor:
    """Check all that is stored about one clip; gives its logits."""
    window = vectors.read(f"{name}_u8")[None]
    clip = to_i3d_clips(window, "shorter_center")
    pooled = network.pooled(clip)
    logits: Tensor = network.head(pooled)[0]
    t, y, x = _PREP_STRIDES
    for key in vectors:
        if not key.startswith(f"{name}_"):
            continue
        kind = key[len(name) + 1 :]
        first = re.fullmatch(r"first(\d+)_logits", kind)
        if kind == "prep_s":
            vectors.check(key, clip[0, :, ::t, ::y, ::x], CLIPS)
        elif kind == "logits":
            vectors.check(key, logits, LOGITS)
        elif kind == "avgpool":
            vectors.check(key, pooled[0].mean(dim=(1, 2, 3)), LOGITS)
        elif kind == "stretch_logits":
            vectors.check(key, network(to_i3d_clips(window, "stretch"))[0], LOGITS)
        elif kind == "zero_one_range_logits":
            vectors.check(key, network((clip + 1) / 2)[0], LOGITS)
        elif first:
            vectors.check(key, network(clip[:, :, : int(first[1])])[0], LOGITS)
    return logits


def _seeded(folder: Path, network: str, module: Network, salt: str) -> Network:
    fill_seeded(module, network, salt=salt, batch_norm=load_tensors(folder / f"{network}_bn.safetensors"))
    return module


def _is_moment(key: str) -> bool:
    return key.endswith(("running_mean", "running_var"))
