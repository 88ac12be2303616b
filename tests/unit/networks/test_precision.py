"""Networks in bfloat16: near the float32 ones, float32 outside, named in recipes, and refused where impossible."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from liveact_eval.errors import UserError
from liveact_eval.networks import precision
from liveact_eval.networks.catalogue import catalogue
from liveact_eval.networks.precision import check_bfloat16, lower, native_on_cpu
from liveact_eval.networks.provider import Networks
from tests import shallow

TOLERANCE = 0.05
"""Length of the difference by that of the float32 result: eight bits are 0.004 a step, and there are many steps, in
another order on every kind of processor."""
GENERATOR = torch.Generator().manual_seed(0)
Run = Callable[[nn.Module], Tensor]


def pictures(side: int) -> Tensor:
    return torch.randn(2, 3, side, side, generator=GENERATOR)


MOUTHS = torch.randint(0, 256, (6, 224, 224, 3), generator=GENERATOR, dtype=torch.uint8)
STEPS = torch.randn(3, 20, 13, generator=GENERATOR)
RUNS: dict[str, Run] = {
    "clip_vitb32": lambda network: network(pictures(224)),
    "clip_vitl14": lambda network: network(pictures(224)),
    "dino_vitb16": lambda network: network(pictures(64)),
    "iresnet100": lambda network: network(pictures(112)),
    "iresnet50": lambda network: network(pictures(112)),
    "musiq": lambda network: network(pictures(64).sigmoid()),
    "syncnet": lambda network: network.embed_video(MOUTHS),
    "syncnet, sound": lambda network: network.embed_audio(STEPS),
}


@pytest.fixture(scope="module")
def full() -> Networks:
    return shallow.networks("float32")


@pytest.fixture(scope="module")
def half() -> Networks:
    return shallow.networks("bfloat16")


def test_every_network_that_may_is_tried() -> None:
    assert {run.partition(",")[0] for run in RUNS} == set(shallow.NAMES)
    for entry in catalogue().values():
        assert entry.float32_only is None or len(entry.float32_only) > 10, entry.name


@pytest.mark.slow
@pytest.mark.parametrize("run", RUNS)
def test_results_are_near_and_float32(run: str, full: Networks, half: Networks) -> None:
    found = []
    for networks in (full, half):
        GENERATOR.manual_seed(1)
        with torch.inference_mode():
            found.append(RUNS[run](networks.get(run.partition(",")[0])))
    expected, made = found
    assert made.dtype == expected.dtype == torch.float32
    assert made.shape == expected.shape
    difference = float((made - expected).norm() / expected.norm())
    # Something did change: it is no float32 under another name.
    assert 1e-5 < difference < TOLERANCE


def test_what_computes_inside_is_bfloat16_and_group_norms_are_not() -> None:
    seen: dict[str, torch.dtype] = {}
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.GroupNorm(2, 4), nn.Flatten(), nn.Linear(4, 2))
    for name in ("0", "1", "3"):
        network[int(name)].register_forward_hook(
            lambda _, __, made, name=name: seen.update({name: made.dtype})
        )
    lower(network, "cpu")
    made = network(torch.ones(1, 3, 1, 1))
    assert seen == {"0": torch.bfloat16, "1": torch.float32, "3": torch.bfloat16}
    assert made.dtype == torch.float32
    assert {weight.dtype for weight in network.parameters()} == {torch.float32}


@pytest.mark.slow
def test_without_being_asked_nothing_is_replaced(full: Networks, half: Networks) -> None:
    for name in shallow.NAMES:
        assert not any("forward" in vars(module) for module in full.get(name).modules()), name
        assert "forward" in vars(half.get(name)), name
    assert Networks().precision == "float32"


def test_a_network_that_must_not_stays_as_it_is() -> None:
    networks = Networks(mode="seeded", precision="bfloat16")
    x = torch.ones(2, 768)
    assert not networks.in_bfloat16("aesthetic")
    assert torch.equal(networks.get("aesthetic")(x), Networks(mode="seeded").get("aesthetic")(x))


def test_recipes_say_which_networks_run_so() -> None:
    half, full = Networks(mode="seeded", precision="bfloat16"), Networks(mode="seeded")
    assert half.identity("dino_vitb16") == "dino_vitb16:seeded:bf16"
    assert full.identity("dino_vitb16") == "dino_vitb16:seeded"
    for name in ("raft", "amt_s", "i3d_script", "inception_script", "yunet", "s3fd", "fan", "lpips_alex"):
        assert half.identity(name) == full.identity(name) == f"{name}:seeded"


def test_providers_of_two_precisions_are_two() -> None:
    half = Networks(mode="seeded", precision="bfloat16")
    assert half != Networks(mode="seeded")
    # A worker process gets what was asked for.
    assert copy.deepcopy(half) == half


@pytest.mark.parametrize(
    ("line", "native"),
    [
        ("flags\t\t: fpu avx512f avx512_bf16 sse", True),
        ("flags\t\t: fpu amx_bf16", True),
        ("Features\t: fp asimd bf16", True),
        ("flags\t\t: fpu avx512f avx512bw", False),
        ("model name\t: bf16 avx512_bf16", False),
        ("", False),
    ],
)
def test_instructions_of_the_processor(line: str, native: bool, tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text(f"processor\t: 0\n{line}\n", encoding="utf-8")
    assert native_on_cpu(info) is native
    assert not native_on_cpu(tmp_path / "none")


def test_a_slow_processor_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "native_on_cpu", lambda: True)
    assert check_bfloat16("cpu") is None
    monkeypatch.setattr(precision, "native_on_cpu", lambda: False)
    said = check_bfloat16("cpu")
    assert said is not None and "it works, and is likely to be slower than float32" in said


@pytest.mark.parametrize(
    ("device", "capability", "said"),
    [
        ("cuda", (7, 5), r"Turing has compute capability 7\.5; bfloat16 needs 8\.0 or more"),
        ("cuda:2", (9, 0), r"there are 2 CUDA devices, numbered from 0"),
        ("cuda:x", (9, 0), r"there are 2 CUDA devices"),
        ("tpu", (9, 0), r"networks\.device tpu; cpu, cuda or cuda:N is expected"),
        ("cuda:1", (8, 0), None),
        ("cuda", (9, 0), None),
    ],
)
def test_devices(
    device: str, capability: tuple[int, int], said: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "Turing")
    if said is None:
        assert check_bfloat16(device) is None
        return
    with pytest.raises(UserError, match=said):
        check_bfloat16(device)


def test_no_cuda_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match=r"finds no CUDA device\. Leave networks\.precision out"):
        check_bfloat16("cuda")
