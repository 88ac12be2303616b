"""`liveact-eval bench --device meta`: operations of a native model, without a GPU and without weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from liveact_eval.cli.console import stderr, stdout, write_json

if TYPE_CHECKING:
    from liveact_eval.cards.model import ModelCard
    from liveact_eval.efficiency.operations import OperationCount


def print_operations(card: ModelCard, size: tuple[int, int], as_json: bool) -> None:
    """Count one steady block on the meta device, and print it by component.

    Args:
        card: a card of kind native.
        size: width and height of the video in pixels.
        as_json: print JSON.

    Raises:
        UserError: no native card, or a size that the model cannot make.
    """
    from liveact_eval.efficiency.operations import count_steady_block

    shape = f"{size[0]}x{size[1]}"
    with stderr().status(f"counting the operations of {card.title} at {shape}"):
        counted = count_steady_block(card, size)
    show_operations(card, size, counted, as_json)


def show_operations(card: ModelCard, size: tuple[int, int], counted: OperationCount, as_json: bool) -> None:
    """Print what was counted of a model at a size."""
    if as_json:
        write_json(_content(card, size, counted))
        return
    _print(card, f"{size[0]}x{size[1]}", counted)


def _content(card: ModelCard, size: tuple[int, int], counted: OperationCount) -> dict[str, Any]:
    return {
        "model": card.name,
        "size": list(size),
        "device": "meta",
        "frames_per_block": counted.frames_per_block,
        "nfe": counted.nfe,
        "tflop_per_block": counted.components,
        "tflop_per_frame": {name: counted.per_frame(name) for name in counted.components},
        "dit_tflop_per_frame": counted.dit_tflop_per_frame,
        "dit_context_once_tflop_per_frame": _context_once(counted),
        "total_tflop_per_frame": counted.tflop_per_frame,
        "tflop_per_video": counted.once,
        "rule": counted.rule,
    }


def _context_once(counted: OperationCount) -> float:
    """The transformer where keys and values of text and image are made once per prompt."""
    from liveact_eval.efficiency.operations import CONTEXT

    return counted.dit_tflop_per_frame - counted.per_frame(CONTEXT)


def _print(card: ModelCard, shape: str, counted: OperationCount) -> None:
    from rich.table import Table

    from liveact_eval.efficiency.operations import DIT_PARTS

    out = stdout()
    out.print(
        f"{card.title}, {shape}, one steady block: {counted.nfe:g} model calls, {counted.frames_per_block} frames",
        markup=False,
        soft_wrap=True,
    )
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in ("component", "TFLOP/block", "TFLOP/frame"):
        table.add_column(column, justify="left" if column == "component" else "right", no_wrap=True)

    def add(name: str, per_frame: float) -> None:
        table.add_row(name, _number(per_frame * counted.frames_per_block), _number(per_frame))

    for name in DIT_PARTS:
        add(name, counted.per_frame(name))
    add("DiT", counted.dit_tflop_per_frame)
    add("DiT, context once per prompt (as here)", _context_once(counted))
    for name in counted.components:
        if name not in DIT_PARTS:
            add(name, counted.per_frame(name))
    add("total", counted.tflop_per_frame)
    out.print(table)
    once = ", ".join(f"{name} {_number(value)}" for name, value in counted.once.items())
    out.print(f"Once per video, in TFLOP: {once}.", markup=False, soft_wrap=True)
    out.print(f"Rule: {counted.rule}.", markup=False, soft_wrap=True)


def _number(value: float) -> str:
    """Two decimals where that says something, else three significant digits."""
    return f"{value:.2f}" if value >= 1 or value == 0 else f"{value:.3g}"
