"""One dimension of VBench, run by the interpreter of its own environment; started by `official_run.py`.

Nothing of liveact-eval is imported here but what lies beside this file; the tools are called as their own `compute_...`
functions call them.

    python vbench_worker.py DIMENSION DEVICE
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from liveact_eval.environments.workers.answering import Score, serve
else:
    from answering import Score, serve


def subject_consistency(parts: Any, device: Any) -> Score:
    """DINO similarity of frames."""
    import torch
    from vbench import subject_consistency as tool  # type: ignore[import-not-found]

    model = torch.hub.load(**parts).to(device)

    def score(video: str) -> tuple[float, float]:
        value, _ = tool.subject_consistency(model, [video], device, parts["read_frame"])
        return float(value), frame_pairs(video)

    return score


def background_consistency(parts: Any, device: Any) -> Score:
    """CLIP similarity of frames."""
    import clip  # type: ignore[import-not-found]
    import torch
    from vbench import background_consistency as tool  # type: ignore[import-not-found]

    model, preprocess = clip.load(parts[0], device=device)

    def score(video: str) -> tuple[float, float]:
        # VBench keeps gradients here, which changes no value and takes memory.
        with torch.no_grad():
            value, _ = tool.background_consistency(model, preprocess, [video], device, parts[1])
        return float(value), frame_pairs(video)

    return score


def temporal_flickering(_parts: Any, _device: Any) -> Score:
    """Difference of neighbouring frames."""
    from vbench import temporal_flickering as tool  # type: ignore[import-not-found]

    return lambda video: (float(tool.cal_score(video)), 1.0)


def motion_smoothness(parts: Any, device: Any) -> Score:
    """AMT-S: how well left-out frames are guessed."""
    from vbench import motion_smoothness as tool  # type: ignore[import-not-found]

    motion = tool.MotionSmoothness(parts["config"], parts["ckpt"], device.type)
    return lambda video: (float(tool.motion_smoothness(motion, [video])[0]), 1.0)


def dynamic_degree(parts: Any, device: Any) -> Score:
    """RAFT: whether the video moves."""
    from easydict import EasyDict  # type: ignore[import-not-found]
    from vbench import dynamic_degree as tool  # type: ignore[import-not-found]

    settings = {"model": parts["model"], "small": False, "mixed_precision": False, "alternate_corr": False}
    dynamic = tool.DynamicDegree(EasyDict(settings), device)
    return lambda video: (float(tool.dynamic_degree(dynamic, [video])[0]), 1.0)


def aesthetic_quality(parts: Any, device: Any) -> Score:
    """The LAION predictor on CLIP."""
    import clip  # type: ignore[import-not-found]
    from vbench import aesthetic_quality as tool  # type: ignore[import-not-found]

    head = tool.get_aesthetic_model(parts[1]).to(device)
    model, _ = clip.load(parts[0], device=device)
    return lambda video: (float(tool.laion_aesthetic(head, model, [video], device)[0]), 1.0)


def imaging_quality(parts: Any, device: Any) -> Score:
    """MUSIQ."""
    from vbench import imaging_quality as tool  # type: ignore[import-not-found]

    model = tool.MUSIQ(pretrained_model_path=parts["model_path"]).to(device)
    model.training = False
    return lambda video: (float(tool.technical_quality(model, [video], device)[0]), 1.0)


def frame_pairs(video: str) -> float:
    """Pairs of neighbouring frames, as VBench's reader counts frames."""
    from decord import VideoReader  # type: ignore[import-not-found]

    return float(max(len(VideoReader(video, num_threads=1)) - 1, 1))


DIMENSIONS: dict[str, Callable[[Any, Any], Score]] = {
    "subject_consistency": subject_consistency,
    "background_consistency": background_consistency,
    "temporal_flickering": temporal_flickering,
    "motion_smoothness": motion_smoothness,
    "dynamic_degree": dynamic_degree,
    "aesthetic_quality": aesthetic_quality,
    "imaging_quality": imaging_quality,
}


def main() -> None:
    """Load, then answer until the input ends."""
    dimension, wanted = sys.argv[1:3]

    def load() -> Score:
        import torch
        from vbench.utils import init_submodules  # type: ignore[import-not-found]

        return DIMENSIONS[dimension](
            init_submodules([dimension], local=True)[dimension], torch.device(wanted)
        )

    serve(dimension, load)


if __name__ == "__main__":
    main()
