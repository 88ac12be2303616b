"""Live-Avatar's timestep forcing (2025): at every step, the past at that same step, in a ring, behind a reference.

As in Neighbor Forcing nothing clean is computed. A ring of latent frames per step bounds the past; the reference
picture is looked at from some positions ahead of the block, a distance that the official program draws anew for
every model call (here from the video's seed). After some blocks the first generated frame takes the reference's
place. The official condition also holds packed motion frames of a preceding clip, which an avatar that begins with
a picture has not.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from liveact_eval.liveact.errors import LiveActError
from liveact_eval.rollouts.strategy import REFERENCE, Entry, Look, Pass, Seen, Strategy, flat

if TYPE_CHECKING:
    from liveact_eval.rollouts.draws import FrameDraws

_OWN = -1
"""Step under which the reference is kept: that of no denoising step."""


@dataclass(frozen=True, kw_only=True)
class LiveAvatarConfig:
    """What can be chosen; the defaults are published."""

    block: int = 3
    """Latent frames of a block."""
    levels: tuple[float, ...] = (1000.0, 858.0, 602.0, 9.0)
    """Timesteps of the Euler steps; the official scheduler's, rounded."""
    ring: int = 12
    """Latent frames per step, the block's own included."""
    distance: tuple[int, int] = (4, 30)
    """Smallest and largest distance of the reference from the first frame of the block, drawn for each pass."""
    replace_after: int | None = 4
    """Blocks after which the first generated frame becomes the reference (a clip of 48 video frames); `None`: never."""

    def __post_init__(self) -> None:
        if self.ring < self.block or not 0 < self.distance[0] <= self.distance[1]:
            raise LiveActError(
                f"ring {self.ring}, distance {self.distance}: expected a ring of a block ({self.block}) or more, and "
                "two distances above 0, the smaller first"
            )
        if self.replace_after is not None and self.replace_after < 1:
            raise LiveActError(
                f"replace_after {self.replace_after}: expected 1 or more, once there is a generated frame"
            )


class LiveAvatar(Strategy):
    """Timestep forcing."""

    solver = "euler"

    def __init__(self, config: LiveAvatarConfig | None = None) -> None:
        self.config = config or LiveAvatarConfig()
        # Two of the reference: the new one is written before the old one goes.
        self.slots = len(self.config.levels) * self.config.ring + 2
        self._draws: FrameDraws | None = None

    def draw_from(self, draws: FrameDraws) -> None:
        """Where distances of the reference come from."""
        self._draws = draws

    def emit(self, block: int) -> range:
        """The frames of a block."""
        return range(block * self.config.block, (block + 1) * self.config.block)

    def levels(self, turn: int) -> tuple[Pass, ...]:
        """The reference, where there is another one, and the steps of the block."""
        frames, levels = self.emit(turn), self.config.levels
        passes = [
            Pass(
                purpose="denoise",
                frames=tuple(frames),
                timesteps=flat(frames, level),
                following=flat(frames, after),
            )
            for level, after in zip(levels, (*levels[1:], 0.0), strict=True)
        ]
        if turn in (0, self.config.replace_after):
            reference = self._reference(turn).frame
            passes.insert(0, Pass(purpose="reference", frames=(reference,), timesteps=(0.0,)))
        return tuple(passes)

    def context(self, turn: int, step: int) -> Look:
        """The reference ahead of the block, then the ring of this step."""
        part = self.levels(turn)[step]
        if part.purpose == "reference":
            return Look((self.config.distance[1],))
        start, own = part.frames[0], self._step(turn, step)
        past = (Seen(Entry(f, own), f) for f in self._ring(start))
        reference = Seen(self._reference(turn), start + self._distance(start), "reference")
        return Look(part.frames, (reference, *past))

    def write(self, turn: int, step: int) -> tuple[Entry, ...]:
        """The block as it is at this step."""
        part = self.levels(turn)[step]
        if part.purpose == "reference":
            return (self._reference(turn),)
        return tuple(Entry(f, self._step(turn, step)) for f in part.frames)

    def keep(self, turn: int) -> Collection[Entry] | None:
        """The reference, and of each step's ring what the next block does not write over."""
        ring = self._ring(self.emit(turn).stop)
        steps = range(len(self.config.levels))
        return {self._reference(turn), *(Entry(f, step) for f in ring for step in steps)}

    def oldest(self, turn: int) -> int:
        """The first frame is needed until it becomes the reference."""
        after = self.config.replace_after
        return 0 if after is not None and turn < after else self.emit(turn).stop

    def _reference(self, turn: int) -> Entry:
        after = self.config.replace_after
        return Entry(REFERENCE if after is None or turn < after else 0, _OWN)

    def _step(self, turn: int, step: int) -> int:
        return step - (turn in (0, self.config.replace_after))

    def _ring(self, start: int) -> range:
        return range(max(0, start - (self.config.ring - self.config.block)), start)

    def _distance(self, frame: int) -> int:
        low, high = self.config.distance
        return low if low == high or self._draws is None else self._draws.integer("place", frame, low, high)
