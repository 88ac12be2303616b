"""The networks of Human Anatomy: numbers of the original definitions with the same seeded weights, and their files."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from liveact_eval.errors import UserError
from liveact_eval.networks import human_networks as human
from liveact_eval.networks import simmim_vit
from liveact_eval.networks import yolo_world as yolo
from liveact_eval.networks.seeded import fill_seeded, seeded_tensor
from liveact_eval.networks.seeded_networks import _pictures
from liveact_eval.networks.simmim_vit import SIDE, build_simmim_vit, relative_positions
from liveact_eval.networks.trainer_files import read_trainer_state


@pytest.fixture(scope="module")
def narrow() -> yolo.YoloWorld:
    """The narrow detector with seeded weights by official names, as the original was filled."""
    made = yolo.build_yolo_world(human.SEEDED_SIZES)
    fill_seeded(made, "yolo_world_test", official=yolo.official_name)
    return made


def test_the_detector_gives_what_the_original_gives(narrow: yolo.YoloWorld) -> None:
    # Stored: scores and boxes of some places by the modules of AILab-CVC/YOLO-World and MMYOLO as VBench-2.0 carries
    # them, widths times 0.125 and one block each, 4 heads or 2 in the finest map.
    texts = F.normalize(seeded_tensor("liveact-eval", "t", "texts", (3, 512)), dim=-1)
    with torch.inference_mode():
        scores, boxes = narrow(_pictures(1, 128) / 255, texts)
    assert scores.shape == (1, 16**2 + 8**2 + 4**2, 3)
    expected = [
        [0.523321, 0.552874, 0.533104],
        [0.514949, 0.544227, 0.526902],
        [0.474573, 0.488671, 0.53906],
        [0.49464, 0.441607, 0.46997],
    ]
    torch.testing.assert_close(scores[0, [0, 100, 300, 335]], torch.tensor(expected), atol=2e-5, rtol=0)
    distances = torch.tensor(
        [
            [7.36799, 7.6975, 7.3344, 7.442],
            [7.65989, 7.68087, 7.41227, 7.46222],
            [7.51707, 7.62312, 7.36063, 7.53738],
        ]
    )
    centres = torch.tensor([[4.0, 4.0], [16 * 4.5, 16 * 5.5], [32 * 3.5, 32 * 3.5]])
    sides = distances * torch.tensor([[8.0], [16.0], [32.0]])
    stored = torch.cat([centres - sides[:, :2], centres + sides[:, 2:]], dim=1)
    torch.testing.assert_close(boxes[0, [0, 300, 335]], stored, atol=2e-3, rtol=0)


def test_pictures_of_a_batch_do_not_touch_each_other(narrow: yolo.YoloWorld) -> None:
    pictures = _pictures(2, 96) / 255
    with torch.inference_mode():
        together, alone = narrow(pictures, narrow.parts), narrow(pictures[1:], narrow.parts)
    for both, one in zip(together, alone, strict=True):
        torch.testing.assert_close(both[1:], one, atol=1e-4, rtol=0)
    with pytest.raises(ValueError, match="multiples of 32"):
        narrow(torch.zeros(1, 3, 100, 96), narrow.parts)


def test_the_full_detector_has_the_size_of_the_original() -> None:
    with torch.device("meta"):
        made = yolo.YoloWorld()
    # 651 tensors and 104.7 million parameters in the original, whose file has no embeddings.
    assert len(made.state_dict()) == 651 + 2
    assert sum(parameter.numel() for parameter in made.parameters()) == 104_679_696


@pytest.fixture
def small_tower(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the text tower of CLIP be thin: its file would be a quarter of a gigabyte."""
    import transformers

    # Importing the model would put the configuration back in its place.
    full, _ = transformers.CLIPTextConfig, transformers.CLIPTextModelWithProjection
    thin = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    monkeypatch.setattr(transformers, "CLIPTextConfig", lambda: full(**thin))


def tower() -> dict[str, Tensor]:
    """A text tower with seeded weights, by the names of transformers."""
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection

    with torch.device("meta"):
        shapes = {
            name: tuple(value.shape)
            for name, value in CLIPTextModelWithProjection(CLIPTextConfig()).named_parameters()
        }
    generator = torch.Generator().manual_seed(0)
    return {name: 0.3 * torch.randn(shape, generator=generator) for name, shape in shapes.items()}


@pytest.mark.slow
@pytest.mark.usefixtures("small_tower")
def test_the_file_brings_the_words_along(
    narrow: yolo.YoloWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = tower()
    state = {yolo.official_name(k): v for k, v in narrow.state_dict().items() if k not in ("people", "parts")}
    state |= {f"backbone.text_model.model.{name}": tensor for name, tensor in texts.items()}
    state["backbone.text_model.model.text_model.embeddings.position_ids"] = torch.arange(77)[None]
    torch.save({"meta": {"epoch": 100}, "state_dict": state}, tmp_path / "yolo.pth")
    monkeypatch.setattr(human, "build_yolo_world", lambda: yolo.build_yolo_world(human.SEEDED_SIZES))
    made: Any = human.load_yolo_world(tmp_path / "yolo.pth")
    assert made.people.shape == (2, 512) and made.parts.shape == (3, 512)
    torch.testing.assert_close(made.people.norm(dim=1), torch.ones(2))
    # A word means the same in whatever company, as the padding is not read.
    torch.testing.assert_close(made.people[1], made.parts[2], atol=1e-5, rtol=0)
    assert float((made.parts[0] - made.parts[1]).abs().max()) > 1e-3
    own = narrow.state_dict()
    assert all(torch.equal(made.state_dict()[k], own[k]) for k in own if k not in ("people", "parts"))

    del state["backbone.text_model.model.text_projection.weight"]
    torch.save({"state_dict": state}, tmp_path / "cut.pth")
    with pytest.raises(UserError, match="is not the file of YoloWorld: the text tower is not that"):
        human.load_yolo_world(tmp_path / "cut.pth")
    torch.save({"state_dict": {"neck.x": torch.zeros(1)}}, tmp_path / "other.pth")
    with pytest.raises(UserError, match="nothing says what the words mean"):
        human.load_yolo_world(tmp_path / "other.pth")


class Settings(dict[str, Any]):
    """Stands for the settings object in a trainer's file; opening the file must not make one."""

    made = 0

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        type(self).made += 1

    def __reduce__(self) -> Any:
        return Settings, (dict(self),), {"frozen": True}, None, iter({"a": 1}.items())


@pytest.mark.slow
def test_a_judge_is_that_of_the_original() -> None:
    judge = human.anatomy_human()
    pictures = _pictures(2, SIDE) / 127.5 - 1
    with torch.inference_mode():
        logits = judge(pictures)
    # By microsoft/SimMIM's vision transformer, as VBench-2.0 carries and configures it, with the same weights.
    stored = torch.tensor([[1.693373, -2.573905], [1.654049, -0.189521]])
    torch.testing.assert_close(logits, stored, atol=2e-5, rtol=0)
    with pytest.raises(ValueError, match=r"expected \(B, 3, 224, 224\)"):
        judge(pictures[..., :-1])


def test_a_judge_comes_out_of_a_trainers_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simmim_vit, "_DEPTH", 1)
    judge, path = human.anatomy_human(), tmp_path / "human.pth"
    extras = {"optimizer": {0: [Settings()]}, "epoch": 3, "config": Settings()}
    torch.save({"model": judge.state_dict(), **extras}, path)
    made = Settings.made
    loaded = human.load_anatomy_judge(path)
    assert Settings.made == made
    state = judge.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in loaded.state_dict().items())


def test_nothing_but_tensors_is_read(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return Path.touch, (tmp_path / "touched",)

    path = tmp_path / "evil.pth"
    torch.save({"model": {"x": torch.ones(2)}, "config": Evil()}, path, pickle_module=pickle)
    assert torch.equal(read_trainer_state(path)["x"], torch.ones(2))
    assert not (tmp_path / "touched").exists()
    others: list[Any] = [{"weights": {}}, {"model": {"x": 3}}, [1]]
    for content in others:
        torch.save(content, path)
        with pytest.raises(UserError, match="holds no table of tensors named 'model'"):
            read_trainer_state(path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UserError, match="cannot be read as tensors"):
        read_trainer_state(path)


def test_relative_positions_are_those_of_the_original() -> None:
    index = relative_positions()
    assert index[:3, :4].tolist() == [[731, 729, 729, 729], [730, 364, 363, 362], [730, 365, 364, 363]]
    assert int(index.sum()) == 14_270_119 and int(index[5, 100]) == 178
    assert "blocks.0.attn.relative_position_index" in build_simmim_vit().state_dict()


def test_the_seeded_detector_finds_little() -> None:
    made: Any = human.yolo_world()
    with torch.inference_mode():
        scores, _ = made(_pictures(4, 320) / 255, torch.cat([made.people, made.parts]))
    above = (scores > 0.1).sum(dim=(1, 2))
    assert 0 < int(above.sum()) < 100
