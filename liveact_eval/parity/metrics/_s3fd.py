"""The face detector in `networks.npz`: maps of a seeded network, anchors, decoding, suppression."""

from __future__ import annotations

import torch
from torch import Tensor

from liveact_eval.networks.s3fd import CLASSES, MAX_FACES, anchors, build_s3fd, decode, normalise, suppress
from liveact_eval.networks.seeded import fill_seeded
from liveact_eval.parity.vectors import VectorFile

NETWORK = "s3fd"
"""Tag in the rule of seeded weights."""
MAP_TOLERANCE = 1e-2
"""Of the maps, as a share of their standard deviation."""
BOX_TOLERANCE = 1e-5


def replay_s3fd(vectors: VectorFile, salt: str) -> None:
    """Replay the keys `s3fd_*` and `nms_*` of a file, as many maps and overlaps as there are.

    Raises:
        UserError: an input is missing.
    """
    if any(key.startswith("s3fd_") for key in vectors):
        _check_network(vectors, salt)
    for key in vectors:
        if key.startswith("nms_keep_"):
            boxes = vectors.read("nms_boxes")
            vectors.check(key, suppress(boxes[:, :4], boxes[:, 4], float(key.removeprefix("nms_keep_"))), 0.0)


def _check_network(vectors: VectorFile, salt: str) -> None:
    network = build_s3fd()
    fill_seeded(network, NETWORK, salt=salt)
    picture = vectors.read("s3fd_input_rgb_u8")
    with torch.inference_mode():
        maps = network(normalise(picture[None]))
    for index, (boxes, classes) in enumerate(zip(maps.boxes, maps.classes, strict=True)):
        _check_map(vectors, f"s3fd_loc{index}", boxes)
        _check_map(vectors, f"s3fd_conf{index}", classes)
    sizes = [(boxes.shape[2], boxes.shape[3]) for boxes in maps.boxes]
    priors = anchors((picture.shape[0], picture.shape[1]), sizes)
    shown = vectors.peek("s3fd_priors_head").shape[0]
    vectors.check("s3fd_priors_shape", torch.tensor(priors.shape), 0.0)
    vectors.check("s3fd_priors_head", priors[:shown], BOX_TOLERANCE)
    vectors.check("s3fd_priors_sum", priors.double().sum(dim=0), BOX_TOLERANCE)
    vectors.check("s3fd_det_shape", torch.tensor([1, CLASSES, MAX_FACES, 5]), 0.0)
    boxes_out = decode(vectors.read("s3fd_decode_loc"), vectors.read("s3fd_decode_priors"))
    vectors.check("s3fd_decode_out", boxes_out, BOX_TOLERANCE)


def _check_map(vectors: VectorFile, key: str, ours: Tensor) -> None:
    spread = float(vectors.peek(key).std(correction=0))
    vectors.check(key, ours, MAP_TOLERANCE * spread)
