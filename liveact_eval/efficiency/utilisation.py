"""Operations per second, and their share of what the device could do (MFU)."""

from __future__ import annotations

from dataclasses import dataclass

from liveact_eval.efficiency.peaks import Peak, peak_of


@dataclass(frozen=True, kw_only=True)
class Utilisation:
    """How much of a device was used."""

    achieved_tflops: float
    """Operations per second, in TFLOP/s."""
    share: float | None
    """Of the peak, 0 to 1."""
    peak: Peak | None
    """The denominator."""
    reason: str | None
    """Why there is no share."""


def utilisation(tflop_per_frame: float, fps: float, device: str, precision: str) -> Utilisation:
    """What a rate means for a device.

    Args:
        tflop_per_frame: operations per frame.
        fps: frames per second.
        device: name as PyTorch gives it, or `cpu`.
        precision: of the products: float32, tf32, bfloat16, float16, float8.
    """
    achieved = tflop_per_frame * fps
    peak = peak_of(device, precision)
    if peak is None:
        reason = f"the dense peak of {device} in {precision} is not known"
        return Utilisation(achieved_tflops=achieved, share=None, peak=None, reason=reason)
    return Utilisation(achieved_tflops=achieved, share=achieved / peak.tflops, peak=peak, reason=None)
