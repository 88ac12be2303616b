"""The dataset that is drawn on this machine: talkers, kept in the cache once made."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import wave
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from liveact_eval.cards.dataset import DatasetCard, TalkersSpec
from liveact_eval.cards.protocol import Protocol
from liveact_eval.clips.clip import Clip, ClipEntry
from liveact_eval.clips.encode import VideoWriter
from liveact_eval.clips.image import save_png
from liveact_eval.datasets.base import Fingerprint, OfCard
from liveact_eval.datasets.talkers import FPS, SAMPLE_RATE, TalkerSpec, Truth, draw_specs, stream
from liveact_eval.errors import UserError
from liveact_eval.files import full_disk, is_full

FILES = ("video.mp4", "audio.wav", "image.png", "truth.npz")


@dataclass(frozen=True)
class DrawnDataset(OfCard):
    """Talkers: specs are listed at once, pictures and sound are drawn when a clip is first needed."""

    spec: TalkersSpec
    protocol: Protocol
    cache: Path

    @property
    def real(self) -> bool:
        """What is drawn is what is real here."""
        return True

    def entries(self, fingerprint: Fingerprint) -> list[ClipEntry]:
        """The clips, by their recipes; nothing is drawn."""
        return [
            ClipEntry(
                id=spec.clip_id, speaker=spec.speaker_id, content_hash=spec.content_key, prompt=spec.prompt
            )
            for spec in self._specs()
        ]

    def materialise(self, entry: ClipEntry) -> Clip:
        """Draw a clip into the cache, unless it is there."""
        spec = next((s for s in self._specs() if s.clip_id == entry.id), None)
        if spec is None:
            raise KeyError(entry.id)
        made = f"{spec.content_key}/{self.protocol.encoding.model_dump_json()}"
        key = hashlib.sha256(made.encode()).hexdigest()
        folder = self.cache / "talkers" / f"{spec.clip_id}-{key[:12]}"
        if not all((folder / name).is_file() for name in FILES):
            self._draw(spec, folder)
        return Clip(
            entry=entry,
            video=folder / "video.mp4",
            audio=folder / "audio.wav",
            image=folder / "image.png" if self.protocol.reference_image == "image" else None,
            prompt=spec.prompt,
            truth=folder / "truth.npz",
            rate=self.protocol.rate,
            size=self.protocol.size,
            seconds=self.protocol.clip_seconds,
        )

    def estimate_bytes(self, clips: int, models: int) -> int:
        """About a tenth of a byte per pixel of video, and the WAV."""
        frames = self.spec.seconds * FPS
        video = 0.12 * frames * self.spec.size**2
        return round(clips * ((1 + models) * video + 2 * SAMPLE_RATE * self.spec.seconds))

    def _specs(self) -> list[TalkerSpec]:
        s = self.spec
        return draw_specs(
            s.split, count=s.clips, speakers=s.speakers, seconds=s.seconds, size=s.size, seed=s.seed
        )

    def _draw(self, spec: TalkerSpec, folder: Path) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            self._draw_into(spec, temporary)
            try:
                temporary.replace(folder)
            except OSError:
                # Another process was quicker: its files are equal, since both follow from the spec.
                if not all((folder / name).is_file() for name in FILES):
                    shutil.rmtree(folder, ignore_errors=True)
                    temporary.replace(folder)
        except OSError as error:
            if is_full(error):
                raise full_disk(folder) from error
            raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def _draw_into(self, spec: TalkerSpec, folder: Path) -> None:
        """Block by block, so that an hour needs no more memory than five seconds."""
        truths: list[Truth] = []
        size = (spec.size, spec.size)
        with (
            VideoWriter(
                folder / "video.mp4",
                size=size,
                rate=Fraction(FPS),
                encoding=self.protocol.encoding,
                sound=True,
            ) as writer,
            wave.open(os.fspath(folder / "audio.wav"), "wb") as sound,
        ):
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(SAMPLE_RATE)
            for block in stream(spec):
                if not truths:
                    save_png(folder / "image.png", block.frames[0])
                writer.write_sound(block.samples)
                for rgb in block.frames:
                    writer.write(rgb)
                sound.writeframes(block.samples.astype("<i2").tobytes())
                truths.append(block.truth)
        Truth.concatenate(truths).save(folder / "truth.npz")


def open_drawn(card: DatasetCard, spec: TalkersSpec, protocol: Protocol, cache: Path) -> DrawnDataset:
    """The dataset of a card; the protocol must ask for the size that is drawn."""
    if protocol.size is not None and protocol.size != (spec.size, spec.size):
        raise UserError(
            f"Dataset {card.name!r} draws {spec.size}x{spec.size}, its protocol asks for "
            f"{protocol.size[0]}x{protocol.size[1]}. Use --dataset talkers or talkers-128, or a card of your own."
        )
    return DrawnDataset(card, spec, protocol, cache)
