"""Who a speaker is: colours, shapes and voice, and the words that describe them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from liveact_eval.datasets.talkers.seeds import pick, random_stream
from liveact_eval.datasets.talkers.shapes import Rgb, mix

Beard = Literal["none", "stubble", "full"]
HairStyle = Literal["bald", "cropped", "short", "side-parted", "bob", "long", "curly", "bun"]

_SKIN: tuple[Rgb, ...] = (
    (0.98, 0.85, 0.76),
    (0.95, 0.79, 0.67),
    (0.90, 0.71, 0.57),
    (0.80, 0.60, 0.45),
    (0.68, 0.47, 0.34),
    (0.56, 0.38, 0.28),
)
_HAIR: dict[str, Rgb] = {
    "black": (0.235, 0.215, 0.245),
    "dark brown": (0.31, 0.21, 0.17),
    "brown": (0.46, 0.29, 0.18),
    "blond": (0.87, 0.70, 0.42),
    "red": (0.68, 0.29, 0.14),
    "grey": (0.63, 0.62, 0.63),
    "white": (0.90, 0.89, 0.87),
}
_EYES: tuple[Rgb, ...] = (
    (0.33, 0.20, 0.11),
    (0.25, 0.15, 0.09),
    (0.26, 0.44, 0.62),
    (0.31, 0.48, 0.31),
    (0.45, 0.47, 0.50),
)
_SHIRT: dict[str, Rgb] = {
    "blue": (0.24, 0.42, 0.72),
    "navy": (0.17, 0.22, 0.40),
    "red": (0.80, 0.25, 0.26),
    "green": (0.26, 0.56, 0.40),
    "yellow": (0.95, 0.76, 0.27),
    "orange": (0.92, 0.52, 0.23),
    "purple": (0.50, 0.34, 0.64),
    "pink": (0.92, 0.55, 0.64),
    "teal": (0.16, 0.53, 0.56),
    "white": (0.94, 0.94, 0.93),
    "grey": (0.50, 0.53, 0.57),
}
_BACKGROUND: tuple[tuple[Rgb, Rgb], ...] = (
    ((0.73, 0.85, 0.91), (0.49, 0.67, 0.79)),
    ((0.97, 0.88, 0.77), (0.91, 0.71, 0.56)),
    ((0.80, 0.89, 0.80), (0.53, 0.70, 0.61)),
    ((0.88, 0.84, 0.93), (0.65, 0.60, 0.80)),
    ((0.97, 0.84, 0.84), (0.85, 0.60, 0.63)),
    ((0.93, 0.92, 0.88), (0.74, 0.72, 0.67)),
    ((0.45, 0.56, 0.66), (0.25, 0.34, 0.46)),
    ((0.42, 0.60, 0.59), (0.22, 0.39, 0.42)),
    ((0.99, 0.91, 0.68), (0.93, 0.74, 0.42)),
)
_STYLES: dict[HairStyle, float] = {
    "bald": 0.05,
    "cropped": 0.09,
    "short": 0.18,
    "side-parted": 0.15,
    "bob": 0.15,
    "long": 0.16,
    "curly": 0.13,
    "bun": 0.09,
}
_LIGHT_SKIN_HAIR = {
    "black": 0.16, "dark brown": 0.25, "brown": 0.24, "blond": 0.15, "red": 0.1, "grey": 0.06, "white": 0.04,
}  # fmt: skip
_DARK_SKIN_HAIR = {"black": 0.6, "dark brown": 0.3, "grey": 0.07, "white": 0.03}


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Appearance of one speaker. Lengths are in picture units (half the picture side)."""

    skin: Rgb
    hair: Rgb
    hair_word: str
    style: HairStyle
    eyes: Rgb
    shirt: Rgb
    shirt_word: str
    striped: bool
    neckline: Literal["round", "deep", "collar"]
    background: tuple[Rgb, Rgb]
    bokeh: tuple[tuple[float, float, float], ...]
    """Soft discs of the background: x, y, radius."""
    glasses: Literal["none", "round", "square"]
    beard: Beard
    face_width: float
    """Half width of the face at the eyes."""
    face_height: float
    """From the eye line to the chin, mouth closed."""
    jaw: float
    """Above 0 for a square jaw, below 0 for a pointed one."""
    eye_distance: float
    eye_size: float
    brow_thickness: float
    nose_width: float
    lip_fullness: float
    part_side: float
    """-1 or 1: where hair is parted."""
    blush: float

    @property
    def description(self) -> str:
        """Words for hair, beard, glasses and clothes, such as `short brown hair and a blue shirt`."""
        if self.style == "bald":
            parts = ["a bald head"]
        else:
            words = {"bob": "chin-length", "bun": "tied-up"}.get(self.style, self.style)
            parts = [f"{words} {self.hair_word} hair"]
        if self.beard != "none":
            parts.append(f"{'a short' if self.beard == 'stubble' else 'a full'} {self.hair_word} beard")
        if self.glasses != "none":
            parts.append(f"{self.glasses} glasses")
        colour = ("striped " if self.striped else "") + self.shirt_word
        parts.append(f"{'an' if colour[0] in 'aeiou' else 'a'} {colour} shirt")
        return ", ".join(parts[:-1]) + " and " + parts[-1]


@lru_cache(maxsize=256)
def draw_identity(split: str, speaker: int, seed: int = 0) -> Identity:
    """The appearance of a speaker: a function of split, number and seed, and of nothing else."""
    random = random_stream(f"seed={seed}", split, speaker, "appearance")
    tone = float(random.uniform(0.0, len(_SKIN) - 1.001))
    skin = mix(_SKIN[int(tone)], _SKIN[int(tone) + 1], tone - int(tone))
    hair_word: str = pick(random, _LIGHT_SKIN_HAIR if tone < 2.6 else _DARK_SKIN_HAIR)
    style: HairStyle = pick(random, _STYLES)
    shirt_word: str = pick(random, dict.fromkeys(_SHIRT, 1.0))
    may_have_beard = style in ("bald", "cropped", "short", "side-parted", "curly")
    beard: Beard = pick(random, {"none": 0.62, "stubble": 0.2, "full": 0.18}) if may_have_beard else "none"
    eyes = _EYES[int(random.randint(0, len(_EYES) if tone < 2.6 else 2))]
    return Identity(
        skin=_vary(random, skin, 0.012),
        hair=_vary(random, _HAIR[hair_word], 0.02),
        hair_word=hair_word,
        style=style,
        eyes=_vary(random, eyes, 0.02),
        shirt=_vary(random, _SHIRT[shirt_word], 0.02),
        shirt_word=shirt_word,
        striped=bool(random.uniform() < 0.25),
        neckline=pick(random, {"round": 0.45, "deep": 0.25, "collar": 0.3}),
        background=_BACKGROUND[int(random.randint(0, len(_BACKGROUND)))],
        bokeh=tuple(
            (float(random.uniform(-1, 1)), float(random.uniform(-1, 0.5)), float(random.uniform(0.12, 0.4)))
            for _ in range(6)
        ),
        glasses=pick(random, {"none": 0.7, "round": 0.17, "square": 0.13}),
        beard=beard,
        face_width=float(random.uniform(0.41, 0.46)),
        face_height=float(random.uniform(0.53, 0.58)),
        jaw=float(random.uniform(0.02, 0.16) if beard != "none" else random.uniform(-0.08, 0.12)),
        eye_distance=float(random.uniform(0.180, 0.205)),
        eye_size=float(random.uniform(0.092, 0.108)),
        brow_thickness=float(random.uniform(0.028, 0.046)),
        nose_width=float(random.uniform(0.05, 0.075)),
        lip_fullness=float(random.uniform(0.7, 1.2)),
        part_side=float(random.choice([-1.0, 1.0])),
        blush=float(random.uniform(0.08, 0.3)),
    )


def _vary(random: np.random.RandomState, colour: Rgb, amount: float) -> Rgb:
    """A colour near `colour`, so that no two speakers share theirs."""
    red, green, blue = (np.clip(np.array(colour) + random.uniform(-amount, amount, 3), 0.0, 1.0)).tolist()
    return (red, green, blue)
