"""Benchmarks of programs: what is refused, what is measured, and what the result says of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from liveact_eval.efficiency.benchmark import frames_of, measure, plan_benchmark
from liveact_eval.efficiency.figures import FIGURES, Figure
from liveact_eval.efficiency.folder import write_folder
from liveact_eval.efficiency.gate_run import write_gate_run
from liveact_eval.efficiency.printed import NO_LINES
from liveact_eval.efficiency.programs.figures import OUTSIDE
from liveact_eval.efficiency.programs.said import device_of
from liveact_eval.efficiency.report import conditions, lines_below, markdown
from liveact_eval.efficiency.request import BenchRequest
from liveact_eval.efficiency.schema import Efficiency, read_efficiency
from liveact_eval.errors import UserError
from liveact_eval.results.folder import Layout
from liveact_eval.results.journal import Journal
from liveact_eval.results.schema import read_results
from tests.unit.efficiency.printing_program import BLOCKS, says, write_function_card, write_program_card


def request(folder: Path, card: Path, **given: Any) -> BenchRequest:
    defaults: dict[str, Any] = {"model": str(card), "out": folder / "out", "seconds": 2.0, "repeats": 2}
    return BenchRequest(**(defaults | given))


def benched(folder: Path, card: Path, **given: Any) -> tuple[Efficiency, list[int]]:
    told: list[int] = []
    return measure(plan_benchmark(request(folder, card, **given)), told.append), told


def values(result: Efficiency) -> dict[str, Figure]:
    return {figure.name: figure for figure in result.cases[0].figures}


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Efficiency, list[int], Path]:
    folder = tmp_path_factory.mktemp("printer")
    return *benched(folder, write_program_card(folder, says(BLOCKS, "loaded in 12.5 s"))), folder


def test_every_figure_has_a_number_or_a_reason(printed: tuple[Efficiency, list[int], Path]) -> None:
    found = values(printed[0])
    assert list(found) == [spec.name for spec in (*FIGURES, *OUTSIDE)]
    assert all((figure.value is None) == (figure.reason is not None) for figure in found.values())
    known = {name: figure.values for name, figure in found.items() if figure.value is not None}
    assert known["stalls"] == [1.0, 1.0]
    assert known["stalled_ms"] == pytest.approx([300.0, 300.0])
    assert known["lip_delay_p95_ms"] == pytest.approx([700.0, 700.0])
    assert known["block_p99_ms"] == pytest.approx([900.0, 900.0])
    assert known["fps_sustained"] == pytest.approx([40 / 1.8] * 2)
    assert "printed" in found["fps_sustained"].title and "VAE" not in found["fps_sustained"].title
    assert "no live call" in (found["delay_p95_ms"].reason or "")
    assert "models show printer" in (found["mfu"].reason or "")


def test_wall_time_is_seen_from_outside(printed: tuple[Efficiency, list[int], Path]) -> None:
    """The blocks claim seconds; the process took what it took."""
    (case,) = printed[0].cases
    found = values(printed[0])
    assert case.video_s == found["video_s"].values
    assert all(0 < seconds < 5 for seconds in case.video_s or [])
    assert found["fps_wall"].values == pytest.approx([50 / seconds for seconds in case.video_s or []])


def test_every_block_is_in_the_file(printed: tuple[Efficiency, list[int], Path]) -> None:
    (case,) = printed[0].cases
    assert [(b.repeat, b.block, b.steady) for b in case.blocks] == [
        (repeat, block, repeat > 0 and block > 0) for repeat in range(3) for block in range(5)
    ]
    assert [b.compute_ms for b in case.blocks[:5]] == pytest.approx([4000, 400, 200, 900, 300])
    came = [block for block in case.live_blocks if block.repeat == 1]
    assert [(block.block, block.real_ms) for block in came] == [(n, None) for n in (1, 2, 3, 4)]
    assert [block.simulated_ms for block in came] == pytest.approx([400, 600, 1500, 1800])


def test_the_page_says_that_it_is_a_model(printed: tuple[Efficiency, list[int], Path]) -> None:
    result = printed[0]
    assert (result.runs_as, result.live_call, result.device, result.device_count) == (
        "program",
        "printed",
        "cpu",
        1,
    )
    said = conditions(result)
    assert "playout modelled from the times of blocks that the program printed" in said
    assert "precision as the program has it" in said
    below = "\n".join(lines_below(result))
    assert "not seen in a live call: all sound was there from the start" in below
    assert "prints no time to its first frame" in below
    assert "networks built in 12.5 s, first frame of the first video after 4000 ms" in below
    assert "loading its weights is in it" in below
    assert "slower than speech" in below
    assert len(result.fingerprint) == 12


def test_logs_stay_and_videos_go(printed: tuple[Efficiency, list[int], Path]) -> None:
    _, told, folder = printed
    assert told == [50, 50, 50]
    logs = {path.name for path in (folder / "out" / "logs").iterdir()}
    assert logs == {"cold-32x32.log", "32x32-1.log", "32x32-2.log"}
    assert "block took 900 ms" in (folder / "out" / "logs" / "32x32-2.log").read_text()


def test_folder_is_written_and_read(printed: tuple[Efficiency, list[int], Path], tmp_path: Path) -> None:
    write_folder(printed[0], tmp_path)
    assert read_efficiency(tmp_path / "efficiency.json") == printed[0]
    assert {path.name for path in (tmp_path / "plots").iterdir()} == {"timeline.png"}
    assert "| stalls without a buffer, modelled ↓ | 1 |" in markdown(printed[0])
    gate = Layout(tmp_path / "gate")
    (model,) = read_results(gate.results).models
    assert (model.name, model.kind) == ("printer-32x32", "command")
    with Journal(gate.journal) as journal:
        seconds = [unit.seconds for unit in journal.units().values()]
    assert sorted(seconds) == sorted(printed[0].cases[0].video_s or [])


def test_the_gate_knows_the_request_and_not_the_outcome(
    printed: tuple[Efficiency, list[int], Path], tmp_path: Path
) -> None:
    """Another run of the same is compared with it; a program with other arguments is not."""
    one = printed[0]
    case = one.cases[0]
    slower = case.model_copy(update={"video_s": [9.0, 9.0]})
    other = case.model_copy(update={"ran": case.ran | {"arguments": "another.py"}})
    hashes = []
    for place, changed in enumerate((case, slower, other)):
        write_gate_run(one.model_copy(update={"cases": [changed]}), tmp_path / str(place))
        described = json.loads((tmp_path / str(place) / "run.json").read_text())
        hashes.append([clip["content_hash"] for clip in described["clips"]])
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_program_that_prints_nothing_is_timed_from_outside(tmp_path: Path) -> None:
    result, _ = benched(tmp_path, write_program_card(tmp_path, "nothing of note"))
    assert result.live_call == "none"
    assert {name for name, figure in values(result).items() if figure.value is not None} == {
        "video_s",
        "fps_wall",
    }
    assert values(result)["stalls"].reason == NO_LINES
    assert (result.cases[0].blocks, result.cases[0].live_blocks) == ([], [])
    write_folder(result, tmp_path / "out")
    assert list((tmp_path / "out" / "plots").glob("*")) == []


def test_a_function_that_stays_loaded(tmp_path: Path) -> None:
    result, _ = benched(tmp_path, write_function_card(tmp_path))
    assert result.runs_as == "loaded function"
    assert values(result)["stalls"].value == 1.0
    assert result.cases[0].ran["function"] == "served:load"
    assert any("loading its weights is not in it" in line for line in result.notes)


def test_a_line_about_the_first_frame_is_taken(tmp_path: Path) -> None:
    card = write_program_card(tmp_path, says(BLOCKS, "first frame after 2.5 s"))
    result, _ = benched(tmp_path, card)
    assert values(result)["ttff_ms"].value == 2500.0
    assert "the time to the first frame is as the program printed it" in result.notes


def test_too_few_blocks_are_told_after_the_first_video(tmp_path: Path) -> None:
    card = write_program_card(tmp_path, says(BLOCKS[:2]))
    with pytest.raises(
        UserError, match=r"printed 2 blocks.*first 1 warm up.*needs 3. Give --seconds 3 or more"
    ):
        benched(tmp_path, card)


def test_a_program_that_fails_is_told(tmp_path: Path) -> None:
    card = write_program_card(tmp_path, variables={"SAYS": "", "MISBEHAVE": "crash"})
    with pytest.raises(UserError, match="the kernel is not for this device"):
        benched(tmp_path, card)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"live": True}, "--live feeds sound.*modelled from the times that the program prints"),
        (
            {"blocks": ("6+8",), "options": ("fp8_cache=true",)},
            "--blocks, --set: options of models of this package",
        ),
        ({"device": "cuda"}, "--device: .*CUDA_VISIBLE_DEVICES chooses GPUs"),
        ({"repeats": 1}, "--repeats 1: a spread needs 2"),
        ({"sizes": ("32x32", "32x32")}, "Two cases are the same"),
        ({"dataset": "talkers", "sizes": ("32x32",)}, "clips of --dataset have their own size"),
    ],
)
def test_refused(tmp_path: Path, given: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        plan_benchmark(request(tmp_path, write_program_card(tmp_path), **given))
    assert not (tmp_path / "out").exists()


def test_what_is_missing_is_told_before_anything_starts(tmp_path: Path) -> None:
    card = write_program_card(tmp_path, python="/no/such/python")
    with pytest.raises(UserError, match=r"1 thing is missing\. Nothing was started"):
        plan_benchmark(request(tmp_path, card))


def test_size_and_rate_are_the_cards(tmp_path: Path) -> None:
    plan = plan_benchmark(
        request(tmp_path, write_program_card(tmp_path, length={"fps": 20.0}), target_fps=24.0)
    )
    assert [case.size for case in plan.cases] == [(32, 32)]
    assert (plan.fps, plan.target_fps, plan.cases[0].frames) == (20.0, 24.0, 40)
    assert frames_of(plan) == 3 * 40
    asked = request(tmp_path, tmp_path / "printer.yaml", sizes=("64x64", "32x16"))
    assert [case.name for case in plan_benchmark(asked).cases] == ["64x64", "32x16"]


def test_devices_have_names() -> None:
    gpus = {"gpu": [{"name": "NVIDIA H200"}, {"name": "NVIDIA H200"}]}
    assert device_of(gpus, 2) == "NVIDIA H200"
    assert device_of(gpus, 0) == "cpu"
    assert device_of({"gpu": []}, 1) == "GPU of unknown name"
