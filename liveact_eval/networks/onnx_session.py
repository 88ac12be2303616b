"""ONNX files run as they are, by onnxruntime: for networks whose only published form this is.

The package is an optional one. Where a network of this package can take the weights out of the file (see
`iresnet_onnx.py`), that is better: it runs batched, on any device, and needs nothing more.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from liveact_eval.errors import UserError


class OnnxNetwork(nn.Module):
    """An ONNX file with one input; results by the names that the file gives them. It runs on the CPU."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        import onnxruntime  # type: ignore[import-not-found,import-untyped,unused-ignore]

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        self.path = path
        self._session = onnxruntime.InferenceSession(
            str(path), sess_options=options, providers=["CPUExecutionProvider"]
        )

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Results by name, on the device of the input; a file made for one picture takes a batch one by one.

        Raises:
            ValueError: the file takes another shape.
        """
        given = self._session.get_inputs()[0]
        wanted = [size if isinstance(size, int) else None for size in given.shape]
        if len(wanted) != x.ndim or any(
            n not in {None, m} for n, m in zip(wanted[1:], x.shape[1:], strict=True)
        ):
            raise ValueError(
                f"input of shape {tuple(x.shape)}, expected {given.shape}, as {self.path.name} takes it"
            )
        names = [output.name for output in self._session.get_outputs()]
        parts = [
            self._session.run(names, {given.name: part.float().contiguous().cpu().numpy()})
            for part in x.split(wanted[0] or len(x))
        ]
        return {
            name: torch.cat([torch.from_numpy(values) for values in rows]).to(x.device)
            for name, rows in zip(names, zip(*parts, strict=True), strict=True)
        }


def load_onnx(path: Path) -> OnnxNetwork:
    """The network of an ONNX file.

    Raises:
        UserError: the file cannot be read.
    """
    from onnxruntime.capi import (  # type: ignore[import-not-found,import-untyped,unused-ignore]
        onnxruntime_pybind11_state as state,
    )

    try:
        return OnnxNetwork(path)
    except (state.Fail, state.InvalidGraph, state.InvalidProtobuf, state.NoSuchFile) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"{str(path)!r} cannot be read as an ONNX file: {reason}. Move it away and fetch it again."
        ) from error
