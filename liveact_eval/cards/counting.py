"""The figures of a system from which its operations per frame follow by formula, and for which settings."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator


class _Figures(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class CountedCall(_Figures):
    """Model calls of one shape in a steady block."""

    calls: int = Field(gt=0)
    """How many there are: denoising steps times the passes that guidance makes of each, or 1 for a cache pass."""
    audio_calls: int | None = Field(default=None, ge=0)
    """How many of them look at speech; `null`: all."""
    query_frames: int = Field(gt=0)
    """Latent frames that go through the network."""
    key_frames: int = Field(gt=0)
    """Latent frames that self-attention looks at, those of the block included."""
    key_tokens: int = Field(default=0, ge=0)
    """Further tokens that self-attention looks at, where they are no whole latent frames."""

    @property
    def hearing_calls(self) -> int:
        """Calls that look at speech."""
        return self.calls if self.audio_calls is None else self.audio_calls

    @model_validator(mode="after")
    def _fits(self) -> CountedCall:
        if self.hearing_calls > self.calls:
            raise ValueError(f"audio_calls {self.audio_calls} is more than calls {self.calls}")
        if self.key_frames < self.query_frames:
            raise ValueError(
                f"key_frames {self.key_frames} is less than query_frames {self.query_frames}: a block sees itself"
            )
        return self


class PublishedOperations(_Figures):
    """What a paper prints for a setting."""

    value: float = Field(gt=0)
    """TFLOP per frame as printed."""
    source: str
    """Where it is printed."""


class CountedSetting(_Figures):
    """One way to run a system: what one steady block costs, and by what it is divided."""

    name: str
    """What distinguishes it, for people."""
    size: tuple[int, int]
    """Width and height of the video in pixels."""
    frames: int = Field(gt=0)
    """Denominator: video frames that the block is divided by."""
    calls: tuple[CountedCall, ...] = Field(min_length=1)
    """All model calls of the block."""
    published: PublishedOperations | None = None
    """Figure that the setting may be compared with; `null` where none is printed."""
    note: str | None = None
    """What was assumed."""

    @property
    def forwards(self) -> int:
        """Model calls of the block (NFE, cache passes included)."""
        return sum(call.calls for call in self.calls)


class CountingSpec(_Figures):
    """Sizes of a video transformer as the operations need them. See docs/flops.md for the formula."""

    parameters_billion: float | None = Field(default=None, gt=0)
    """Parameters as the authors state them; not part of the formula."""
    width: int = Field(gt=0)
    """Width d of the token stream."""
    ffn_width: int = Field(gt=0)
    """Inner width m of the feed-forward layers."""
    layers: int = Field(gt=0)
    """Transformer blocks."""
    pixels_per_token: int = Field(default=16, gt=0)
    """Side of the square of pixels that is one token: a latent frame of W x H pixels has W/16 * H/16 tokens."""
    context_tokens: int = Field(ge=0)
    """Text tokens, and image tokens where there are any."""
    context_recomputed: bool
    """Whether keys and values of text and image are made anew in every model call, or once per video."""
    audio_layers: int = Field(default=0, ge=0)
    """Blocks with cross-attention to speech; 0 where speech comes in another way, which costs next to nothing."""
    audio_tokens: int = Field(default=32, gt=0)
    """Audio tokens that a token looks at."""
    source: str
    """Where the figures were read."""
    settings: tuple[CountedSetting, ...] = Field(min_length=1)
    """Ways to run the system that are worth comparing."""

    @model_validator(mode="after")
    def _fits(self) -> CountingSpec:
        if self.audio_layers > self.layers:
            raise ValueError(f"audio_layers {self.audio_layers} is more than layers {self.layers}")
        names = [setting.name for setting in self.settings]
        if len(set(names)) < len(names):
            raise ValueError(f"two settings have one name: {', '.join(names)}")
        for setting in self.settings:
            if min(setting.size) < 1 or any(side % self.pixels_per_token for side in setting.size):
                raise ValueError(
                    f"setting {setting.name!r}: both sides of {setting.size[0]}x{setting.size[1]} must be multiples "
                    f"of {self.pixels_per_token}"
                )
        return self
