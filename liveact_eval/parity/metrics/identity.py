"""Replays identity: alignment and ArcFace (`csim.npz`), the grey network and rules of VBench-2.0, their weights."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from liveact_eval.clips.faces import similarity
from liveact_eval.errors import UserError
from liveact_eval.metrics._csim import cosines, template_for
from liveact_eval.metrics._face_crops import grey_faces, whole_pixels
from liveact_eval.metrics._human_fidelity import set_score
from liveact_eval.metrics._human_identity import IdentityScore, identity_score
from liveact_eval.metrics.base import Missing
from liveact_eval.networks import iresnet, resnet_face
from liveact_eval.parity.metrics._moments import check_moments, seeded_with_moments
from liveact_eval.parity.metrics._seeded_manifest import check_seeded_manifest
from liveact_eval.parity.run import attempt
from liveact_eval.parity.vectors import FileResult, VectorFile

NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "iresnet50": iresnet.build_iresnet50,
    "resnet_face18": resnet_face.build_resnet_face18,
}
"""By tag in the rule of seeded weights."""

TEMPLATE = 1e-4
MATRIX = 1e-3
FEATURES = 1e-3
COSINE = 1e-4
GREY = 1e-3
COUNTS = 1e-12


def replay(folder: Path, salt: str) -> Iterator[FileResult]:
    """Replay the files of this family that the folder holds, one result each."""
    for network, build in NETWORKS.items():
        for name, check in (
            (f"{network}_manifest.json", functools.partial(_manifest, network=network, salt=salt)),
            (f"{network}_bn.safetensors", _moments),
        ):
            if (folder / name).is_file():
                yield attempt(name, functools.partial(check, folder, name, build))
    for name, replay_one in (
        ("csim.npz", functools.partial(_csim, salt=salt)),
        ("vbench2_face18.npz", functools.partial(_grey_faces, salt=salt)),
        ("vbench2_identity.npz", _rules),
    ):
        if (folder / name).is_file():
            yield attempt(name, functools.partial(replay_one, folder, name))


def _manifest(folder: Path, name: str, build: Callable[[], nn.Module], network: str, salt: str) -> FileResult:
    with torch.device("meta"):
        module = build()
    return check_seeded_manifest(folder, name, module, network, salt)


def _moments(folder: Path, name: str, build: Callable[[], nn.Module]) -> FileResult:
    with torch.device("meta"):
        module = build()
    return check_moments(folder, name, module)


def _csim(folder: Path, name: str, salt: str) -> FileResult:
    vectors = VectorFile(folder, name)
    for key in vectors:
        if match := re.fullmatch(r"template(\d+)", key):
            vectors.check(key, torch.from_numpy(template_for(int(match[1]))).float(), TEMPLATE)
        elif match := re.fullmatch(r"matrix(_\w+?)?(\d*)", key):
            points = vectors.read(f"landmarks{match[1] or ''}").double().numpy()
            made = similarity(points.reshape(-1, *points.shape[-2:]), template_for(int(match[2] or 112)))
            vectors.check(key, torch.from_numpy(made).view_as(vectors.peek(key)), MATRIX)
        elif key.startswith("aligned_") and vectors.read(key).shape[-3:] != (iresnet.SIDE, iresnet.SIDE, 3):
            raise UserError(f"{name}: {key} is {list(vectors.peek(key).shape)}, expected (..., 112, 112, 3)")
    if "iresnet50_emb" in vectors:
        network = iresnet.build_iresnet50()
        seeded_with_moments(folder, network, "iresnet50", salt)
        found = iresnet.embed(network, vectors.read("aligned_frames_rgb_u8"))
        vectors.check("iresnet50_emb", found, FEATURES)
        like = torch.from_numpy(cosines(found.numpy(), found[0].numpy()))
        vectors.check("iresnet50_cos_to_first", like, COSINE)
    return vectors.result()


def _grey_faces(folder: Path, name: str, salt: str) -> FileResult:
    vectors = VectorFile(folder, name)
    network = resnet_face.build_resnet_face18()
    seeded_with_moments(folder, network, "resnet_face18", salt)
    found: dict[int, Tensor] = {}
    for key in vectors:
        if match := re.fullmatch(r"face(\d+)_u8", key):
            frame = vectors.read(key)
            height, width = frame.shape[:2]
            box = whole_pixels(torch.tensor([[0, 0, width, height]]), (width, height))
            found[int(match[1])] = resnet_face.embed(network, grey_faces(frame[None], box))[0]
            vectors.check(f"feat{match[1]}", found[int(match[1])], GREY)
    # Of the compared faces only some are in the file: the others keep their stored values.
    likeness = vectors.peek("similarity_to_first")
    for index, vector in found.items():
        likeness[index] = float(cosines(vector[None].numpy(), found[0].numpy())[0])
    vectors.check("similarity_to_first", likeness, GREY)
    return vectors.result()


def _rules(folder: Path, name: str) -> FileResult:
    vectors = VectorFile(folder, name)
    cases = sorted(int(match[1]) for key in vectors if (match := re.fullmatch(r"p(\d+)_feats", key)))
    scores: list[IdentityScore] = [
        identity_score(vectors.read(f"p{case}_feats").numpy(), vectors.read(f"p{case}_nfaces").numpy())
        for case in cases
    ]
    valid = [score for score in scores if not isinstance(score.value, Missing)]
    per_video = [-1.0 if isinstance(score.value, Missing) else score.value for score in scores]
    mean = set_score([score.value for score in scores]).value
    by_frame = sum(score.consistent for score in valid) / max(1, sum(score.counted for score in valid))
    for key, ours in (
        ("per_video", per_video),
        ("final", np.nan if isinstance(mean, Missing) else mean),
        ("frame_weighted", by_frame),
    ):
        vectors.check(key, torch.tensor(ours, dtype=torch.float64), COUNTS)
    return vectors.result()
