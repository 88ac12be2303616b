"""One human dimension of VBench-2.0, run by the interpreter of its own environment; started by `official_run.py`.

Nothing of liveact-eval is imported here but what lies beside this file. Networks are loaded once, as the package's own
`compute_...` functions load them; the functions behind these then see one video at a time. CUDA only, as published.

    python vbench2_worker.py DIMENSION DEVICE
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from liveact_eval.environments.workers.answering import Score, serve
else:
    from answering import Score, serve

_TEXT_MODEL = "clip-vit-base-patch32"
"""Folder in the package's cache. Its configuration names a folder of its authors' own machine instead."""
_ACCEPTED_MMCV = "2.0.1"
_RETINAFACE = "https://github.com/ternaus/retinaface/releases/download/0.01/retinaface_resnet50_2020-07-20-f168fae3c.zip"
_NOT_COUNTED = "VBench-2.0 leaves such a video out of its mean"


def human_anatomy(parts: Any, device: Any) -> Score:
    """People that look well as a share of people."""
    # First of all, as there: lets YOLO-World register what mmyolo has under the same names.
    import mmcv  # type: ignore[import-not-found]
    import vbench2.hack_registry  # type: ignore[import-not-found]  # noqa: F401

    # mmdet and mmyolo refuse the release that goes with this PyTorch; VBench-2.0 has one edit their limit by hand.
    installed, mmcv.__version__ = mmcv.__version__, _ACCEPTED_MMCV
    import mmdet  # type: ignore[import-not-found]  # noqa: F401
    import mmyolo  # type: ignore[import-not-found]  # noqa: F401

    mmcv.__version__ = installed
    from mmengine.config import Config  # type: ignore[import-not-found]
    from vbench2.third_party.ViTDetector import detect as tool  # type: ignore[import-not-found]
    from vbench2.utils import CACHE_DIR  # type: ignore[import-not-found]

    config = Config.fromfile(parts["detector_config"])
    config.model.backbone.text_model.model_name = str(Path(CACHE_DIR) / _TEXT_MODEL)
    detector = tool.Detector(config, parts["detector_weights"], device=device)
    judges = parts["analyzer_configs"]
    limits = {name: judge["threshold"] for name, judge in judges.items()}
    analyzer = tool.Analyzer(judges, device=device, batch_size=parts["batch_size"], class_thresholds=limits)

    def score(video: str) -> tuple[float, float]:
        found = analyzer.analyze(video_path=video, detection_results=detector.detect_video(video))
        return float(found["video_results"]), 1.0

    return score


def human_identity(parts: Any, device: Any) -> Score:
    """Frames with the face of the first frame as a share of those that are counted."""
    import torch
    from torch.utils import model_zoo
    from vbench2 import human_identity as tool

    finder = tool.Model(max_size=2048, device=device)
    finder.load_state_dict(model_zoo.load_url(_RETINAFACE, progress=True, map_location="cpu"))
    face = tool.resnet_face18(use_se=False)
    state = torch.load(parts["model"], map_location="cpu", weights_only=True)
    face.load_state_dict({name.replace("module.", ""): tensor for name, tensor in state.items()})
    face.to(device).eval()
    return _one_by_one(lambda videos: tool.evaluate_id_consistency(videos, finder, face))


def human_clothes(parts: Any, device: Any) -> Score:
    """Whether LLaVA-Video says that person and clothes stay the same."""
    from vbench2 import human_clothes as tool

    tokenizer, model, images, _ = tool.load_pretrained_model(
        parts["llava"], None, "llava_qwen", torch_dtype="bfloat16", device_map="auto"
    )
    model.eval()
    return _one_by_one(lambda videos: tool.LLaVA_Video(videos, model, tokenizer, images, device))


def _one_by_one(evaluate: Callable[[list[dict[str, list[str]]]], Any]) -> Score:
    """The score of one video by a function that takes many, marks those that do not count by -1 and ends in a mean."""

    def score(video: str) -> tuple[float, float] | str:
        try:
            _, found = evaluate([{"video_list": [video]}])
        except ZeroDivisionError:
            # The mean of no counted video.
            return _NOT_COUNTED
        value = float(found[0]["video_results"])
        return _NOT_COUNTED if value == -1 else (value, 1.0)

    return score


DIMENSIONS: dict[str, Callable[[Any, Any], Score]] = {
    "human_anatomy": human_anatomy,
    "human_identity": human_identity,
    "human_clothes": human_clothes,
}


def main() -> None:
    """Load, then answer until the input ends."""
    dimension, wanted = sys.argv[1:3]

    def load() -> Score:
        import torch
        import vbench2

        # Its configurations are found from here.
        os.chdir(Path(vbench2.__file__).parents[1])
        named = "_".join(word.capitalize() for word in dimension.split("_"))
        parts = vbench2.init_submodules([named], local=True)[named]
        return DIMENSIONS[dimension](parts, torch.device(wanted))

    serve(dimension, load)


if __name__ == "__main__":
    main()
