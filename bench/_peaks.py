"""Peak rate of dense tensor products by GPU and precision, from data sheets. Unknown is null, never guessed."""

from __future__ import annotations

from typing import NamedTuple


class Peak(NamedTuple):
    """Dense TFLOP/s, a multiply-add counted as two, float32 accumulation, without sparsity."""

    bf16: float
    fp8: float | None
    source: str


_H100 = "NVIDIA H100 data sheet, halved from the figures with sparsity"
_PEAKS = {
    "NVIDIA H200": Peak(989.4, 1978.9, "NVIDIA H200 data sheet, halved from the figures with sparsity"),
    "NVIDIA H100 80GB HBM3": Peak(989.4, 1978.9, _H100 + ", SXM"),
    "NVIDIA H100 PCIe": Peak(756.5, 1513.0, _H100 + ", PCIe"),
    "NVIDIA A100-SXM4-80GB": Peak(312.0, None, "NVIDIA A100 data sheet; no FP8"),
    "NVIDIA A100-SXM4-40GB": Peak(312.0, None, "NVIDIA A100 data sheet; no FP8"),
    "NVIDIA L40S": Peak(362.1, 733.0, "NVIDIA L40S data sheet, halved from the figures with sparsity"),
    "NVIDIA GeForce RTX 4090": Peak(165.2, 330.3, "NVIDIA Ada GPU architecture paper, appendix A"),
}


def peak(gpu: str | None) -> Peak | None:
    """The peak of a GPU by the name that PyTorch gives; `None` where it is not in the table."""
    return _PEAKS.get(gpu or "")
