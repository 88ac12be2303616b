"""AvatarForcing, B_{L,N} (2026): a window with a look ahead, between a style and a temporal anchor.

The style anchor is the encoded reference picture, latent frame 0 of the video: its keys and values are computed
once, hearing silence, and stand right before the frames that the window looks at. The temporal anchor are the
finished frames behind the window, two of them in the released model. Beside every latent frame stands the picture
itself; the mask says of frame 0 alone that it is the picture.

The released model needs 12 latent frames (48 video frames) of speech ahead; the paper's 0.48 s counts B as video
frames. It also hears one video frame later than LiveAct does; speech is lined up as in LiveAct here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from liveact_eval.rollouts.strategy import FirstAudio, Shown, uniform_levels, warp
from liveact_eval.rollouts.windows import SlidingWindow, WindowConfig

RELEASED_LEVELS = (1000.0, warp(800), warp(400), warp(200))
"""1000, 952.4, 769.2, 555.6: four of the five levels of Rolling Forcing."""


@dataclass(frozen=True, kw_only=True)
class AvatarForcingConfig:
    """What can be chosen; the defaults are those of the released model."""

    block: int = 4
    """Latent frames of a block (B)."""
    window: int = 4
    """Blocks of a full window (L); 1 looks at nothing ahead."""
    passes: int = 1
    """Joint passes per slide (N)."""
    levels: tuple[float, ...] | None = None
    """L x N timesteps; `None`: those released for four, else evenly spaced labels under shift 5."""
    cache_frames: int = 7
    """Room of the cache: style anchor, temporal anchor, and one block."""
    style_anchor: bool = True
    """Whether the picture is looked at."""
    temporal_anchor: bool = True
    """Whether finished frames behind the window are looked at."""
    anchor_audio: Literal["silence", "heard"] = "silence"
    """What the picture hears."""
    reindex: bool = True
    """Whether the style anchor moves with the window; else it stays at position 0."""

    @property
    def grid(self) -> tuple[float, ...]:
        """Timesteps that a block goes through."""
        count = self.window * self.passes
        if self.levels is not None:
            return self.levels
        return RELEASED_LEVELS if count == len(RELEASED_LEVELS) else uniform_levels(count)

    def as_window(self) -> WindowConfig:
        """Sizes of the window. The budget is that of the released code: a full window and nine frames."""
        return WindowConfig(
            block=self.block,
            window=self.window,
            passes=self.passes,
            levels=self.grid,
            sink_frames=int(self.style_anchor),
            cache_frames=self.cache_frames - int(not self.style_anchor),
            budget_frames=self.block * self.window + 9,
            prefix=True,
            reindex=self.reindex,
            working=self.temporal_anchor,
        )


class AvatarForcing(SlidingWindow):
    """The window between two anchors."""

    sink_role = "anchor"

    def __init__(self, config: AvatarForcingConfig | None = None) -> None:
        self.chosen = config or AvatarForcingConfig()
        super().__init__(self.chosen.as_window())
        self.first_audio: FirstAudio = self.chosen.anchor_audio

    def condition(self, turn: int, frame: int) -> Shown:
        """The picture beside every frame; known of the first alone."""
        del turn
        return Shown(0, known=frame == 0)
