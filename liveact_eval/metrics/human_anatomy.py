"""Human Anatomy as VBench-2.0 defines it: the share of people, counted in every frame, whose body looks right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics._human_anatomy import RECIPE, anatomy_score
from liveact_eval.metrics._human_judges import find_crops, judged
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Metric, Missing, Output, Rows
from liveact_eval.metrics.registry import register

if TYPE_CHECKING:
    from torch import nn

_DETECTOR = "yolo_world_xl"
_JUDGES = {"human": "anatomy_human", "face": "anatomy_face", "hand": "anatomy_hand"}
_COUNTS = {"people": "people", "abnormal": "abnormal people", "faces": "faces", "hands": "hands"}


@register
class HumanAnatomy(Metric):
    """One minus abnormal people as a share of people, over all frames; mean over clips."""

    name = "human_anatomy"
    outputs = (
        Output(
            name="human_anatomy", title="Human anatomy", direction="up", digits=4, best=1.0, range=(0.0, 1.0)
        ),
        *(
            Output(
                name=f"human_anatomy_{name}",
                title=f"Anatomy: {title}",
                direction="none",
                unit="people" if name == "abnormal" else name,
                digits=1,
                range=(0.0, None),
            )
            for name, title in _COUNTS.items()
        ),
    )
    needs = {"frames": FrameNeed(at_once=4, matrix="bt601")}
    by_name_only = True
    networks = (_DETECTOR, *_JUDGES.values())
    recipe = RECIPE
    summary = (
        "Share of people, counted anew in every frame, none of whose crops (whole, faces, hands) is judged abnormal. 1 "
        "where nobody is seen: read the counts. Papers print it times 100. Only by name: the detector takes tens of "
        "seconds a frame on a processor, and wants a GPU."
    )
    source = "VBench-2.0, vbench2/third_party/ViTDetector (Vchitect/VBench@0204aa5)"

    def features(self, need: str, batch: Batch) -> NDArray[np.float64]:
        """(N, 4) people, abnormal people, faces and hands of each frame."""
        frames = batch.windows[:, 0]
        judges: dict[str, nn.Module] = {label: batch.network(name) for label, name in _JUDGES.items()}
        crops = find_crops(batch.network(_DETECTOR), frames)
        found = anatomy_score(judged(judges, frames, crops)).by_frame
        rows = np.zeros((len(frames), 4))
        for n, counts in found.items():
            rows[n, :2] = counts
        for crop in crops:
            if crop.label != "human":
                rows[crop.frame, 2 if crop.label == "face" else 3] += 1
        return rows

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """The clip's score with its counts, and the share of well people in each frame."""
        table = rows["frames"]
        if not len(table):
            missing = Missing("no_frames")
            return ClipScore(values={output.name: missing for output in self.outputs})
        people, abnormal = table[:, 0].astype(np.float64), table[:, 1].astype(np.float64)
        total = people.sum()
        values: dict[str, float | Missing] = {self.name: float(1 - abnormal.sum() / total) if total else 1.0}
        for column, name in enumerate(_COUNTS):
            values[f"{self.name}_{name}"] = float(table[:, column].sum())
        with np.errstate(invalid="ignore", divide="ignore"):
            curve = np.where(people > 0, 1 - abnormal / people, np.nan)
        return ClipScore(values=values, curves={self.name: curve})
