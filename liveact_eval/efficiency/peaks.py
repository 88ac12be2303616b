"""Dense peak rates of devices by precision, from data sheets: the denominators of MFU. Unknown is null, no guess."""

from __future__ import annotations

from typing import NamedTuple


class Peak(NamedTuple):
    """A denominator."""

    tflops: float
    """TFLOP/s of dense products with float32 accumulation; a multiply-add is two operations."""
    device: str
    """Name as PyTorch gives it."""
    precision: str
    """Of the factors."""
    source: str
    """Where it is printed."""


_HALVED = "halved from the figure with sparsity"
_H100_SXM = f"NVIDIA H100 data sheet, SXM, {_HALVED}"
_H100_PCIE = f"NVIDIA H100 data sheet, PCIe, {_HALVED}"
_H100_NVL = f"NVIDIA H100 data sheet, NVL, {_HALVED}"
_H200 = f"NVIDIA H200 data sheet, SXM, {_HALVED}"
_A100 = "NVIDIA A100 data sheet"
_L40S = f"NVIDIA L40S data sheet, {_HALVED}"
_L4 = f"NVIDIA L4 data sheet, {_HALVED}"
_ADA = "NVIDIA Ada GPU architecture paper, appendix A, with float32 accumulation"

# (device, precision): TFLOP/s, source. Float16 is as fast as bfloat16 on all of them.
_TABLE: dict[tuple[str, str], tuple[float, str]] = {
    ("NVIDIA H200", "bfloat16"): (989.4, _H200),
    ("NVIDIA H200", "float8"): (1978.9, _H200),
    ("NVIDIA H200", "tf32"): (494.7, _H200),
    ("NVIDIA H200", "float32"): (66.9, "NVIDIA H200 data sheet, SXM"),
    ("NVIDIA H100 80GB HBM3", "bfloat16"): (989.4, _H100_SXM),
    ("NVIDIA H100 80GB HBM3", "float8"): (1978.9, _H100_SXM),
    ("NVIDIA H100 80GB HBM3", "tf32"): (494.7, _H100_SXM),
    ("NVIDIA H100 80GB HBM3", "float32"): (66.9, "NVIDIA H100 data sheet, SXM"),
    ("NVIDIA H100 PCIe", "bfloat16"): (756.5, _H100_PCIE),
    ("NVIDIA H100 PCIe", "float8"): (1513.0, _H100_PCIE),
    ("NVIDIA H100 NVL", "bfloat16"): (835.5, _H100_NVL),
    ("NVIDIA H100 NVL", "float8"): (1670.5, _H100_NVL),
    ("NVIDIA A100-SXM4-80GB", "bfloat16"): (312.0, _A100),
    ("NVIDIA A100-SXM4-80GB", "tf32"): (156.0, _A100),
    ("NVIDIA A100-SXM4-80GB", "float32"): (19.5, _A100),
    ("NVIDIA A100-SXM4-40GB", "bfloat16"): (312.0, _A100),
    ("NVIDIA A100-SXM4-40GB", "tf32"): (156.0, _A100),
    ("NVIDIA A100-SXM4-40GB", "float32"): (19.5, _A100),
    ("NVIDIA A100 80GB PCIe", "bfloat16"): (312.0, _A100),
    ("NVIDIA L40S", "bfloat16"): (362.1, _L40S),
    ("NVIDIA L40S", "float8"): (733.0, _L40S),
    ("NVIDIA L4", "bfloat16"): (121.0, _L4),
    ("NVIDIA L4", "float8"): (242.5, _L4),
    ("NVIDIA GeForce RTX 4090", "bfloat16"): (165.2, _ADA),
    ("NVIDIA GeForce RTX 4090", "float8"): (330.3, _ADA),
}


def peak_of(device: str, precision: str) -> Peak | None:
    """The dense peak of a device.

    Args:
        device: name as PyTorch gives it; it must be equal, as other models have similar names.
        precision: of the factors: float32, tf32, bfloat16, float16, float8.

    Returns:
        `None` where the table has no such device or precision.
    """
    found = _TABLE.get((device, "bfloat16" if precision == "float16" else precision))
    return None if found is None else Peak(found[0], device, precision, found[1])
