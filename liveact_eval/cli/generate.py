"""`liveact-eval generate`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from liveact_eval.cli import options

if TYPE_CHECKING:
    from liveact_eval.generators.make_video import VideoSummary
    from liveact_eval.liveact.stream import FrameBlock


def generate(
    image: Annotated[Path, typer.Option("--image", "-i", help="Reference picture.", show_default=False)],
    audio: Annotated[
        Path,
        typer.Option(
            "--audio", "-a", help="Driving sound, or a video whose sound drives.", show_default=False
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Video to write, .mp4.", show_default=False)],
    model: Annotated[str, typer.Option("--model", help="Name or path of a native model card.")] = "liveact",
    prompt: Annotated[str, typer.Option("--prompt", "-p", help="What happens.")] = "a person is talking",
    edit: Annotated[
        list[str] | None,
        typer.Option(
            "--edit",
            help="Another prompt for some blocks, from 0 and inclusive: [bold]8-12:waves a hand[/], "
            "[bold]8:nods[/], [bold]8-:smiles[/]; repeatable. Block 0 has 21 frames, each other one 32.",
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            "--size", help="WIDTHxHEIGHT, multiples of 16. Default: the model's, 512x512 for liveact."
        ),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option("--fps", help="Frames per second of the video. Default: the model's, 20 for liveact."),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option("--seconds", help="Use this much of the sound. Default: all of it.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of all noise.")] = 0,
    device: Annotated[
        str, typer.Option("--device", help="cpu, cuda, cuda:N; auto: a GPU where there is one.")
    ] = "auto",
    dtype: Annotated[
        str,
        typer.Option("--dtype", help="float32, bfloat16, float16; auto: bfloat16 on a GPU, else float32."),
    ] = "auto",
    weights: Annotated[
        Path | None,
        typer.Option("--weights", help="Folder of weight files. Default: where they are fetched to."),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="A rarer option, repeatable: memory, audio_guidance, fp8_cache, offload_cache, decode, speech, "
            "length, text_device, rollout, rollout.OPTION; for speed: attention, fp8_linear, compile, cuda_graphs, "
            "block_offload, channels_last_vae, tf32.",
        ),
    ] = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Make one video: a reference picture speaks with the given sound.

    Everything is checked before the model is loaded; the video is written while it is made.

    Examples:

        liveact-eval generate --model liveact-mini -i talker.png -a speech.wav -o talker.mp4

        liveact-eval generate -i face.png -a speech.wav -o out.mp4 --edit "8-12:waves a hand" --seed 7

        liveact-eval generate -i face.png -a hour.mp3 -o out.mp4 --set speech=windowed --set fp8_cache=true
    """
    from liveact_eval.cli.console import stderr
    from liveact_eval.cli.frame_progress import FrameProgress
    from liveact_eval.generators.make_video import make_video
    from liveact_eval.generators.plan_video import VideoRequest, plan_video
    from liveact_eval.liveact.launch import launched_rank

    plan = plan_video(
        VideoRequest(
            model=model,
            image=image,
            audio=audio,
            out=out,
            prompt=prompt,
            edits=tuple(edit or ()),
            size=size,
            fps=fps,
            seconds=seconds,
            seed=seed,
            device=device,
            dtype=dtype,
            weights=weights,
            options=tuple(assignments or ()),
        )
    )
    # Of several processes that a launcher started, the first one speaks.
    silent = quiet or launched_rank() > 0
    if not silent:
        stderr().print(
            f"{plan.recipe.config}: {plan.frames} frames, {plan.size[0]}x{plan.size[1]} at {float(plan.rate):g} per "
            f"second, into {plan.out}",
            markup=False,
            soft_wrap=True,
        )
    progress = FrameProgress(plan.frames, quiet=silent)

    def told(block: FrameBlock) -> None:
        progress.advance(len(block.frames))

    try:
        with progress:
            summary = make_video(plan, told)
    except KeyboardInterrupt:
        stderr().print("\nInterrupted. No video was written.")
        raise typer.Exit(130) from None
    if launched_rank() == 0:
        _show(summary, as_json=as_json)


def _show(summary: VideoSummary, *, as_json: bool) -> None:
    from liveact_eval.cli.console import write_json, write_text

    if as_json:
        write_json(dataclasses.asdict(summary))
        return
    held = summary.memory_bytes / 2**20
    peak = "" if summary.peak_bytes is None else f", GPU peak {summary.peak_bytes / 2**30:.1f} GiB"
    write_text(
        f"{summary.out}: {summary.frames} frames, {summary.video_seconds:.2f} s; made in {summary.made_s:.1f} s, "
        f"{summary.made_fps:.1f} FPS, first frame after {summary.first_frame_s:.2f} s; "
        f"keys and values {held:.1f} MiB{peak}; {summary.ran['device']}, {summary.ran['dtype']}"
    )
