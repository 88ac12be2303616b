"""Sizes of the model and its encoders, as plain numbers, and the configurations that have a name."""

from __future__ import annotations

from dataclasses import dataclass, field

from liveact_eval.liveact.errors import LiveActError

ROLES = ("dit", "vae", "text", "image", "speech")
"""Networks, as weight files name them; the tokenizer files have the role `tokenizer`."""


@dataclass(frozen=True, kw_only=True)
class DiTConfig:
    """Sizes of the causal video DiT. The defaults are those of the 18.9 B model."""

    dim: int = 5120
    """Width of the token stream."""
    num_heads: int = 40
    """Attention heads; `dim` must be a multiple, and each head's width even."""
    num_layers: int = 40
    """Transformer blocks."""
    ffn_dim: int = 13824
    """Inner width of the feed-forward layers."""
    freq_dim: int = 256
    """Width of the sinusoidal time embedding."""
    in_dim: int = 36
    """Channels of the input: noisy latent, then mask, then condition latent."""
    out_dim: int = 16
    """Channels of a latent."""
    patch_size: tuple[int, int, int] = (1, 2, 2)
    """Patch in latent frames, rows and columns. The time side is 1: a latent frame is the unit of memory."""
    eps: float = 1e-6
    """Epsilon of the norms, except where the official model takes 1e-5."""
    text_dim: int = 4096
    """Width of the text encoder's rows."""
    text_len: int = 512
    """Text rows after padding with zeros."""
    image_dim: int = 1280
    """Width of the image encoder's rows."""
    image_tokens: int = 257
    """Rows of the image encoder."""
    audio_window: int = 5
    """Speech features around each video frame; odd."""
    audio_layers: int = 12
    """Hidden layers of the speech encoder that are stacked."""
    audio_channels: int = 768
    """Width of the speech encoder."""
    audio_hidden: int = 512
    """Inner width of the audio projector."""
    audio_dim: int = 768
    """Width of the audio tokens."""
    audio_tokens: int = 32
    """Audio tokens per latent frame."""
    temporal_stride: int = 4
    """Video frames per latent frame after the first one."""
    memory_kernel: int = 5
    """Taps of the ConvKV kernels."""

    def __post_init__(self) -> None:
        if self.dim % self.num_heads or (self.dim // self.num_heads) % 2:
            raise LiveActError(
                f"dim {self.dim} over {self.num_heads} heads: each head needs a whole, even width"
            )
        if self.patch_size[0] != 1:
            raise LiveActError(
                f"patch_size {self.patch_size}: the first number, latent frames per patch, must be 1"
            )
        if self.audio_window % 2 == 0:
            raise LiveActError(
                f"audio_window {self.audio_window} must be odd: it is centred on a video frame"
            )

    @property
    def head_dim(self) -> int:
        """Width of one head."""
        return self.dim // self.num_heads


@dataclass(frozen=True, kw_only=True)
class VAEConfig:
    """Sizes of the Wan 2.1 video VAE: 8 times smaller in space, 1 + 4k video frames to 1 + k latents."""

    base_dim: int = 96
    """Width of the first level."""
    z_dim: int = 16
    """Latent channels."""
    dim_mult: tuple[int, ...] = (1, 2, 4, 4)
    """Width of each level over `base_dim`."""
    num_res_blocks: int = 2
    """Residual blocks per level."""
    temporal_downsample: tuple[bool, ...] = (False, True, True)
    """Which levels halve time."""
    patch_size: int = 1
    """Side of the squares of pixels that become channels first; each level but the last then halves the picture."""
    latents_mean: tuple[float, ...] | None = None
    """Mean per latent channel; `None`: the published constants."""
    latents_std: tuple[float, ...] | None = None
    """Standard deviation per latent channel; `None`: the published constants."""

    def __post_init__(self) -> None:
        stride = self.patch_size * 2 ** (len(self.dim_mult) - 1)
        if (
            stride != 8
            or sum(self.temporal_downsample) != 2
            or len(self.temporal_downsample) != len(self.dim_mult) - 1
        ):
            raise LiveActError(
                f"VAE of patch {self.patch_size}, {len(self.dim_mult)} levels and temporal_downsample "
                f"{self.temporal_downsample}: a latent must be 8 pixels wide and 4 frames long"
            )


@dataclass(frozen=True, kw_only=True)
class TextConfig:
    """Sizes of the umT5 encoder."""

    vocab: int = 256384
    """Rows of the embedding."""
    dim: int = 4096
    """Width."""
    dim_attn: int = 4096
    """Width of attention over all heads."""
    dim_ffn: int = 10240
    """Inner width of the gated feed-forward layers."""
    num_heads: int = 64
    """Attention heads."""
    num_layers: int = 24
    """Blocks."""
    num_buckets: int = 32
    """Buckets of relative positions."""
    max_distance: int = 128
    """Distance from which on all positions share a bucket."""
    length: int = 512
    """Longest prompt in tokens; what is longer is cut."""
    tokenizer: str = "umt5"
    """`umt5`: the tokenizer files beside the weights; `bytes`: UTF-8 bytes, which needs no file."""


@dataclass(frozen=True, kw_only=True)
class ImageConfig:
    """Sizes of the CLIP vision tower."""

    width: int = 1280
    """Width of the rows."""
    num_heads: int = 16
    """Attention heads."""
    num_layers: int = 32
    """Blocks of the published tower; the last one is not run, as its input is what is used."""
    mlp_ratio: int = 4
    """Inner width of the MLP over `width`."""
    image_size: int = 224
    """Side of the square input in pixels."""
    patch_size: int = 14
    """Side of a patch in pixels."""


@dataclass(frozen=True, kw_only=True)
class SpeechConfig:
    """Sizes of the wav2vec 2.0 encoder (16 kHz mono)."""

    width: int = 768
    """Width of the transformer."""
    num_layers: int = 12
    """Transformer layers."""
    num_heads: int = 12
    """Attention heads."""
    ffn_dim: int = 3072
    """Inner width of the feed-forward layers."""
    conv_dim: tuple[int, ...] = (512,) * 7
    """Channels of the convolutional layers."""
    conv_kernel: tuple[int, ...] = (10, 3, 3, 3, 3, 2, 2)
    """Their kernels."""
    conv_stride: tuple[int, ...] = (5, 2, 2, 2, 2, 2, 2)
    """Their strides; the product is the hop, 320 samples."""
    conv_bias: bool = False
    """Whether they have biases."""
    pos_kernel: int = 128
    """Taps of the positional convolution."""
    pos_groups: int = 16
    """Its groups."""


@dataclass(frozen=True, kw_only=True)
class LiveActConfig:
    """Everything that has a size."""

    name: str
    """Name of the configuration."""
    dit: DiTConfig = field(default_factory=DiTConfig)
    """The transformer."""
    vae: VAEConfig = field(default_factory=VAEConfig)
    """The video VAE."""
    text: TextConfig = field(default_factory=TextConfig)
    """The text encoder."""
    image: ImageConfig = field(default_factory=ImageConfig)
    """The image encoder."""
    speech: SpeechConfig = field(default_factory=SpeechConfig)
    """The speech encoder."""
    random_weights: bool = False
    """Weights are drawn from a seed instead of read: for trying the machinery, not for pictures."""

    def __post_init__(self) -> None:
        tokens = (self.image.image_size // self.image.patch_size) ** 2 + 1
        pairs = {
            "text width": (self.dit.text_dim, self.text.dim),
            "text rows": (self.dit.text_len, self.text.length),
            "image width": (self.dit.image_dim, self.image.width),
            "image rows": (self.dit.image_tokens, tokens),
            "speech layers": (self.dit.audio_layers, self.speech.num_layers),
            "speech width": (self.dit.audio_channels, self.speech.width),
            "latent channels": (self.dit.out_dim, self.vae.z_dim),
        }
        for what, (wanted, given) in pairs.items():
            if wanted != given:
                raise LiveActError(
                    f"Configuration {self.name}: {what}: the DiT expects {wanted}, the encoder gives {given}"
                )


def liveact_18b() -> LiveActConfig:
    """SoulX-LiveAct as published: 18,884,094,784 parameters in the DiT."""
    return LiveActConfig(name="liveact-18b")


def liveact_tiny() -> LiveActConfig:
    """The same classes at toy width with random weights: every part runs on a CPU in seconds, pictures are noise."""
    dit = DiTConfig(
        dim=64,
        num_heads=4,
        num_layers=2,
        ffn_dim=128,
        freq_dim=32,
        text_dim=32,
        text_len=64,
        image_dim=32,
        audio_layers=3,
        audio_channels=48,
        audio_hidden=32,
        audio_dim=48,
        audio_tokens=4,
    )
    return LiveActConfig(
        name="liveact-tiny",
        dit=dit,
        vae=VAEConfig(base_dim=4),
        text=TextConfig(
            vocab=384,
            dim=32,
            dim_attn=32,
            dim_ffn=64,
            num_heads=4,
            num_layers=2,
            length=64,
            tokenizer="bytes",
        ),
        image=ImageConfig(width=32, num_heads=4, num_layers=3),
        speech=SpeechConfig(
            width=48, num_layers=3, num_heads=4, ffn_dim=96, conv_dim=(16,) * 7, pos_kernel=16, pos_groups=4
        ),
        random_weights=True,
    )


def liveact_mini() -> LiveActConfig:
    """A small LiveAct for drawn clips of 64x64 pixels; `liveact-eval train` makes its weights."""
    dit = DiTConfig(
        dim=160,
        num_heads=5,
        num_layers=6,
        ffn_dim=512,
        freq_dim=64,
        text_dim=32,
        text_len=160,
        image_dim=32,
        image_tokens=17,
        audio_layers=3,
        audio_channels=48,
        audio_hidden=96,
        audio_dim=64,
        audio_tokens=4,
    )
    # The statistics of latents are folded into the weights: mean 0, deviation 1.
    channels = 16
    return LiveActConfig(
        name="liveact-mini",
        dit=dit,
        vae=VAEConfig(
            base_dim=32,
            dim_mult=(1, 1, 2),
            num_res_blocks=1,
            temporal_downsample=(True, True),
            patch_size=2,
            latents_mean=(0.0,) * channels,
            latents_std=(1.0,) * channels,
        ),
        text=TextConfig(
            vocab=384,
            dim=32,
            dim_attn=32,
            dim_ffn=64,
            num_heads=4,
            num_layers=2,
            length=160,
            tokenizer="bytes",
        ),
        image=ImageConfig(width=32, num_heads=4, num_layers=3, image_size=64, patch_size=16),
        speech=SpeechConfig(
            width=48,
            num_layers=3,
            num_heads=4,
            ffn_dim=128,
            conv_dim=(48,) * 7,
            pos_kernel=16,
            pos_groups=4,
        ),
    )


_NAMED = {"liveact-18b": liveact_18b, "liveact-mini": liveact_mini, "liveact-tiny": liveact_tiny}


def named_config(name: str) -> LiveActConfig:
    """The configuration of that name.

    Raises:
        LiveActError: there is none of that name.
    """
    if name not in _NAMED:
        raise LiveActError(f"No configuration is named {name!r}; known: {', '.join(sorted(_NAMED))}")
    return _NAMED[name]()
