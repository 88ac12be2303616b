"""The benchmark of the native model runs at toy width exactly as it does on a GPU."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    return importlib.import_module("liveact_gpu")


def options(tmp_path: Path) -> argparse.Namespace:
    return argparse.Namespace(
        config="liveact-tiny",
        device="cpu",
        size="32x32",
        blocks=2,
        decode="carried",
        fp8_cache=True,
        out=tmp_path,
    )


@pytest.mark.slow
def test_a_variant_is_measured_and_summed_up(
    bench: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = importlib.import_module("_liveact_run")
    monkeypatch.setattr(run, "SETTLING", 1)
    asked = options(tmp_path)

    measured = run.measure(bench.task(asked, "float32"))
    record = bench.finished(asked, {"float32": measured, "fp8": {"failed": "no GPU"}})

    found = record["runs"]["float32"]["summary"]
    assert [len(measured[part]) for part in ("cold", "start", "steady")] == [2, 1, 2]
    assert [block["frames"] for block in measured["cold"]] == [21, 32]
    assert found["fps"] == pytest.approx(64 / sum(block["total_s"] for block in measured["steady"]))
    assert found["share_of_bf16_peak"] is None  # the processor is not in the table
    assert record["flops_per_steady_block"]["dit"] > 1e6
    assert measured["settings"]["dtype"] == "float32"
    page = bench.markdown(record)
    assert "| fp8 | failed: no GPU |" in page
    assert "unknown | unknown |" in page
    assert len({line.count("|") for line in page.splitlines() if line.startswith("|")}) == 1


def test_peaks_are_known_by_the_exact_name_or_not_at_all(bench: ModuleType) -> None:
    peaks = importlib.import_module("_peaks")

    assert peaks.peak("NVIDIA H200").bf16 == pytest.approx(989.4)
    assert peaks.peak("NVIDIA A100-SXM4-80GB").fp8 is None
    assert peaks.peak("NVIDIA H200 NVL") is None
    assert peaks.peak(None) is None


def test_percentiles_are_samples(bench: ModuleType) -> None:
    samples = [float(n) for n in range(100, 0, -1)]

    assert [bench.percentile(samples, q) for q in (50, 95, 99)] == [50.0, 95.0, 99.0]
    assert bench.percentile([2.0], 99) == 2.0


def test_every_variant_is_a_valid_set_of_options(bench: ModuleType) -> None:
    from liveact_eval.liveact.acceleration import SpeedOptions

    torch = importlib.import_module("torch")
    for chosen in bench.VARIANTS.values():
        SpeedOptions(**chosen).check(torch.device("cuda:0"))
    assert set(bench.ON_GPU) | set(bench.ON_CPU) == set(bench.VARIANTS)


def test_cpu_benchmark_measures_both(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    cpu = importlib.import_module("liveact_cpu")
    monkeypatch.setattr(cpu, "SETTLED", 1)

    curve = cpu.long_stream(3)
    importlib.import_module("_liveact_cpu_report").draw(curve, tmp_path / "curve.png")

    assert len(set(curve["cache_bytes"])) == 1
    assert curve["frames"] == 21 + 32 + 32
    assert (tmp_path / "curve.png").stat().st_size > 1000
    assert cpu._slope([1, 3, 5]) == pytest.approx(2)
    assert cpu._spread([1.0, 2.0, 30.0])["median"] == pytest.approx(2)
