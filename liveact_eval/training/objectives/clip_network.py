"""The clip network of the mini tier on drawn windows of 16 frames: how things move, and what was done to time.

Each window is shown as it was drawn, forwards or backwards, and once more changed in time. From the features of the
former it must be read how mouth and head move, which way among it; from those of both, what was done and how much.
What reads them is thrown away afterwards.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from liveact_eval.datasets.talkers import ACTIONS, EMOTIONS, Split
from liveact_eval.metrics._network_batches import device_of
from liveact_eval.networks.mini_clip import AT_ONCE, FEATURES, WINDOW, MiniClip, to_mini_clips
from liveact_eval.networks.seeded import calibrate
from liveact_eval.training.devices import moved
from liveact_eval.training.draws import generator_of
from liveact_eval.training.objectives.base import Batch, Losses, Objective
from liveact_eval.training.objectives.configs import ClipNetworkChoice
from liveact_eval.training.objectives.frame_validation import correlation
from liveact_eval.training.recipe import DataConfig
from liveact_eval.training.talker_samples import TalkerSamples
from liveact_eval.training.time_changes import TIME_CHANGES, change_time

THUMBNAIL = 4
"""Side of the small picture that must be readable from the features, so that these see colours."""
_VALIDATED = 96
"""Windows of test speakers."""
_STANDARD = 48
"""Windows of training speakers from which the moments of the features are taken."""
_MOUTH_SPEED = 0.1
"""Usual change of the mouth's opening from frame to frame."""
_POSE_WAY = (0.6, 0.4, 0.8, 3.5, 2.5)
"""Usual way that x and y go within a window, in pixels of 64, and that roll, yaw and pitch turn, in degrees."""
_POSE_SPEED = (0.06, 0.04, 0.1, 0.8, 0.8)
"""The same from frame to frame."""
_MOTION = 2 + 2 * len(_POSE_WAY)


class Shown(NamedTuple):
    """Windows as they are played, forwards or backwards."""

    clips: Tensor
    """(N, 3, 16, 64, 64) in -1..1."""
    motion: Tensor
    """(N, 12): speed of the mouth, mean blink, way and speed of the head, each in its usual size."""
    opening: Tensor
    """(N,) mean opening of the mouth."""


class ClipNetworkObjective(Objective):
    """Trains the network with readers on top.

    Args:
        choice: weights of the parts of the loss.
    """

    def __init__(self, choice: ClipNetworkChoice) -> None:
        self._choice = choice
        self.network = MiniClip()
        self._readers = nn.ModuleDict(
            {
                "motion": nn.Linear(FEATURES, _MOTION),
                "kind": nn.Linear(FEATURES, 1 + len(TIME_CHANGES)),
                "strength": nn.Linear(FEATURES, 1),
                "emotion": nn.Linear(FEATURES, len(EMOTIONS)),
                "action": nn.Linear(FEATURES, len(ACTIONS)),
                "opening": nn.Linear(FEATURES, 1),
                "thumbnail": nn.Linear(FEATURES, 3 * THUMBNAIL**2),
            }
        )
        self._learner = nn.ModuleDict({"network": self.network, "readers": self._readers})

    def players(self) -> Mapping[str, nn.Module]:
        """One: network and readers."""
        return {"clip": self._learner}

    def loss(self, player: str, batch: Batch, draws: torch.Generator) -> Losses:
        """Of all windows of a batch, as they are played and changed in time."""
        choice = self._choice
        backwards = torch.rand(len(batch["frames"]), generator=draws) < choice.reversed_share
        shown = played(batch, backwards.to(batch["frames"].device))
        changed, kinds, strengths = change_time(shown.clips, draws)
        features = self.network(torch.cat([shown.clips, changed])).float()
        plain = features[: len(shown.clips)]
        # Number 0 is a window as it was drawn.
        kind_logits = self._readers["kind"](features)
        true_kinds = torch.cat([torch.zeros_like(kinds), kinds + 1])
        kind = F.cross_entropy(kind_logits, true_kinds)
        true_strengths = torch.cat([torch.zeros_like(strengths), strengths])
        strength = (self._readers["strength"](features)[:, 0] - true_strengths).square().mean()
        motion = (self._readers["motion"](plain) - shown.motion).square().mean()
        colours = F.adaptive_avg_pool2d(shown.clips.mean(dim=2), THUMBNAIL).flatten(1)
        content = (
            F.cross_entropy(self._readers["emotion"](plain), batch["emotion"][:, 0])
            + F.cross_entropy(self._readers["action"](plain), batch["action"][:, 0])
            + (self._readers["opening"](plain)[:, 0] - shown.opening).square().mean()
            + (self._readers["thumbnail"](plain) - colours).square().mean()
        )
        total = (
            choice.motion_weight * motion
            + choice.change_weight * (kind + strength)
            + choice.content_weight * content
        )
        right = (kind_logits.argmax(dim=1) == true_kinds).float().mean()
        parts = {"motion": motion, "change": kind, "strength": strength, "content": content}
        return Losses(total, parts | {"kinds_right": right})

    @torch.no_grad()
    def validate(self) -> Mapping[str, float]:
        """What can be read of windows of test speakers.

        Returns:
            `mouth_speed_correlation` and `turn_correlation` (signed way of the yaw, half of the windows backwards);
            `emotions_right`, and `kinds_right` of windows of which half are changed; `KIND_found` for each change.
        """
        network = self._standardised()
        device = device_of(network)
        batch = moved(_windows(_VALIDATED, "test"), device)
        numbers = torch.arange(_VALIDATED, device=device)
        shown = played(batch, numbers % 2 == 1)
        kinds = numbers % len(TIME_CHANGES)
        changed, _, _ = change_time(shown.clips, generator_of(_VALIDATED), kinds)
        plain, worse = (_features(network, clips) for clips in (shown.clips, changed))
        motion = self._readers["motion"](plain)
        emotions = self._readers["emotion"](plain).argmax(dim=1)
        untouched = self._readers["kind"](plain).argmax(dim=1) == 0
        named = self._readers["kind"](worse).argmax(dim=1) == kinds + 1
        found = {
            "mouth_speed_correlation": correlation(motion[:, 0], shown.motion[:, 0]),
            "turn_correlation": correlation(motion[:, 5], shown.motion[:, 5]),
            "emotions_right": float((emotions == batch["emotion"][:, 0]).float().mean()),
            "kinds_right": float(torch.cat([untouched, named]).float().mean()),
        }
        of_kind = {name: named[kinds == index] for index, name in enumerate(TIME_CHANGES)}
        return found | {f"{name}_found": float(right.float().mean()) for name, right in of_kind.items()}

    def results(self) -> Mapping[str, nn.Module]:
        """The network without its readers."""
        return {"clip": self._standardised()}

    def _standardised(self) -> MiniClip:
        """A copy whose features have mean 0 and deviation 1 on training windows: averaged weights have other moments
        than the latest ones, which run along."""
        clips = to_mini_clips(_windows(_STANDARD, "train")["frames"].to(device_of(self.network)))
        made = copy.deepcopy(self.network).eval()
        calibrate(made, torch.cat([clips, change_time(clips, generator_of(_STANDARD))[0]]))
        return made


def _windows(count: int, split: Split) -> Batch:
    samples = TalkerSamples(DataConfig(frames=WINDOW), count, split)
    drawn = [samples[index] for index in range(count)]
    return {name: torch.stack([sample[name] for sample in drawn]) for name in drawn[0]}


def _features(network: MiniClip, clips: Tensor) -> Tensor:
    return torch.cat([network(part) for part in clips.split(AT_ONCE)])


def played(batch: Batch, backwards: Tensor) -> Shown:
    """The windows of a batch and how things move in them.

    Args:
        batch: see `TalkerSamples`.
        backwards: (N,) whether a window is played from its end.
    """
    (count, frames), device = batch["frames"].shape[:2], batch["frames"].device
    forwards = torch.arange(frames, device=device).expand(count, -1)
    order = torch.where(backwards[:, None], forwards.flip(1), forwards)
    rows = torch.arange(count, device=device)[:, None]
    mouth, pose = batch["mouth"][rows, order, 0], batch["pose"][rows, order]
    # Places are told in pixels of the picture as it was drawn; angles are angles.
    pixels = 64 / batch["frames"].shape[-2]
    pose = pose * pose.new_tensor([pixels, pixels, 1.0, 1.0, 1.0])
    mouth_speed = mouth.diff(dim=1).abs().mean(dim=1) / _MOUTH_SPEED
    way = (pose[:, -1] - pose[:, 0]) / pose.new_tensor(_POSE_WAY)
    speed = pose.diff(dim=1).abs().mean(dim=1) / pose.new_tensor(_POSE_SPEED)
    motion = torch.cat([mouth_speed[:, None], batch["blink"].mean(dim=1)[:, None], way, speed], dim=1)
    return Shown(to_mini_clips(batch["frames"][rows, order]), motion, mouth.mean(dim=1))
