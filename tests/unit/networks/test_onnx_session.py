"""ONNX files run by onnxruntime: the batch that a file was made for, and shapes that it does not take."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from liveact_eval.errors import UserError
from liveact_eval.networks.onnx_session import load_onnx


class Session:
    """Doubles what it is given, and counts its runs."""

    shape: list[int | str] = [1, 3, "h", "w"]
    broken = False
    runs = 0

    def __init__(self, path: str, sess_options: object, providers: list[str]) -> None:
        if Session.broken:
            raise Fail("cut short\nmore")

    def get_inputs(self) -> list[Any]:
        return [SimpleNamespace(name="x", shape=Session.shape)]

    def get_outputs(self) -> list[Any]:
        return [SimpleNamespace(name="y"), SimpleNamespace(name="mean")]

    def run(self, names: list[str], given: dict[str, Any]) -> list[Any]:
        Session.runs += 1
        x = given["x"]
        assert names == ["y", "mean"]
        assert x.dtype == np.float32
        return [2 * x, x.mean(axis=(1, 2, 3))]


class Fail(Exception):
    pass


@pytest.fixture(autouse=True)
def runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands in for the package, which is an optional one."""
    package, capi = ModuleType("onnxruntime"), ModuleType("onnxruntime.capi")
    errors = dict.fromkeys(("Fail", "InvalidGraph", "InvalidProtobuf", "NoSuchFile"), Fail)
    vars(package).update(InferenceSession=Session, SessionOptions=SimpleNamespace, capi=capi)
    vars(capi).update(onnxruntime_pybind11_state=SimpleNamespace(**errors))
    monkeypatch.setitem(sys.modules, "onnxruntime", package)
    monkeypatch.setitem(sys.modules, "onnxruntime.capi", capi)
    monkeypatch.setattr(Session, "runs", 0)


@pytest.mark.parametrize(("batch", "runs"), [(1, 5), ("n", 1)])
def test_results_by_name_for_a_whole_batch(
    batch: int | str, runs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Session, "shape", [batch, 3, "h", "w"])
    x = torch.arange(5 * 3 * 2 * 2).reshape(5, 3, 2, 2)
    found = load_onnx(Path("x.onnx"))(x)
    assert torch.equal(found["y"], 2.0 * x)
    assert torch.equal(found["mean"], x.float().mean(dim=(1, 2, 3)))
    assert Session.runs == runs


@pytest.mark.parametrize("shape", [(1, 4, 2, 2), (3, 2, 2)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"as x\.onnx takes it"):
        load_onnx(Path("x.onnx"))(torch.zeros(shape))


def test_damaged_files_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Session, "broken", True)
    with pytest.raises(
        UserError, match=r"'x\.onnx' cannot be read as an ONNX file: cut short\. Move it away"
    ):
        load_onnx(Path("x.onnx"))
