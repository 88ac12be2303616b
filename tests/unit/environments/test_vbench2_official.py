"""The human dimensions of VBench-2.0 by the backend vbench-official: its worker around a stand-in of the same shape."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from liveact_eval.environments import vbench_official
from liveact_eval.environments.cards import load_environment
from liveact_eval.environments.official_run import OfficialRun, Video
from liveact_eval.environments.store import BuiltEnvironment
from liveact_eval.environments.vbench_official import (
    DIMENSIONS,
    HUMAN_DIMENSIONS,
    HUMAN_ENVIRONMENT,
    Tool,
    open_tools,
)
from liveact_eval.errors import UserError
from liveact_eval.metrics.registry import shipped
from liveact_eval.results.journal import Journal
from tests.unit.environments.test_environment_store import record
from tests.unit.environments.test_vbench_official import Told

COMMIT = "45e79ec14e69a2187202c675d2dbce1a71843d53"
NOTE = """
import json, os
def note(**said):
    with open(os.environ['ASKED'], 'a') as log:
        log.write(json.dumps(said) + '\\n')
"""
FILES = {
    "note.py": NOTE,
    "torch/__init__.py": (
        "class device:\n    def __init__(self, name):\n        self.type = name\n"
        "    def __str__(self):\n        return self.type\n"
        "def load(path, map_location, weights_only):\n    assert weights_only\n    return {'module.a': path}\n"
    ),
    "torch/utils/__init__.py": "",
    "torch/utils/model_zoo.py": "def load_url(url, progress, map_location):\n    return url.rsplit('/', 1)[1]\n",
    "mmcv.py": "__version__ = '2.2.0'\n",
    # As published: both look at the version when they are imported.
    "mmdet.py": "import mmcv\nassert mmcv.__version__ < '2.1', mmcv.__version__\n",
    "mmyolo.py": "import mmcv\nassert mmcv.__version__ < '2.1', mmcv.__version__\n",
    "mmengine/__init__.py": "",
    "mmengine/config.py": """
from types import SimpleNamespace as Part
class Config:
    @staticmethod
    def fromfile(path):
        with open(path) as text:
            text_model = Part(model_name=text.read().strip())
        return Part(model=Part(backbone=Part(text_model=text_model)))
""",
    "repo/VBench-2.0/detector.py": "/mnt/authors/clip\n",
    "repo/VBench-2.0/vbench2/__init__.py": "from .utils import init_submodules\n",
    "repo/VBench-2.0/vbench2/hack_registry.py": "",
    "repo/VBench-2.0/vbench2/utils.py": """
import os
CACHE_DIR = os.environ['VBENCH2_CACHE_DIR']
def init_submodules(names, local):
    judge = {'cfg_path': 'c', 'weight_path': 'w', 'threshold': 0.3}
    return {
        'Human_Anatomy': {'detector_config': 'detector.py', 'detector_weights': 'd.pth',
                          'analyzer_configs': {'human': judge, 'face': judge}, 'batch_size': 128},
        'Human_Identity': {'model': 'arcface.pth'},
        'Human_Clothes': {'llava': 'llava'},
    }
""",
    "repo/VBench-2.0/vbench2/third_party/ViTDetector/detect.py": """
import mmcv, os
from note import note
class Detector:
    def __init__(self, config_file, weight_file, device='cuda'):
        note(text=config_file.model.backbone.text_model.model_name, weights=weight_file, mmcv=mmcv.__version__)
    def detect_video(self, path):
        return [os.path.basename(path)]
class Analyzer:
    def __init__(self, model_configs, device='cuda', batch_size=128, class_thresholds=None):
        note(thresholds=class_thresholds, batch=batch_size, device=str(device))
    def analyze(self, video_path, detection_results):
        assert detection_results == [os.path.basename(video_path)]
        return {'video_results': 0.75, 'frame_results': []}
""",
    "repo/VBench-2.0/vbench2/human_identity.py": """
import os
from note import note
class Model:
    def __init__(self, max_size, device):
        self.size = max_size
    def load_state_dict(self, state):
        note(finder=state, size=self.size)
class resnet_face18:
    def __init__(self, use_se):
        assert use_se is False
    def load_state_dict(self, state):
        note(face=state)
    def to(self, device):
        return self
    def eval(self):
        return self
def evaluate_id_consistency(prompts, finder, face):
    score = number = 0
    found = []
    for prompt in prompts:
        for video in prompt['video_list']:
            name = os.path.basename(video)
            if name.startswith('broken'):
                raise RuntimeError('no such codec')
            if name.startswith('short'):
                found.append({'video_path': video, 'video_results': -1})
                continue
            found.append({'video_path': video, 'video_results': 0.5})
            score, number = score + 1, number + 2
    return score / number, found
""",
    "repo/VBench-2.0/vbench2/human_clothes.py": """
from note import note
class Answerer:
    def eval(self):
        note(eval=True)
def load_pretrained_model(path, base, name, torch_dtype, device_map):
    note(path=path, name=name, dtype=torch_dtype)
    return 'tokenizer', Answerer(), 'images', 0
def LLaVA_Video(prompts, model, tokenizer, images, device):
    assert (tokenizer, images) == ('tokenizer', 'images')
    return 1.0, [{'video_path': prompts[0]['video_list'][0], 'video_results': 1}]
""",
}


@pytest.fixture
def tool(tmp_path: Path) -> Tool:
    """An environment in which VBench-2.0 and what it imports are stand-ins, and every weight file is there."""
    for name, text in FILES.items():
        path = tmp_path / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    home = tmp_path / "home"
    for item in load_environment(HUMAN_ENVIRONMENT).environment.files:
        (home / item.file).parent.mkdir(parents=True, exist_ok=True)
        (home / item.file).write_bytes(b"weights")
    built = BuiltEnvironment(
        name=HUMAN_ENVIRONMENT,
        python=Path(sys.executable),
        repository=tmp_path / "site" / "repo",
        home=home,
        variables={},
        record=record(name=HUMAN_ENVIRONMENT, commit=COMMIT),
    )
    variables = built.process_variables | {
        "PYTHONPATH": f"{tmp_path / 'site' / 'repo' / 'VBench-2.0'}:{tmp_path / 'site'}",
        "VBENCH2_CACHE_DIR": str(home / "vbench2"),
        "ASKED": str(tmp_path / "asked"),
    }
    return Tool(built, home, variables, seeded=False)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.sqlite") as opened:
        yield opened


def run(tool: Tool, journal: Journal, folder: Path, dimension: str, names: list[str]) -> dict[str, object]:
    """What came of the videos of these names: a value, or its reason."""
    videos = [Video("m", name.partition(".")[0], folder / name, f"hash of {name}") for name in names]
    official = OfficialRun({dimension: tool}, journal, folder / "vbench.log", device="cuda", seconds=60)
    found = official.run((dimension,), videos, Told())["m", dimension]
    return {clip: value.value if value.value is not None else value.reason for clip, value in found.items()}


def noted(folder: Path) -> dict[str, object]:
    said: dict[str, object] = {}
    for line in (folder / "asked").read_text(encoding="utf-8").splitlines():
        said |= json.loads(line)
    return said


def test_identity_leaves_out_what_vbench_does_not_count(tool: Tool, journal: Journal, tmp_path: Path) -> None:
    names = ["a.mp4", "short.mp4", "broken.mp4", "z.mp4", "v.avi"]
    found = run(tool, journal, tmp_path, "human_identity", names)
    assert found == {"a": 0.5, "short": "invalid", "broken": "tool_failed", "z": 0.5, "v": "not_mp4"}
    said = noted(tmp_path)
    assert said["face"] == {"a": "arcface.pth"}
    assert said["finder"] == "retinaface_resnet50_2020-07-20-f168fae3c.zip"
    units = {unit.clip: unit.failed for unit in journal.units().values()}
    # A video that is left out has its answer; one that broke is tried again.
    assert (units["short"], units["broken"]) == (False, True)


def test_anatomy_reads_the_text_model_from_the_cache(tool: Tool, journal: Journal, tmp_path: Path) -> None:
    assert run(tool, journal, tmp_path, "human_anatomy", ["a.mp4"]) == {"a": 0.75}
    assert noted(tmp_path) == {
        "text": str(tool.home / "vbench2" / "clip-vit-base-patch32"),
        "weights": "d.pth",
        "mmcv": "2.2.0",
        "thresholds": {"human": 0.3, "face": 0.3},
        "batch": 128,
        "device": "cuda",
    }


def test_clothes_asks_llava(tool: Tool, journal: Journal, tmp_path: Path) -> None:
    assert run(tool, journal, tmp_path, "human_clothes", ["a.mp4"]) == {"a": 1.0}
    assert noted(tmp_path) == {"path": "llava", "name": "llava_qwen", "dtype": "bfloat16", "eval": True}


def test_the_recipe_names_the_commit_and_the_weights(tool: Tool) -> None:
    recipe = tool.recipe("human_identity")
    assert recipe.startswith("vbench2-official-45e79ec1-human_identity@1+lock:")
    assert "+resnet_face18:" in recipe
    assert tool.lacking("human_identity") is None
    (tool.home / "vbench2" / "arcface" / "resnet18_110.pth").unlink()
    lacking = tool.lacking("human_identity")
    assert lacking is not None
    assert lacking.reason == "no_weights"
    assert "env show vbench2" in str(lacking.detail)
    assert "resnet18_110.pth (liveact-eval metrics fetch resnet_face18)" in str(lacking.detail)
    assert tool.recipe("human_identity").endswith("+resnet_face18:none")


def test_each_dimension_gets_its_own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tuple[str, bool, tuple[str, ...]]] = []

    def note(name: str, seeded: bool, dimensions: tuple[str, ...], write: bool) -> str:
        opened.append((name, seeded, dimensions))
        return name

    monkeypatch.setattr(vbench_official, "_open", note)
    tools = open_tools(("human_clothes", "imaging_quality"), seeded=False, device="cuda:1")
    chosen = {dimension: str(tool) for dimension, tool in tools.items()}
    assert chosen == {"imaging_quality": "vbench", "human_clothes": "vbench2"}
    opened.clear()
    open_tools(DIMENSIONS, seeded=True, device="cpu")
    assert opened == [("vbench", True, DIMENSIONS)]


@pytest.mark.parametrize(
    ("seeded", "device", "said"),
    [
        (True, "cuda", "there is no rule for weights of VBench-2.0 \\(human_identity\\)"),
        (False, "cpu", "runs on CUDA only \\(human_identity\\). Give --set networks.device=cuda"),
    ],
)
def test_what_vbench2_cannot_is_refused_at_once(seeded: bool, device: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        open_tools(("temporal_flickering", "human_identity"), seeded=seeded, device=device)


def test_the_card_has_a_file_for_every_network() -> None:
    files = load_environment(HUMAN_ENVIRONMENT).environment.files
    networks = {
        user: {file.network for file in files if user in file.used_by} - {None} for user in HUMAN_DIMENSIONS
    }
    # Human Clothes asks LLaVA, which is no network here.
    assert networks == {name: set(shipped()[name].networks) for name in HUMAN_DIMENSIONS}
