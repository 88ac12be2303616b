"""Whole folders at other sizes than the published vectors: all pass, and every damage is seen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from liveact_eval.errors import UserError
from liveact_eval.parity import speech
from liveact_eval.parity.run import attempt, folder_kind, replay_folder, vector_files
from liveact_eval.parity.vectors import FileResult
from tests.unit.parity.folder import damage, write_speech


def failing(folder: Path, *, whole: bool = False) -> dict[str, FileResult]:
    """What does not pass; only `whole` goes on to the manifest, which takes longest and comes last."""
    found = {}
    for result in replay_folder(folder):
        if not result.passed:
            found[result.file] = result
        if result.file == "clip.safetensors" and not whole:
            break
    return found


def replayed_until(folder: Path, files: set[str]) -> dict[str, FileResult]:
    """Results of these files; what comes behind the last of them is not replayed."""
    found: dict[str, FileResult] = {}
    for result in replay_folder(folder):
        if result.file in files:
            found[result.file] = result
            if len(found) == len(files):
                break
    return found


def test_another_folder_passes(made: Path) -> None:
    results = list(replay_folder(made))
    assert [result.file for result in results if not result.passed] == []
    assert sorted(result.file for result in results) == vector_files(made)
    assert sum(result.checked for result in results) > 900


def test_tolerance_can_be_set(made: Path) -> None:
    found = {}
    for result in replay_folder(made, tolerance=1e-3):
        found[result.file] = result.tolerance
        if result.file == "prompt_clean.json":
            break
    assert found["vae.safetensors"] == 1e-3
    assert found["prompt_clean.json"] == 0.0


@pytest.mark.parametrize(
    "damages",
    [
        [
            ("vae.safetensors", "enc.norm.5", "vae.safetensors"),
            ("vae_stream.safetensors", "stream.block.2", "vae_stream.safetensors"),
            ("t5.safetensors", "trace.block.1", "t5.safetensors"),
            ("clip.safetensors", "a.b.pixels_sample", "clip.safetensors"),
        ],
        [
            ("vae.safetensors", "dec.preclamp.3", "vae.safetensors"),
            ("t5.safetensors", "context_padded", "t5.safetensors"),
            ("clip_weights.safetensors", "visual.transformer.1.attn.to_qkv.bias", "clip.safetensors"),
        ],
        [
            ("vae.safetensors", "y.mask", "vae.safetensors"),
            ("t5_weights.safetensors", "blocks.1.ffn.gate.0.weight", "t5.safetensors"),
        ],
        [("vae.safetensors", "std", "vae.safetensors")],
        [("vae_weights.safetensors", "decoder.upsamples.7.time_conv.weight", "vae_stream.safetensors")],
    ],
)
def test_one_wrong_number_is_seen(vectors: Path, damages: list[tuple[str, str, str]]) -> None:
    for file, key, _ in damages:
        damage(vectors / file, key, amount=0.1)
    sufferers = {sufferer for _, _, sufferer in damages}
    found = replayed_until(vectors, sufferers)
    assert set(found) == sufferers
    for result in found.values():
        assert not result.passed
        assert result.worst is not None
        assert result.worst.largest > 5e-5


def test_a_wrong_bucket_is_seen(vectors: Path) -> None:
    path = vectors / "t5.safetensors"
    tensors = load_file(path)
    tensors["buckets"][7] += 1
    save_file(tensors, path)
    assert failing(vectors)["t5.safetensors"].worst_tensor == "buckets"


def test_nan_in_weights_is_seen(vectors: Path) -> None:
    damage(vectors / "t5_weights.safetensors", "norm.weight", float("nan"))
    found = failing(vectors)
    assert sorted(found) == ["t5.safetensors", "t5_weights.safetensors"]


def test_an_extra_tensor_fails(vectors: Path) -> None:
    for name in ("vae.safetensors", "clip_weights.safetensors"):
        save_file({**load_file(vectors / name), "visual.surprise": torch.ones(1)}, vectors / name)
    found = failing(vectors)
    assert found["vae.safetensors"].unreplayed == ("visual.surprise",)
    assert "visual.surprise" in str(found["clip_weights.safetensors"].problem)


def test_a_damaged_file_fails_alone(vectors: Path) -> None:
    path = vectors / "vae_stream.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    (vectors / "t5.safetensors").unlink()
    found = failing(vectors)
    assert sorted(found) == ["t5.safetensors", "vae_stream.safetensors"]
    assert "damaged or incomplete" in str(found["vae_stream.safetensors"].problem)
    assert "lack t5.safetensors" in str(found["t5.safetensors"].problem)


def test_inputs_that_do_not_fit_fail_alone(vectors: Path) -> None:
    path = vectors / "vae.safetensors"
    save_file({**load_file(path), "enc.video": torch.zeros(1, 3, 5, 30, 16)}, path)
    found = failing(vectors)
    assert list(found) == ["vae.safetensors"]
    assert "multiples of 8" in str(found["vae.safetensors"].problem)


def test_a_file_that_nobody_knows_is_reported(vectors: Path) -> None:
    save_file({"a": torch.ones(1)}, vectors / "vae_new.safetensors")
    (vectors / "deep").mkdir()
    unknown = ["deep/more.npz", "more.SAFETENSORS", "more.json", "more.npy", "more.npz"]
    for name in (*unknown, "my_config.json", "notes.md", ".hidden.npz", "LICENSE"):
        (vectors / name).write_text("{}", encoding="utf-8")
    found = failing(vectors, whole=True)
    assert sorted(found) == [*unknown, "vae_new.safetensors"]
    assert all(str(result.problem).startswith("not replayed") for result in found.values())


def test_wrong_clean_up_and_wrong_manifest_are_seen(vectors: Path) -> None:
    (vectors / "prompt_clean.json").write_text(json.dumps([{"text": "A", "clean": "a"}]), encoding="utf-8")
    manifest = json.loads((vectors / "manifest_official.json").read_text(encoding="utf-8"))
    manifest["t5"]["shapes"]["norm.weight"] = [4095]
    del manifest["vae"]["shapes"]["conv2.bias"]
    (vectors / "manifest_official.json").write_text(json.dumps(manifest), encoding="utf-8")
    found = failing(vectors, whole=True)
    assert sorted(found) == ["manifest_official.json", "prompt_clean.json"]
    wrong = [one.key for one in found["manifest_official.json"].differences if not one.passed]
    assert wrong == ["t5: encoder.final_layer_norm.weight", "vae: post_quant_conv.bias", "vae: tensors"]


def test_speech_of_another_size_passes_and_damage_is_seen(tmp_path: Path) -> None:
    write_speech(tmp_path)
    assert all(result.passed for result in speech.replay(tmp_path))
    damage(tmp_path / "wav2vec_tiny.safetensors", "in2.hidden.1")
    weights, cases = speech.replay(tmp_path)
    assert weights.passed
    assert cases.worst_tensor == "in2.hidden.1"


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (None, "holds no vectors.json"),
        ("{", "is damaged"),
        ("[]", "names no kind of vectors"),
        ('{"kind": "encoder", "format": 1}', "Did you mean 'encoders'"),
        ('{"kind": "encoders", "format": 2}', "format 2; this version reads format 1"),
    ],
)
def test_folders_of_no_known_kind(tmp_path: Path, index: str | None, message: str) -> None:
    if index is not None:
        (tmp_path / "vectors.json").write_text(index, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        folder_kind(tmp_path)


def test_sizes_that_are_missing_are_named(vectors: Path) -> None:
    (vectors / "config.json").write_text('{"vae": {}}', encoding="utf-8")
    with pytest.raises(UserError, match="KeyError: 'dim'"):
        list(replay_folder(vectors))


def test_what_breaks_inside_a_library_is_a_failure_with_its_reason() -> None:
    def replay() -> FileResult:
        torch.ones(2) @ torch.ones(3)
        raise AssertionError

    assert "RuntimeError: " in str(attempt("x", replay).problem)
