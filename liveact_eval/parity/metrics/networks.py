"""Replays seeded networks behind VBench and the face detector: `networks.npz`, manifests, moments of batch norms."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from liveact_eval.metrics._vbench_smoothness import middle_frames
from liveact_eval.metrics._vbench_transforms import clip_input, dino_input, imaging_input
from liveact_eval.networks import amt, raft
from liveact_eval.networks.clip_visual import build_clip_vitb32
from liveact_eval.networks.correlation import pad_to_multiple
from liveact_eval.networks.dino import build_dino
from liveact_eval.networks.musiq import PATCH, Tokens, build_musiq, multiscale_tokens, slots
from liveact_eval.networks.seeded import fill_seeded
from liveact_eval.parity.metrics._frames import frames
from liveact_eval.parity.metrics._moments import check_moments, seeded_with_moments
from liveact_eval.parity.metrics._s3fd import replay_s3fd
from liveact_eval.parity.metrics._seeded_manifest import check_seeded_manifest
from liveact_eval.parity.run import attempt
from liveact_eval.parity.vectors import FileResult, VectorFile

NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "dino_vitb16": build_dino,
    "clip_vitb32_visual": build_clip_vitb32,
    "musiq": build_musiq,
    "amt_s": amt.build_amt_s,
    "raft": raft.build_raft,
}
"""By tag in the rule of seeded weights."""
_FILE = "networks.npz"
_MOMENTS = "raft_bn.safetensors"

FEATURES = 1e-3
INTERPOLATED_POSITIONS = 5e-3
"""Of DINO on pictures that are not square."""
FRAME = 2e-3
LEVEL = 1.0
EXACT = 0.0


def replay(folder: Path, salt: str) -> Iterator[FileResult]:
    """Replay the files of this family that the folder holds, one result each."""
    for network in NETWORKS:
        name = f"{network}_manifest.json"
        if (folder / name).is_file():
            yield attempt(name, functools.partial(_manifest, folder, name, network, salt))
    if (folder / _MOMENTS).is_file():
        with torch.device("meta"):
            module = raft.build_raft()
        yield attempt(_MOMENTS, functools.partial(check_moments, folder, _MOMENTS, module))
    if (folder / _FILE).is_file():
        yield attempt(_FILE, functools.partial(_outputs, folder, salt))


def _manifest(folder: Path, name: str, network: str, salt: str) -> FileResult:
    with torch.device("meta"):
        module = NETWORKS[network]()
    return check_seeded_manifest(folder, name, module, network, salt)


def _outputs(folder: Path, salt: str) -> FileResult:
    vectors = VectorFile(folder, _FILE)
    with torch.inference_mode():
        _pictures(vectors, folder, salt)
        if "amt_in0_u8" in vectors:
            _amt(vectors, salt)
        if "raft_in0_u8" in vectors:
            _raft(vectors, folder, salt)
    if any(key.startswith(("s3fd_", "nms_")) for key in vectors):
        replay_s3fd(vectors, salt)
    return vectors.result()


def _pictures(vectors: VectorFile, folder: Path, salt: str) -> None:
    """Networks that see one picture: `NETWORK_PICTURE`, and MUSIQ's tokens."""
    families: dict[str, tuple[str, Callable[[Tensor], Tensor]]] = {
        "dino": ("dino_vitb16", dino_input),
        "clip_vitb32": ("clip_vitb32_visual", clip_input),
        "musiq": ("musiq", imaging_input),
    }
    inputs = frames(folder) if any(key.startswith(tuple(families)) for key in vectors) else {}
    for family, (network, prepare) in families.items():
        cases = [key for key in vectors if key.removeprefix(f"{family}_") in inputs]
        module = _seeded(network, salt) if cases else None
        for key in cases:
            picture = prepare(inputs[key.removeprefix(f"{family}_")])
            square = picture.shape[-1] == picture.shape[-2]
            tolerance = FEATURES if square or family != "dino" else INTERPOLATED_POSITIONS
            made = module(picture) if module else picture
            vectors.check(key, made.view_as(vectors.peek(key)), tolerance)
    for key in vectors:
        match = re.fullmatch(r"musiq_(\w+)_tokens_(shape|meta|s)", key)
        if match and match[1] in inputs:
            picture = imaging_input(inputs[match[1]])
            _tokens(vectors, key, match[2], multiscale_tokens(picture), picture.shape[-2:])


def _tokens(vectors: VectorFile, key: str, what: str, tokens: Tokens, size: torch.Size) -> None:
    """The reference's tokens: pixels, position, scale, and 0 for those that are masked out."""
    places, count = slots(size[0], size[1])
    labels = torch.stack([tokens.position, tokens.scale, torch.ones_like(tokens.scale)], dim=1).float()
    table = torch.zeros(1, count, 3 * PATCH * PATCH + 3)
    table[0, places] = torch.cat([tokens.pixels[0].flatten(1), labels], dim=1)
    if what == "shape":
        vectors.check(key, torch.tensor(table.shape), EXACT)
    elif what == "meta":
        vectors.check(key, table[0, :, -3:], EXACT)
    else:
        columns = vectors.peek(key).shape[1]
        # Every so many columns: the stride that leaves as many as are stored.
        vectors.check(key, table[0, :, :: -(-table.shape[2] // columns)], FEATURES)


def _amt(vectors: VectorFile, salt: str) -> None:
    network = amt.build_amt_s()
    fill_seeded(network, "amt_s", salt=salt)
    amt.soften_seeded(network)
    pair = [vectors.read(f"amt_in{n}_u8")[None] for n in (0, 1)]
    unit = [picture.permute(0, 3, 1, 2) / 255.0 for picture in pair]
    (before, around), (after, _) = (pad_to_multiple(picture, amt.MULTIPLE) for picture in unit)
    left, _, top, _ = around
    height, width = unit[0].shape[-2:]
    made = network(before, after)[..., top : top + height, left : left + width]
    vectors.check("amt_pad", torch.tensor(around), EXACT)
    vectors.check("amt_pred", made, FRAME)
    vectors.check("amt_pred_u8", middle_frames(network, *pair)[0], LEVEL)


def _raft(vectors: VectorFile, folder: Path, salt: str) -> None:
    network = raft.build_raft()
    seeded_with_moments(folder, network, "raft", salt)
    raft.soften_seeded(network)
    pair = torch.stack([vectors.read("raft_in0_u8"), vectors.read("raft_in1_u8")]).permute(0, 3, 1, 2)
    vectors.check("raft_pad", torch.tensor(pad_to_multiple(pair, 8)[1]), EXACT)
    flows: dict[int, raft.Flow] = {}
    for key in vectors:
        match = re.fullmatch(r"raft_(flow|low)(\d+)(?:_s(\d+))?", key)
        if not match:
            continue
        count, stride = int(match[2]), int(match[3] or 1)
        if count not in flows:
            flows[count] = network(pair, count)
        flow = flows[count].full if match[1] == "flow" else flows[count].low
        vectors.check(key, flow[..., ::stride, ::stride], _raft_tolerance(count))


def _raft_tolerance(iterations: int) -> float:
    """Rounding grows with every refinement."""
    if iterations <= 1:
        return 1e-4
    return 1e-3 if iterations <= 5 else 5e-3


def _seeded(network: str, salt: str) -> nn.Module:
    module = NETWORKS[network]()
    fill_seeded(module, network, salt=salt)
    return module
