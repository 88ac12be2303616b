"""What is refused before anything is built, and what a request comes to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from liveact_eval.efficiency.request import BenchRequest, plan_bench
from liveact_eval.errors import BrokenEnvironmentError, UserError


def request(tmp_path: Path, **given: Any) -> BenchRequest:
    defaults: dict[str, Any] = {"model": "liveact-tiny", "out": tmp_path / "out", "device": "cpu"}
    return BenchRequest(**(defaults | given))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"model": "still"}, "kind control.*liveact-tiny"),
        ({"model": "liveact-tyni"}, "Did you mean 'liveact-tiny'"),
        ({"sizes": ("64",)}, "--size '64': expected WIDTHxHEIGHT"),
        ({"sizes": ("60x64",)}, "multiples of 16. The nearest is 64x64"),
        ({"sizes": ("64x64", "64x64")}, "Two cases are the same: 64x64, 64x64"),
        ({"blocks": ("6",)}, "--blocks '6': expected latent frames"),
        ({"blocks": ("2+2",)}, "Expected 4 or more"),
        ({"repeats": 1}, "--repeats 1: a spread needs 2; 5 are usual"),
        ({"seconds": 2.0}, "is 2 blocks of 64x64 at 20 frames per second.*needs 4. Give --seconds 6 or more"),
        ({"seconds": float("nan")}, "--seconds nan"),
        ({"metrics": ("psnr",)}, "none is given. Give --dataset"),
        ({"target_fps": 0.0}, "--target-fps 0: expected more than 0"),
        ({"options": ("fp8_cache",)}, "expected KEY=VALUE"),
        ({"options": ("fp8_cash=true",)}, "Did you mean 'fp8_cache'"),
        ({"options": ("fp8_cache=maybe",)}, "--set: fp8_cache"),
        ({"options": ("attention=nothing",)}, "nothing"),
        ({"weights": Path("x"), "random_weights": True}, "leave --weights out"),
        ({"device": "tpu"}, "tpu"),
        ({"dataset": "nowhere"}, "nowhere"),
        ({"dataset": "talkers", "sizes": ("64x64", "32x32")}, "--dataset scores the videos of one case"),
    ],
)
def test_refused(tmp_path: Path, given: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        plan_bench(request(tmp_path, **given))
    assert not (tmp_path / "out").exists()


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UserError, match="is a file"):
        plan_bench(request(tmp_path))
    with pytest.raises(UserError, match="is a file"):
        plan_bench(request(tmp_path, out=tmp_path / "out" / "deeper"))


def test_a_folder_that_takes_no_files_is_refused_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Permissions bind no one who runs as root, so the answer of the system is given here."""
    monkeypatch.setattr("os.access", lambda path, mode: path != tmp_path)
    with pytest.raises(BrokenEnvironmentError, match="takes no files from this user"):
        plan_bench(request(tmp_path))


def test_several_ranks_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match="2 ranks were started; expected 1"):
        plan_bench(request(tmp_path))


def test_least_seconds_are_enough(tmp_path: Path) -> None:
    plan = plan_bench(request(tmp_path, seconds=5.5))
    assert [case.frames for case in plan.cases] == [21 + 3 * 32]
    with pytest.raises(UserError, match="Give --seconds 6"):
        plan_bench(request(tmp_path, seconds=4.0))


def test_videos_end_with_a_whole_block(tmp_path: Path) -> None:
    plan = plan_bench(request(tmp_path, seconds=7.0, sizes=("32x16", "16x16"), blocks=("6+8", "8+4")))
    assert [(case.name, case.frames) for case in plan.cases] == [
        ("32x16, blocks 6+8", 21 + 4 * 32),
        ("32x16, blocks 8+4", 29 + 7 * 16),
        ("16x16, blocks 6+8", 21 + 4 * 32),
        ("16x16, blocks 8+4", 29 + 7 * 16),
    ]
    assert [case.recipe.options.memory for case in plan.cases[:2]] == ["convkv", "convkv-8-4"]


def test_defaults(tmp_path: Path) -> None:
    """On a CPU a small size, live sound, the card's own way to decode, and deadlines at its own rate."""
    plan = plan_bench(request(tmp_path, model="liveact-mini"))
    (case,) = plan.cases
    assert case.size == (64, 64)
    assert (case.recipe.options.speech, case.recipe.options.decode) == ("windowed", "carried")
    assert plan.target_fps == plan.fps == 25


def test_options_and_target(tmp_path: Path) -> None:
    given = ("speech=whole", "fp8_cache=true", "compile=off")
    plan = plan_bench(request(tmp_path, options=given, target_fps=24.0))
    options = plan.cases[0].recipe.options
    assert (options.speech, options.fp8_cache, options.compile) == ("whole", True, "off")
    assert plan.target_fps == 24


def test_size_of_a_dataset(tmp_path: Path) -> None:
    plan = plan_bench(request(tmp_path, model="liveact-mini", dataset="talkers-128"))
    assert plan.cases[0].size == (128, 128)


def test_random_weights_need_no_files(tmp_path: Path) -> None:
    """The 18.9 B model cannot be built here; its plan says what it would take, or that memory is short."""
    try:
        plan = plan_bench(request(tmp_path, model="liveact", random_weights=True, sizes=("64x64",)))
    except UserError as error:
        assert "Not enough memory" in str(error)
    else:
        assert plan.cases[0].recipe.weights is None
