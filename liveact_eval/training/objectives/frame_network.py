"""The frame network of the mini tier on drawn faces: who it is, how the mouth stands, and how bad the picture is.

Identity and mouth must not change when a picture gets softer, noisier or another background: each picture is shown as
it was drawn and once more degraded, and both must give the same. Features for FID must change then: kind and strength
of the degradation are read off them. What reads them is thrown away afterwards.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from liveact_eval.datasets.talkers import EMOTIONS
from liveact_eval.errors import UserError
from liveact_eval.metrics._network_batches import device_of
from liveact_eval.networks.mini_frame import FEATURES, FrameReading, MiniFrame, to_mini_frames
from liveact_eval.networks.seeded import calibrate
from liveact_eval.training.degradations import DEGRADATIONS, degrade
from liveact_eval.training.draws import generator_of
from liveact_eval.training.objectives.base import Batch, Losses, Objective
from liveact_eval.training.objectives.configs import FrameNetworkChoice
from liveact_eval.training.objectives.frame_validation import validate_frame_network
from liveact_eval.training.recipe import DataConfig
from liveact_eval.training.talker_samples import TalkerSamples

THUMBNAIL = 4
"""Side of the small picture that must be readable from the features, so that these see colours."""
_STANDARD = 64
"""Samples of training speakers from which the moments of the features are taken."""
_POSE_SCALE = (1.0, 1.0, 1.5, 4.5, 3.5)
"""Usual size of x and y in pixels of 64, and of roll, yaw and pitch in degrees."""
_AROUND = (0.35, 0.6, 0.35, 0.1)
"""How much wider than the face a head with its hair is: left, top, right and bottom, in sides of the face box."""


class FrameNetworkObjective(Objective):
    """Trains the network with readers on top.

    Args:
        choice: weights of the parts of the loss.
        views: clips of one speaker in a sample.

    Raises:
        UserError: a sample has one clip of its speaker, so that there is nothing to compare.
    """

    def __init__(self, choice: FrameNetworkChoice, views: int) -> None:
        if views < 2:
            raise UserError(
                f"data.views is {views}; who a speaker is can only be learnt from 2 or more. Set data.views to 2."
            )
        self._choice = choice
        self.network = MiniFrame()
        self._readers = nn.ModuleDict(
            {
                "emotion": nn.Linear(FEATURES, len(EMOTIONS)),
                "state": nn.Linear(FEATURES, 1 + len(_POSE_SCALE)),
                "thumbnail": nn.Linear(FEATURES, 3 * THUMBNAIL**2),
                "kind": nn.Linear(FEATURES, 1 + len(DEGRADATIONS)),
                "strength": nn.Linear(FEATURES, 1),
            }
        )
        self._learner = nn.ModuleDict({"network": self.network, "readers": self._readers})

    def players(self) -> Mapping[str, nn.Module]:
        """One: network and readers."""
        return {"frame": self._learner}

    def loss(self, player: str, batch: Batch, draws: torch.Generator) -> Losses:
        """Of all pictures of a batch, as they are and degraded."""
        choice = self._choice
        pictures = to_mini_frames(batch["frames"].flatten(0, 1))
        moved = in_front_of_others(pictures, head_masks(batch), draws, choice.background_share)
        worse, kinds, strengths = degrade(moved, draws)
        seen: FrameReading = self.network(torch.cat([pictures, worse]))
        features = seen.features.float()

        mouth = (seen.mouth.float() - batch["mouth"].flatten(0, 1).repeat(2, 1)).square().mean()
        speakers = batch["speaker"].repeat_interleave(batch["mouth"].shape[1]).repeat(2)
        identity = same_speaker_loss(seen.identity, speakers, choice.temperature)
        # Number 0 is a picture as it was drawn.
        kind_logits = self._readers["kind"](features)
        true_kinds = torch.cat([torch.zeros_like(kinds), kinds + 1])
        kind = F.cross_entropy(kind_logits, true_kinds)
        true_strengths = torch.cat([torch.zeros_like(strengths), strengths])
        strength = (self._readers["strength"](features)[:, 0] - true_strengths).square().mean()
        shown = self._shown(features, batch, torch.cat([pictures, worse]))
        total = (
            choice.mouth_weight * mouth
            + choice.identity_weight * identity
            + choice.quality_weight * (kind + strength)
            + choice.content_weight * shown
        )
        right = (kind_logits.argmax(dim=1) == true_kinds).float().mean()
        parts = {
            "mouth": mouth,
            "identity": identity,
            "degradation": kind,
            "strength": strength,
            "shown": shown,
        }
        return Losses(total, parts | {"kinds_right": right})

    def _shown(self, features: Tensor, batch: Batch, pictures: Tensor) -> Tensor:
        """How badly expression, blink, pose and colours can be read off the features."""
        emotion = F.cross_entropy(self._readers["emotion"](features), batch["emotion"].flatten().repeat(2))
        size = batch["frames"].shape[-2]
        pose = batch["pose"].flatten(0, 1)
        centred = torch.cat([(pose[:, :2] / size - 0.5) * 64, pose[:, 2:]], dim=1)
        scaled = centred / pose.new_tensor(_POSE_SCALE)
        state = torch.cat([batch["blink"].flatten()[:, None], scaled], dim=1).repeat(2, 1)
        colours = F.adaptive_avg_pool2d(pictures, THUMBNAIL).flatten(1)
        return (
            emotion
            + (self._readers["state"](features) - state).square().mean()
            + (self._readers["thumbnail"](features) - colours).square().mean()
        )

    def validate(self) -> Mapping[str, float]:
        """See `validate_frame_network`."""
        return validate_frame_network(self._standardised())

    def results(self) -> Mapping[str, nn.Module]:
        """The network without its readers."""
        return {"frame": self._standardised()}

    def _standardised(self) -> MiniFrame:
        """A copy whose features have mean 0 and deviation 1 on training pictures: averaged weights have other moments
        than the latest ones, which run along."""
        samples = TalkerSamples(DataConfig(frames=1, views=2), _STANDARD)
        frames = torch.cat([samples[index]["frames"] for index in range(_STANDARD)])
        pictures = to_mini_frames(frames.to(device_of(self.network)))
        made = copy.deepcopy(self.network).eval()
        calibrate(made, torch.cat([pictures, degrade(pictures, generator_of(_STANDARD))[0]]))
        return made


def head_masks(batch: Batch) -> Tensor:
    """Where the heads of a batch are, hair included: (N, 1, 64, 64) of 0 and 1, for its N pictures."""
    boxes = batch["face_box"].flatten(0, 1) * (64 / batch["frames"].shape[-2])
    sides = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)
    wide = boxes + boxes.new_tensor([-1.0, -1.0, 1.0, 1.0]) * boxes.new_tensor(_AROUND) * sides
    places = torch.arange(64, device=boxes.device) + 0.5
    inside = [(places >= wide[:, low, None]) & (places <= wide[:, low + 2, None]) for low in (0, 1)]
    return (inside[1][:, :, None] & inside[0][:, None, :]).float()[:, None]


def in_front_of_others(pictures: Tensor, masks: Tensor, draws: torch.Generator, share: float) -> Tensor:
    """Pictures (N, 3, H, W) of which a share has the surroundings of another one.

    Each drawn speaker has a background and a shirt; without this, these alone would tell who it is.
    """
    others = pictures[torch.randperm(len(pictures), generator=draws).to(pictures.device)]
    chosen = (torch.rand(len(pictures), generator=draws) < share).view(-1, 1, 1, 1).to(pictures.device)
    return torch.where(chosen & (masks == 0), others, pictures)


def same_speaker_loss(identity: Tensor, speakers: Tensor, temperature: float) -> Tensor:
    """Supervised contrastive loss: cross-entropy of telling the same speaker's pictures from all others.

    Source: Khosla et al., NeurIPS 2020, equation 2.

    Args:
        identity: (N, D) of length 1.
        speakers: (N,) who each is; everybody is there at least twice.
        temperature: cosines are divided by it.
    """
    itself = torch.eye(len(identity), dtype=torch.bool, device=identity.device)
    logits = (identity @ identity.T / temperature).masked_fill(itself, -torch.inf)
    same = (speakers[:, None] == speakers) & ~itself
    log_shares = logits.log_softmax(dim=1).masked_fill(~same, 0.0)
    return -(log_shares.sum(dim=1) / same.sum(dim=1)).mean()
