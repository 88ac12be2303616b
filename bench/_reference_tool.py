"""One reference tool in a process of its own, run by the interpreter of the tools; see reference_tools.py.

It loads what the case needs, says so in a line of JSON, and for each line `go` that it is given does the case once and
answers with a line of JSON. What the tools print goes to the standard error.

    refs/bin/python _reference_tool.py CASE HOME VIDEO REAL
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from _resident import peak_rss_mib

STAGES: dict[str, float] = {}
"""Seconds of the current run by stage."""
Run = Callable[[], dict[str, float]]
"""One run of a case; its numbers by the names that they have in liveact-eval."""
Work = Callable[[list[str]], Any]
"""A dimension of VBench over videos."""
FACE_SHARE = 0.5
"""Height of the stand-in face as a share of the picture's shorter side, as the seeded YuNet of liveact-eval has it."""


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Charge what happens inside to a stage."""
    started = time.perf_counter()
    try:
        yield
    finally:
        STAGES[name] = STAGES.get(name, 0.0) + time.perf_counter() - started


def timed(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, charged to a stage."""

    def done(*arguments: Any, **options: Any) -> Any:
        with stage(name):
            return work(*arguments, **options)

    return done


def sync(home: Path, video: Path, _real: Path) -> Run:
    """syncnet-python: from a video to distance and confidence."""
    import cv2
    import numpy as np
    from syncnet_python.syncnet_pipeline import SyncNetPipeline

    settings = {
        "s3fd_weights": str(home / "sfd_face.pth"),
        "syncnet_weights": str(home / "syncnet_v2.model"),
        # Tracks of 50 frames and fewer do not count by default; the clip of the whole suite is shorter.
        "min_track": 30,
    }
    pipeline = SyncNetPipeline(settings, device="cpu")
    found = timed("detector", pipeline.s3fd.detect_faces)

    def detect_faces(image: Any, **options: Any) -> Any:
        # The detector does its work; with weights from a rule its boxes mean nothing, so that one in the middle
        # takes their place and the steps behind it have a face to follow.
        found(image, **options)
        height, width = image.shape[:2]
        half = FACE_SHARE * min(height, width) / 2
        return np.array([[width / 2 - half, height / 2 - half, width / 2 + half, height / 2 + half, 1.0]])

    pipeline.s3fd.detect_faces = detect_faces
    network = pipeline.syncnet.__S__
    network.forward_lip = timed("network", network.forward_lip)
    network.forward_aud = timed("network", network.forward_aud)

    def run() -> dict[str, float]:
        with tempfile.TemporaryDirectory() as folder:
            offsets, _, _, confidence, distance, _, _ = pipeline.inference(str(video), None, cache_dir=folder)
        return {"sync_c": confidence, "sync_d": distance, "offset": offsets[0]}

    cv2.setNumThreads(int(os.environ["OMP_NUM_THREADS"]))
    return run


def vbench(dimension: str) -> Callable[[Path, Path, Path], Run]:
    """One dimension of VBench, called as its own `compute_...` does after loading."""

    def load(_home: Path, video: Path, _real: Path) -> Run:
        import torch
        from vbench.utils import init_submodules

        device = torch.device("cpu")
        parts = init_submodules([dimension], local=True)[dimension]
        work = LOADERS[dimension](parts, device)

        def run() -> dict[str, float]:
            score, _ = work([str(video)])
            return {dimension: float(score)}

        return run

    return load


def _subject(parts: Any, device: Any) -> Work:
    import torch
    from vbench import subject_consistency as tool

    model = torch.hub.load(**parts).to(device)
    return lambda videos: tool.subject_consistency(model, videos, device, parts["read_frame"])


def _background(parts: Any, device: Any) -> Work:
    import clip
    from vbench import background_consistency as tool

    model, preprocess = clip.load(parts[0], device=device)
    return lambda videos: tool.background_consistency(model, preprocess, videos, device, parts[1])


def _aesthetic(parts: Any, device: Any) -> Work:
    import clip
    from vbench import aesthetic_quality as tool

    head = tool.get_aesthetic_model(parts[1]).to(device)
    model, _ = clip.load(parts[0], device=device)
    return lambda videos: tool.laion_aesthetic(head, model, videos, device)


def _imaging(parts: Any, device: Any) -> Work:
    from vbench import imaging_quality as tool

    model = tool.MUSIQ(pretrained_model_path=parts["model_path"]).to(device)
    model.training = False
    return lambda videos: tool.technical_quality(model, videos, device)


def _flickering(_parts: Any, _device: Any) -> Work:
    from vbench import temporal_flickering as tool

    return tool.temporal_flickering


def _smoothness(parts: Any, device: Any) -> Work:
    from vbench import motion_smoothness as tool

    motion = tool.MotionSmoothness(parts["config"], parts["ckpt"], "cpu" if device.type == "cpu" else "cuda")
    return lambda videos: tool.motion_smoothness(motion, videos)


def _dynamic(parts: Any, device: Any) -> Work:
    from easydict import EasyDict
    from vbench import dynamic_degree as tool

    settings = {"model": parts["model"], "small": False, "mixed_precision": False, "alternate_corr": False}
    dynamic = tool.DynamicDegree(EasyDict(settings), device)
    return lambda videos: tool.dynamic_degree(dynamic, videos)


def fid(_home: Path, video: Path, real: Path) -> Run:
    """clean-fid on two folders of PNGs, which the videos are written to first."""
    import torch
    from cleanfid import fid as tool
    from cleanfid.features import feature_extractor

    # The same network in PyTorch: the TorchScript file that clean-fid fetches cannot be made from a rule.
    device = torch.device("cpu")
    network = feature_extractor("pytorch_inception", device=device, use_dataparallel=False)

    def run() -> dict[str, float]:
        with tempfile.TemporaryDirectory() as folder:
            folders = []
            with stage("frames"):
                for name, source in (("video", video), ("real", real)):
                    folders.append(str(pngs(source, Path(folder) / name)))
            value = tool.compute_fid(
                *folders,
                mode="clean",
                device=device,
                num_workers=0,
                custom_feat_extractor=network,
                use_dataparallel=False,
                verbose=False,
            )
        return {"fid": float(value)}

    return run


def lpips(home: Path, video: Path, real: Path) -> Run:
    """The lpips package on two folders of PNGs, pair by pair as its script for folders does."""
    import torch
    from lpips import LPIPS, im2tensor, load_image

    network = LPIPS(net="alex", model_path=str(home / "lpips_alex.pth"))

    def run() -> dict[str, float]:
        with tempfile.TemporaryDirectory() as folder:
            with stage("frames"):
                a, b = (pngs(path, Path(folder) / path.stem) for path in (video, real))
            distances = []
            for one in sorted(a.iterdir()):
                other = b / one.name
                with torch.no_grad():
                    pair = [im2tensor(load_image(str(path))) for path in (one, other)]
                    distances.append(float(network(*pair)))
        return {"lpips": sum(distances) / len(distances)}

    return run


def pairs(_home: Path, video: Path, real: Path) -> Run:
    """scikit-image's PSNR and SSIM on two folders of PNGs."""
    from skimage.io import imread
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "channel_axis": 2}

    def run() -> dict[str, float]:
        with tempfile.TemporaryDirectory() as folder:
            with stage("frames"):
                a, b = (pngs(path, Path(folder) / path.stem) for path in (video, real))
            psnr, ssim = [], []
            for one in sorted(a.iterdir()):
                first, second = imread(one), imread(b / one.name)
                psnr.append(peak_signal_noise_ratio(second, first))
                ssim.append(structural_similarity(second, first, **settings))
        return {"psnr_db": sum(psnr) / len(psnr), "ssim": sum(ssim) / len(ssim)}

    return run


def pngs(source: Path, folder: Path) -> Path:
    """All frames of a video as PNGs."""
    folder.mkdir()
    command = ["ffmpeg", "-v", "error", "-i", str(source), "-vsync", "0", str(folder / "%05d.png")]
    subprocess.run(command, check=True)
    return folder


LOADERS = {
    "subject_consistency": _subject,
    "background_consistency": _background,
    "aesthetic_quality": _aesthetic,
    "imaging_quality": _imaging,
    "temporal_flickering": _flickering,
    "motion_smoothness": _smoothness,
    "dynamic_degree": _dynamic,
}
CASES = {
    "sync": sync,
    "fid": fid,
    "lpips": lpips,
    "psnr_ssim": pairs,
    **{name: vbench(name) for name in LOADERS},
}


def place_ffmpeg(home: Path) -> None:
    """Put the program ffmpeg of imageio-ffmpeg on the path, under the name that the tools call."""
    import imageio_ffmpeg

    programs = home / "bin"
    programs.mkdir(exist_ok=True)
    if not (programs / "ffmpeg").exists():
        shutil.copy(imageio_ffmpeg.get_ffmpeg_exe(), programs / "ffmpeg")
    os.environ["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"


def versions() -> dict[str, str]:
    """Versions of what is installed here."""
    from importlib import metadata

    names = [
        "vbench",
        "syncnet-python",
        "clean-fid",
        "lpips",
        "pyiqa",
        "torch",
        "torchvision",
        "numpy",
        "decord",
    ]
    names += ["opencv-python", "scikit-image", "imageio-ffmpeg"]
    return {name: metadata.version(name) for name in names}


def main() -> None:
    """Load, then serve runs until the input ends."""
    case, home, video, real = sys.argv[1], *map(Path, sys.argv[2:5])
    answers = os.fdopen(os.dup(1), "w")
    # Programs that the tools start write there too.
    os.dup2(2, 1)
    started = time.perf_counter()
    place_ffmpeg(home)
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    run = CASES[case](home, video, real)

    def answer(**content: Any) -> None:
        answers.write(json.dumps(content) + "\n")
        answers.flush()

    answer(load_s=time.perf_counter() - started, versions=versions())
    for line in sys.stdin:
        if line.strip() != "go":
            break
        STAGES.clear()
        before, started = os.times(), time.perf_counter()
        values = run()
        wall, after = time.perf_counter() - started, os.times()
        peak = peak_rss_mib()
        answer(
            wall_s=wall,
            cpu_s=sum(after[:4]) - sum(before[:4]),
            stages=STAGES,
            values=values,
            peak_rss_mib=peak,
        )


if __name__ == "__main__":
    main()
