"""The result folder of a benchmark, and the gate that reads it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Rectangle
from PIL import Image

from liveact_eval.efficiency.figures import FIGURES, figure
from liveact_eval.efficiency.folder import make_folder, write_folder
from liveact_eval.efficiency.machine import fingerprint_of
from liveact_eval.efficiency.peaks import peak_of
from liveact_eval.efficiency.plots import _timelines
from liveact_eval.efficiency.records import block_records, live_records
from liveact_eval.efficiency.report import cell, markdown
from liveact_eval.efficiency.schema import CaseRecord, Efficiency, WarmUp, json_schema, read_efficiency
from liveact_eval.efficiency.stages import stage_records
from liveact_eval.efficiency.summary import Facts, summarise
from liveact_eval.errors import BrokenEnvironmentError, NewerFileError
from tests.cli.helpers import ROOT, Answer, call
from tests.unit.efficiency.fake_stream import made, steady_plans

FACTS = Facts(
    target_fps=20.0,
    kv_counted=2**20,
    tflop_per_frame=0.00001,
    device="cpu",
    precision="float32",
    no_energy="the device is no GPU",
)
MACHINE = {"machine": {"cpu": "one", "cores": 2, "memory_gib": 8.0}, "gpu": [], "packages": {"torch": "2"}}


def case(size: tuple[int, int], latents: tuple[int, int], factor: float) -> CaseRecord:
    """Five repeats that differ a little."""
    recordings = [
        made(steady_plans([2.0 * factor, *[(1.0 + 0.01 * repeat) * factor] * 5]), encode_s=0.01)
        for repeat in range(5)
    ]
    return CaseRecord(
        name=f"{size[0]}x{size[1]}, blocks {latents[0]}+{latents[1]}",
        size=size,
        latents_per_block=latents,
        frames=181,
        ran={
            "config": "liveact-tiny",
            "device": "cpu",
            "memory": f"convkv-{latents[0]}",
            "speech": "windowed",
        },
        figures=summarise(recordings, FACTS),
        stages=stage_records(recordings),
        warm_up=WarmUp(build_s=1.0, ttff_cold_ms=4000.0, graphs_compiled=0, graphs_compiled_later=0),
        operations_tflop=None,
        operations_rule="not counted",
        peak=None,
        blocks=block_records(recordings[0], recordings),
        live_blocks=live_records(recordings, None),
        sound_late_ms=None,
    )


def benchmark(factor: float = 1.0, **given: Any) -> Efficiency:
    content: dict[str, Any] = {
        "name": "bench",
        "date": "2026-01-01",
        "model": "liveact-tiny",
        "title": "LiveAct tiny",
        "device": "cpu",
        "precision": "float32",
        "weights": "random(seed 0)",
        "playback_fps": 20.0,
        "target_fps": 20.0,
        "repeats": 5,
        "threads": 1,
        "live_call": "simulated",
        "dataset": None,
        "quality": None,
        "fingerprint": "0" * 12,
        "provenance": MACHINE,
        "gpu_before": None,
        "gpu_while": None,
        "gpu_after": None,
        "gpu_reason": "the device is no GPU",
        "notes": [],
        "cases": [
            case((64, 64), (6, 8), factor),
            case((32, 32), (6, 8), 0.3 * factor),
            case((64, 64), (8, 4), 1.2 * factor),
        ],
    }
    return Efficiency(**(content | given))


def test_folder(tmp_path: Path) -> None:
    written = benchmark()
    write_folder(written, tmp_path)
    assert read_efficiency(tmp_path / "efficiency.json") == written
    plots = {path.name for path in (tmp_path / "plots").iterdir()}
    assert plots == {"timeline.png", "memory.png", "sizes.png", "blocks.png"}
    for path in (tmp_path / "plots").iterdir():
        with Image.open(path) as picture:
            levels = np.asarray(picture.convert("L"))
        assert min(levels.shape) > 200
        assert levels.min() < 100 < 250 < levels.max()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(BrokenEnvironmentError, match="cannot be made: Not a directory"):
        make_folder(tmp_path / "file" / "out")


def test_one_case_has_no_plot_across_cases(tmp_path: Path) -> None:
    """Nor one that an earlier benchmark has left."""
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "sizes.png").write_bytes(b"old")
    write_folder(benchmark(cases=[case((64, 64), (6, 8), 1.0)]), tmp_path)
    assert {path.name for path in (tmp_path / "plots").iterdir()} == {"timeline.png", "memory.png"}


def test_page_has_every_figure_and_why_others_are_missing() -> None:
    page = markdown(benchmark())
    missing = {"mfu", "energy_per_frame_j"}
    for spec in FIGURES:
        assert (f"| {spec.title}" in page) == (spec.name not in missing), spec.name
    assert "no share of the dense peak: the dense peak of cpu in float32 is not known" in page
    assert "no energy per frame: the device is no GPU" in page
    assert "32.00 (30.77 to 33.33)" not in page
    assert "31.37 (30.77 to 32.00)" in page
    assert "| 1e-05 |" in page
    assert "warm-up, in no figure: networks built in 1.0 s" in page


def test_page_says_under_what_conditions() -> None:
    page = markdown(benchmark())
    assert "1x cpu, float32, 1 CPU threads, weights random(seed 0); median of 5 repeats" in page
    assert "deadlines at 20 FPS, played at 20; live call simulated from measured times" in page
    assert (
        "- 64x64, blocks 8+4: 181 frames per video, blocks of 8, then 4 latent frames; memory convkv-8"
        in page
    )
    assert "| memory | convkv-6 | convkv-6 | convkv-8 |" in page
    assert "live call fed in real time" in markdown(benchmark(live_call="real time"))


def test_what_one_case_lacks_is_said_of_it_alone() -> None:
    both = [case((64, 64), (6, 8), 1.0), case((64, 64), (8, 4), 1.0)]
    figures = [
        entry.model_copy(update={"value": None, "n": 0, "reason": "not counted"})
        if entry.name == "tflop_per_frame"
        else entry
        for entry in both[1].figures
    ]
    page = markdown(benchmark(cases=[both[0], both[1].model_copy(update={"figures": figures})]))
    assert "- 64x64, blocks 8+4: no operations per frame: not counted" in page
    assert "- no energy per frame: the device is no GPU" in page


def test_repeats_without_a_number_are_counted() -> None:
    (spec,) = [spec for spec in FIGURES if spec.name == "jitter_ms"]
    some = figure(spec, [10.0, "fewer than three", 30.0])
    assert (some.n, some.value, some.reason) == (2, 20.0, "fewer than three")
    assert cell(some) == "20 (10 to 30), n = 2/3"
    whole = benchmark().cases[0]
    figures = [some if entry.name == "jitter_ms" else entry for entry in whole.figures]
    page = markdown(benchmark(cases=[whole.model_copy(update={"figures": figures})]))
    assert "- some repeats lack jitter of the blocks, live: fewer than three" in page


def test_schema_is_published() -> None:
    """`make schema` writes it."""
    written = ROOT / "docs" / "schema" / "efficiency-1.json"
    assert json.loads(written.read_text(encoding="utf-8")) == json_schema()


def test_a_long_video_has_a_plot_in_time_and_few_names(tmp_path: Path) -> None:
    """An hour of blocks: what is drawn grows with them, and not with their square."""
    whole = benchmark().cases[0]
    block = whole.blocks[-1]
    blocks = [block.model_copy(update={"repeat": 1, "block": n}) for n in range(600)]
    efficiency = benchmark(cases=[whole.model_copy(update={"blocks": blocks})])
    axes = Canvas().subplots()
    _timelines(axes, efficiency.cases[0], efficiency)
    assert len(axes.get_xticks()) <= 24
    tops = [bar.get_y() + bar.get_height() for bar in axes.patches if isinstance(bar, Rectangle)]
    assert max(tops) == pytest.approx(block.compute_ms / 1000)


def test_newer_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "efficiency.json"
    path.write_text(json.dumps({"schema_version": 2}))
    with pytest.raises(NewerFileError, match="at most 1"):
        read_efficiency(path)


RULES = "- outputs: [generation_s]\n  least: 0.5\n  least_share: 0.08\n"


@pytest.fixture
def check(tmp_path: Path) -> Callable[[Efficiency], Answer]:
    """The gate, with a baseline of the benchmark as it is."""
    write_folder(benchmark(), tmp_path / "before")
    rules, baseline = tmp_path / "rules.yaml", tmp_path / "baseline.json"
    rules.write_text(RULES)
    made_baseline = call(
        "check", tmp_path / "before" / "gate", "--against", baseline, "--update", "--performance"
    )
    assert made_baseline.code == 0, made_baseline.err

    def against(efficiency: Efficiency) -> Answer:
        write_folder(efficiency, tmp_path / "after")
        return call("check", tmp_path / "after" / "gate", "--against", baseline, "--rules", rules)

    return against


def test_gate_passes_what_is_as_fast(check: Callable[[Efficiency], Answer]) -> None:
    answer = check(benchmark(1.02))
    assert answer.code == 0, answer.out + answer.err
    assert "PASS" in answer.out


def test_gate_fails_what_is_slower(check: Callable[[Efficiency], Answer]) -> None:
    answer = check(benchmark(1.25))
    assert answer.code == 1, answer.out + answer.err
    assert "REGRESSION" in answer.out
    assert "liveact-tiny-64x64-6+8" in answer.out


def test_gate_wants_a_calibration_on_another_machine(check: Callable[[Efficiency], Answer]) -> None:
    other = {**MACHINE, "machine": {"cpu": "another", "cores": 2, "memory_gib": 8.0}}
    answer = check(benchmark(1.25, provenance=other))
    assert answer.code == 2, answer.out + answer.err
    assert "CALIBRATION NEEDED" in answer.out
    assert "REGRESSION" not in answer.out


def test_fingerprint_changes_with_what_moves_times() -> None:
    def of(device: str = "cpu", threads: int = 1, **given: Any) -> str:
        return fingerprint_of({**MACHINE, **given}, device=device, threads=threads)

    assert of() == of(command=["another"], revision="x")
    others = [of(threads=2), of(device="NVIDIA H200"), of(gpu=[{"name": "x"}]), of(packages={"torch": "3"})]
    assert len({of(), *others}) == 5


def test_peaks_are_exact_names_only() -> None:
    found = peak_of("NVIDIA H200", "float8")
    assert found is not None
    assert (found.tflops, "data sheet" in found.source) == (1978.9, True)
    assert peak_of("NVIDIA H200", "float16") == found._replace(tflops=989.4, precision="float16")
    assert peak_of("NVIDIA H200 NVL", "float8") is None
    assert peak_of("cpu", "float32") is None
    assert peak_of("NVIDIA A100-SXM4-80GB", "float8") is None
