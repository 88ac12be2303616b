"""Which device a run takes, what is refused before anything is loaded, and the switches that make a GPU exact."""

from __future__ import annotations

import os
from contextlib import nullcontext

import pytest
import torch

from liveact_eval.errors import UserError
from liveact_eval.training.devices import computing_on, moved, peak_gib, training_device


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine with two GPUs of compute capability 7.5."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda gpu: (7, 5))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda gpu: f"Old {gpu}")
    monkeypatch.setattr(torch.version, "hip", None)
    return monkeypatch


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)


def launched(patch: pytest.MonkeyPatch, local_rank: int, ranks: int) -> None:
    for name, value in {"RANK": local_rank, "LOCAL_RANK": local_rank, "WORLD_SIZE": ranks}.items():
        patch.setenv(name, str(value))


@pytest.mark.usefixtures("no_gpu")
def test_without_a_gpu_auto_is_the_cpu_and_cuda_is_refused() -> None:
    assert training_device("auto", "bfloat16") == training_device("cpu", "float32") == torch.device("cpu")
    with pytest.raises(UserError, match=r"--device cuda: Device 'cuda:0' is not there: .* sees 0 CUDA"):
        training_device("cuda", "float32")


def test_with_gpus_auto_is_the_first_and_others_are_named(gpus: pytest.MonkeyPatch) -> None:
    assert training_device("auto", "float32") == training_device("cuda", "float32") == torch.device("cuda:0")
    assert training_device("cuda:1", "float32") == torch.device("cuda:1")
    assert training_device("cpu", "bfloat16") == torch.device("cpu")
    with pytest.raises(UserError, match=r"--device cuda:5: Device 'cuda:5' is not there: .* sees 2 CUDA"):
        training_device("cuda:5", "float32")


@pytest.mark.parametrize("name", ["gpu", "meta", "cuda:x"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(UserError, match=rf"--device {name}: .* expected cpu, cuda or cuda:N"):
        training_device(name, "float32")


def test_bfloat16_needs_a_gpu_that_has_it(gpus: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        UserError, match=r"Old cuda:1 has compute capability 7\.5; .* 8\.0 or more\. Take `prec"
    ):
        training_device("cuda:1", "bfloat16")
    gpus.setattr(torch.cuda, "get_device_capability", lambda gpu: (9, 0))
    assert training_device("cuda:1", "bfloat16") == torch.device("cuda:1")


def test_each_process_takes_the_gpu_of_its_local_rank(gpus: pytest.MonkeyPatch) -> None:
    launched(gpus, local_rank=1, ranks=2)
    assert training_device("auto", "float32") == training_device("cuda", "float32") == torch.device("cuda:1")
    assert training_device("cpu", "float32") == torch.device("cpu")
    with pytest.raises(
        UserError, match=r"--device cuda:1 names one GPU for 2 processes.*Take --device cuda:"
    ):
        training_device("cuda:1", "float32")
    launched(gpus, local_rank=2, ranks=4)
    with pytest.raises(UserError, match=r"'cuda:2' is not there.*as there are GPUs \(--nproc-per-node 2\)"):
        training_device("auto", "float32")


def switches() -> tuple[bool, ...]:
    backends = torch.backends
    return (
        backends.cuda.matmul.allow_tf32,
        backends.cudnn.allow_tf32,
        backends.cudnn.benchmark,
        torch.are_deterministic_algorithms_enabled(),
    )


def test_a_gpu_computes_exactly_for_the_time_of_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    before = switches()
    with computing_on(torch.device("cpu")):
        assert switches() == before and "CUBLAS_WORKSPACE_CONFIG" not in os.environ
    with pytest.raises(KeyError), computing_on(torch.device("cuda:0")):
        assert switches() == (False, False, False, True)
        assert not torch.is_deterministic_algorithms_warn_only_enabled()
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
        raise KeyError
    assert switches() == before


def test_a_batch_is_moved_and_a_cpu_has_no_peak() -> None:
    batch = {"x": torch.ones(2)}
    assert moved(batch, torch.device("meta"))["x"].is_meta and moved(batch, torch.device("cpu"))["x"].equal(
        batch["x"]
    )
    assert peak_gib(torch.device("cpu")) is None
