"""Windows of speech features, their projection, and who hears them."""

from __future__ import annotations

import torch

from liveact_eval.liveact.audio import AudioCrossAttention, AudioProjector, audio_windows
from tests.unit.liveact.models import CONFIG, gaussian, speech


def test_windows_clamp_at_both_ends() -> None:
    embedding = torch.arange(10.0).view(10, 1, 1)

    windows = audio_windows(embedding, 0, 12, 5)[0, :, :, 0, 0]

    assert windows[0].tolist() == [0, 0, 0, 1, 2]
    assert windows[5].tolist() == [3, 4, 5, 6, 7]
    assert windows[9].tolist() == [7, 8, 9, 9, 9]
    assert windows[11].tolist() == [9] * 5


def test_a_latent_frame_hears_its_four_video_frames_and_two_around() -> None:
    projector = AudioProjector(CONFIG)
    embedding = torch.arange(60.0).view(60, 1, 1).expand(60, CONFIG.audio_layers, CONFIG.audio_channels)

    spans = projector._spans(audio_windows(embedding, 0, 53, 5)[:, 1:])[0, :, :, 0, 0]

    # Latent frame j shows video frames 4j-3 .. 4j and takes features 4j-5 .. 4j+2.
    for j in (2, 7, 13):
        assert spans[j - 1].tolist() == [float(f) for f in range(4 * j - 5, 4 * j + 3)]


def test_tokens_per_latent_frame() -> None:
    windows = audio_windows(speech(), 0, 53, 5)

    assert AudioProjector(CONFIG)(windows).shape == (1, 14, CONFIG.audio_tokens, CONFIG.audio_dim)


def test_a_latent_frame_hears_its_own_tokens_only() -> None:
    attention = AudioCrossAttention(CONFIG)
    x, audio = gaussian(1, 3, 5, CONFIG.dim), gaussian(1, 3, CONFIG.audio_tokens, CONFIG.audio_dim, seed=9)
    changed = audio.clone()
    changed[:, 1] += 1

    difference = (attention(x, audio) - attention(x, changed)).abs().amax((0, 2, 3))

    assert difference[0] == 0 and difference[2] == 0 and difference[1] > 0
