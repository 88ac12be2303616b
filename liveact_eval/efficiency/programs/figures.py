"""The figures of a program: those of a native model as far as they are known, and what each video took from outside."""

from __future__ import annotations

from collections.abc import Sequence

from liveact_eval.efficiency.figures import FIGURES, Figure, FigureSpec, figure
from liveact_eval.efficiency.printed import PrintedVideo, printed_video
from liveact_eval.efficiency.printed_figures import PRINTED_FIGURES, printed_values
from liveact_eval.efficiency.summary import Value
from liveact_eval.generators.protocol import Generation

_NOT_APART = "the program does not time this part apart"
_NO_CALL = "all sound was there from the start, and no live call was made"
_OTHER_PROCESS = "the program runs in a process of its own, whose memory is not watched"
_TITLES = {
    "fps_sustained": "FPS, by printed times of blocks",
    "ttff_ms": "time to first frame, all sound there",
    "stalls": "stalls without a buffer, modelled",
    "stalled_ms": "stalled without a buffer, modelled",
    "buffer_ms": "buffer that avoids every stall, modelled",
    "lip_delay_p95_ms": "lip delay, p95, modelled",
}
"""Where the title for native models would promise too much."""
OUTSIDE = (
    FigureSpec("video_s", "wall time of a video", "s", 2, "down"),
    FigureSpec("fps_wall", "FPS by wall time of a video", "frames/s", 2, "up"),
)
"""What is seen from outside; a process loads its weights in that time, a function that stays loaded does not."""


def program_figures(made: Sequence[Generation], model: str, target_fps: float) -> list[Figure]:
    """All figures over the repeats; those that are not known have a reason.

    Args:
        made: the video of each repeat.
        model: name of its card.
        target_fps: frames per second at which deadlines are counted.
    """
    known = [_values(one, target_fps) for one in made]
    why = _reasons(model)
    specs = [spec._replace(title=_TITLES.get(spec.name, spec.title)) for spec in (*FIGURES, *OUTSIDE)]
    return [
        figure(spec, [values[spec.name] if spec.name in values else why[spec.name] for values in known])
        for spec in specs
    ]


def _values(made: Generation, target_fps: float) -> dict[str, Value]:
    video = printed_video(made.details)
    found: dict[str, Value] = {"video_s": made.seconds}
    found["fps_wall"] = float(made.details["program_frames"]) / made.seconds
    if isinstance(video, PrintedVideo):
        return found | printed_values([video], target_fps)
    return found | dict.fromkeys(PRINTED_FIGURES, video)


def _reasons(model: str) -> dict[str, str]:
    """Why a figure is not known of any program."""
    counted = (
        f"not counted for programs; by formula, where the card has figures: liveact-eval models show {model}"
    )
    return (
        dict.fromkeys(("fps_without_host_copy", "fps_without_vae", "fps_with_encoding"), _NOT_APART)
        | dict.fromkeys(
            ("peak_device_gib", "peak_host_gib", "kv_counted_mib", "kv_measured_mib"), _OTHER_PROCESS
        )
        | dict.fromkeys(("nfe", "tflop_per_frame", "achieved_tflops", "mfu"), counted)
        | dict.fromkeys(
            (
                "ttff_live_ms",
                "jitter_ms",
                "look_ahead_ms",
                "look_ahead_first_ms",
                "block_wait_ms",
                "delay_mean_ms",
                "delay_p95_ms",
                "delay_max_ms",
                "reaction_mean_ms",
                "reaction_max_ms",
            ),
            _NO_CALL,
        )
        | {"energy_per_frame_j": "the energy of a program's GPUs is not metered"}
    )
