"""Operations per frame of a model card, by formula and by every rule, with the figures that went in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from liveact_eval.cli.console import stdout

if TYPE_CHECKING:
    from liveact_eval.cards.counting import CountedSetting, CountingSpec


def operation_rows(spec: CountingSpec) -> list[dict[str, Any]]:
    """One row per setting of a card, as JSON can hold it."""
    from liveact_eval.efficiency.counting.analytic import per_frame

    return [
        {
            "setting": setting.name,
            "size": list(setting.size),
            "forwards": setting.forwards,
            "tokens": [list(pair) for pair in _tokens(spec, setting)],
            "frames": setting.frames,
            "tflop_per_frame": per_frame(spec, setting),
            "published_tflop_per_frame": None if setting.published is None else setting.published.value,
            "note": setting.note,
        }
        for setting in spec.settings
    ]


def print_operations_by_rule(spec: CountingSpec) -> None:
    """The rows for people, and what they follow from."""
    from rich.markup import escape
    from rich.table import Table

    from liveact_eval.efficiency.counting.analytic import RULES

    out = stdout()
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    left = ("setting", "size", "query / key tokens")
    for column in (*left[:2], "forwards", left[2], "frames", *RULES, "published"):
        table.add_column(column, justify="left" if column in left else "right", overflow="fold")
    for setting, row in zip(spec.settings, operation_rows(spec), strict=True):
        published = row["published_tflop_per_frame"]
        table.add_row(
            escape(setting.name),
            f"{setting.size[0]}x{setting.size[1]}",
            f"{setting.forwards}",
            ", ".join(f"{query} / {key}" for query, key in row["tokens"]),
            f"{setting.frames}",
            *(f"{value:.1f}" for value in row["tflop_per_frame"].values()),
            "–" if published is None else f"{published:g}",
        )
    recomputed = "made in every forward" if spec.context_recomputed else "made once per video"
    out.print(
        "Operations by formula, transformer only, in TFLOP per frame (a multiply-add is 2):", style="bold"
    )
    out.print(table)
    lines = [f"Rule {rule}: {words}." for rule, words in RULES.items()]
    lines.append(
        f"From: width {spec.width}, feed-forward {spec.ffn_width}, {spec.layers} layers, one token per "
        f"{spec.pixels_per_token}x{spec.pixels_per_token} pixels, {spec.context_tokens} context tokens {recomputed}, "
        f"{_audio(spec)}; forwards, latent frames and denominator of each setting as above. {spec.source}."
    )
    lines += [f"{setting.name}: {setting.note}." for setting in spec.settings if setting.note]
    for line in lines:
        out.print(line, markup=False, soft_wrap=True)


def _audio(spec: CountingSpec) -> str:
    if not spec.audio_layers:
        return "no cross-attention to speech"
    return f"{spec.audio_tokens} audio tokens in {spec.audio_layers} layers"


def _tokens(spec: CountingSpec, setting: CountedSetting) -> list[tuple[int, int]]:
    """Query and key tokens of each shape of call."""
    tokens = (setting.size[0] // spec.pixels_per_token) * (setting.size[1] // spec.pixels_per_token)
    return [
        (call.query_frames * tokens, call.key_frames * tokens + call.key_tokens) for call in setting.calls
    ]
