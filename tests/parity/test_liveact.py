"""The transformer against values that the official modules gave."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from liveact_eval.liveact.config import DiTConfig
from liveact_eval.liveact.dit import CausalDiT
from liveact_eval.parity import liveact
from liveact_eval.parity.run import replay_folder
from liveact_eval.parity.vectors import FileResult

FILES = (
    "dit_tiny_audiocfg.safetensors",
    "dit_tiny_convkv.safetensors",
    "dit_tiny_inputs.safetensors",
    "dit_tiny_mean.safetensors",
    "dit_tiny_sp2.safetensors",
    "dit_tiny_trace.safetensors",
    "dit_tiny_weights.safetensors",
    "manifest_18b.json",
    "ops_tiny.safetensors",
    "wav2vec_tiny.safetensors",
    "wav2vec_tiny_weights.safetensors",
)


@cache
def replayed(folder: Path) -> dict[str, FileResult]:
    return {result.file: result for result in replay_folder(folder)}


@pytest.mark.parametrize("file", FILES)
def test_equals_the_official_modules(shared: Path, file: str) -> None:
    result = replayed(shared / "parity" / "liveact")[file]

    assert result.passed, (result.problem, result.worst_tensor, result.largest_difference, result.unreplayed)
    assert result.checked + result.loaded > 0


def test_every_file_is_replayed(shared: Path) -> None:
    assert sorted(replayed(shared / "parity" / "liveact")) == sorted(FILES)


def test_full_size_model_has_the_published_number_of_parameters() -> None:
    with torch.device("meta"):
        dit = CausalDiT(DiTConfig())

    assert sum(p.numel() for p in dit.parameters()) == 18_884_094_784
    assert len(dit.state_dict()) == 1713


@pytest.mark.parametrize(
    ("variant", "instead", "blocks_that_differ"),
    [
        ("convkv", "convkv-paper", [2, 3]),
        ("convkv", "mean", [2, 3]),
        ("convkv", "convkv-sp2", [2, 3]),
        ("convkv", "window", [2, 3]),
        ("sp2", "convkv", [2, 3]),
    ],
)
def test_another_memory_rule_shows_from_the_third_block_on(
    shared: Path, monkeypatch: pytest.MonkeyPatch, variant: str, instead: str, blocks_that_differ: list[int]
) -> None:
    only = {"weights": liveact.VARIANTS["convkv"], variant: liveact.Variant(instead)}
    monkeypatch.setattr(liveact, "VARIANTS", only)
    model = liveact._Model(shared / "parity" / "liveact", "dit_tiny")

    result = {r.file: r for r in model.replay()}[f"dit_tiny_{variant}.safetensors"]

    finals = {d.key: d for d in result.differences if d.key.startswith("final.")}
    assert [n for n in range(4) if not finals[f"final.{n}"].passed] == blocks_that_differ


def test_vectors_of_another_size_pass_and_a_changed_one_does_not(shared: Path, tmp_path: Path) -> None:
    """Cut the official rollout to its first three blocks: other inputs, other numbers of everything."""
    source = shared / "parity" / "liveact"
    for path in source.glob("dit_tiny_*.safetensors"):
        tensors = load_file(path)
        kept = {key: value for key, value in tensors.items() if not key.startswith(_of_block(3))}
        save_file(kept, tmp_path / path.name.replace("tiny", "short"))
    for path in source.glob("wav2vec_*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    stated = json.loads((source / "dit_tiny_config.json").read_text())
    stated["config"]["blocks"] = stated["config"]["blocks"][:3]
    (tmp_path / "dit_short_config.json").write_text(json.dumps(stated))
    (tmp_path / "vectors.json").write_text('{"kind": "liveact", "format": 1}')

    results = list(replay_folder(tmp_path))
    assert [r for r in results if not r.passed] == []

    vectors = load_file(tmp_path / "dit_short_convkv.safetensors")
    vectors["pred.2.1"][0, 0, 0, 0] += 1e-3
    save_file(vectors, tmp_path / "dit_short_convkv.safetensors")
    failed = [result for result in replay_folder(tmp_path) if not result.passed]
    assert [(result.file, result.worst_tensor) for result in failed] == [
        ("dit_short_convkv.safetensors", "pred.2.1")
    ]


@pytest.mark.parametrize("part", ["weights", "inputs", "mean"])
def test_a_truncated_file_fails_and_the_others_are_reported(shared: Path, tmp_path: Path, part: str) -> None:
    for path in (shared / "parity" / "liveact").iterdir():
        if path.name != "manifest_18b.json":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    broken = tmp_path / f"dit_tiny_{part}.safetensors"
    broken.write_bytes(broken.read_bytes()[:-100])

    results = {result.file: result for result in replay_folder(tmp_path)}

    assert sorted(results) == sorted(set(FILES) - {"manifest_18b.json"})
    assert "damaged" in str(results[broken.name].problem)
    assert results["ops_tiny.safetensors"].passed
    assert results["dit_tiny_convkv.safetensors"].passed == (part == "mean")


def _of_block(n: int) -> tuple[str, ...]:
    names = ("noise", "renoise", "audio_window", "pred", "pred_null", "latent", "final", "cache.b")
    return (
        *(f"{name}.{n}" for name in names[:-1]),
        f"cache.b{n}",
        f"cache.r0.b{n}",
        f"cache.r1.b{n}",
        f"b{n}.",
    )
