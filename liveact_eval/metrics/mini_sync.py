"""Lip sync of drawn clips, by the SyncNet that this project trained on talkers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics.base import ClipContext, ClipScore, Rows
from liveact_eval.metrics.registry import register
from liveact_eval.metrics.sync import COUNTED_FRAMES, SOUND, SyncMetric, sync_outputs

_OUTPUTS = tuple(
    replace(output, title=f"{output.title} (mini)")
    for output in sync_outputs("mini_sync", "Sync")
    # The network sees a fixed part of each picture, so that all of a clip is covered.
    if not output.name.endswith(("_coverage", "_d_zero"))
)


@register
class MiniSync(SyncMetric):
    """The scores of `Sync` with another network: whole pictures of 64x64, of which it sees where mouths are drawn."""

    name = prefix = "mini_sync"
    outputs = _OUTPUTS
    networks = ("mini_syncnet",)
    # No box of the script: it would follow the mouth that should be there, whatever the video shows.
    needs = {"mouths": FrameNeed(size=(64, 64), window=COUNTED_FRAMES, at_once=32), "sound": SOUND}
    recipe = "mini-syncnet@1"
    summary = (
        "Lip sync of drawn clips by this project's own small SyncNet: distance between mouth and sound at the best "
        "shift (D), how clearly that shift stands out (C), and the shift (positive: the sound comes earlier than the "
        "mouth). Compares with itself only, not with Sync-C and Sync-D of papers. Needs talkers."
    )
    source = "this project, after Chung and Zisserman, ACCV workshops 2016"
    truth = True

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """Scores of the clip, as far as this metric gives them."""
        whole = super().score(rows, clip)
        wanted = {output.name for output in self.outputs}
        return replace(whole, values={name: value for name, value in whole.values.items() if name in wanted})
