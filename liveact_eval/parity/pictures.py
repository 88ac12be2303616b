"""Cases of the VAE: encoding, decoding, the condition, the reference picture, the stream."""

from __future__ import annotations

from typing import Any

import torch

from liveact_eval.errors import UserError
from liveact_eval.liveact.reference import condition_mask, encode_condition, prepare_reference
from liveact_eval.liveact.stream_decoder import StreamDecoder
from liveact_eval.liveact.vae import TEMPORAL_STRIDE, WanVAE
from liveact_eval.parity.vectors import VectorFile


def check_vae(vectors: VectorFile, vae: WanVAE) -> None:
    """Replay `enc.*`, `dec.*`, `y*` and `prep.*`; numbers in names say how many frames or latents are used."""
    for key in ("mean", "std"):
        # Already in the VAE that was handed over.
        vectors.read(key)
    for key in vectors:
        kind, _, count = key.rpartition(".")
        if kind in ("enc.norm", "enc.raw"):
            # The official encoder leaves out what is beyond 1 + 4k frames; ours refuses it.
            used = 1 + (int(count) - 1) // TEMPORAL_STRIDE * TEMPORAL_STRIDE
            video = vectors.read("enc.video")[:, :, :used]
            vectors.check(key, vae.encode(video) if kind == "enc.norm" else vae.posterior_mean(video))
        elif kind in ("dec.video", "dec.preclamp"):
            latents = vectors.read("dec.z")[:, :, : int(count)]
            if kind == "dec.video":
                vectors.check(key, vae.decode(latents))
            else:
                vectors.check(key, torch.cat(list(vae.decode_steps(latents, clamp=False)), dim=2))
        elif key == "y":
            picture = vectors.read("y.image")[0, :, 0]
            latents_of_y = vectors.peek("y").shape[2]
            vectors.check("y", encode_condition(vae, picture, latents=latents_of_y))
        elif key == "y.mask":
            _, _, latent_frames, height, width = vectors.peek(key).shape
            vectors.check(key, condition_mask(latent_frames, height, width))
        elif key == "prep.out":
            height, width = vectors.peek(key).shape[1:]
            rgb = vectors.read("prep.image_u8").numpy()
            vectors.check(key, prepare_reference(rgb, (width, height), multiple=1))


def check_vae_stream(vectors: VectorFile, vae: WanVAE, stream: dict[str, Any]) -> None:
    """Replay the blocks by the official recipe, and the decode in one go by the carried cache.

    Raises:
        UserError: the sizes do not describe the stream.
    """
    latents = vectors.read("stream.z")
    blocks, overlap = stream.get("blocks"), stream.get("overlap")
    if not isinstance(blocks, list) or not isinstance(overlap, int) or sum(blocks) != latents.shape[2]:
        raise UserError(
            f"config.json says of the stream: blocks {blocks}, overlap {overlap}; expected the latents of each block, "
            f"{latents.shape[2]} in all, and how many are decoded again. Copy the whole folder again."
        )
    official = StreamDecoder(vae, "overlap", overlap_latents=overlap)
    carried = StreamDecoder(vae, "carried")
    joined = []
    for index, block in enumerate(latents.split(blocks, dim=2)):
        vectors.check(f"stream.block.{index}", official.decode(block))
        joined.append(carried.decode(block))
    vectors.check("stream.oneshot", torch.cat(joined, dim=2))
