"""Compiling the transformer blocks: one graph per kind of model call, shared by all layers.

Shapes are fixed on purpose. A stream needs four graphs: the first block and all later ones, each with speech and
without. Whatever asks for another graph after that is a mistake that costs minutes, so it can be made an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, get_args

import torch
import torch._dynamo
from torch._dynamo.utils import counters

from liveact_eval.liveact.backends import PackageKernel
from liveact_eval.liveact.dit import CausalDiT
from liveact_eval.liveact.errors import LiveActError

CompileMode = Literal["default", "max-autotune-no-cudagraphs"]
"""`default`: PyTorch's usual choice. `max-autotune-no-cudagraphs`: tries many kernels first, which takes minutes.
The modes with CUDA graphs of their own are left out: the memory is written in place, which they refuse; see
`liveact_eval.liveact.graphs` instead."""


def compile_blocks(dit: CausalDiT, mode: CompileMode = "default", *, engine: str = "inductor") -> None:
    """Compile each transformer block, in place; graphs are made at the first calls.

    Results differ from uncompiled ones by rounding, since operations are fused.

    Args:
        dit: on its device, in its dtype, with its attention backend and quantised layers: whatever changes
            later is compiled anew.
        mode: how long to search for fast kernels.
        engine: `inductor`, or another backend of `torch.compile`; `eager` only traces.

    Raises:
        LiveActError: unknown mode.
    """
    if mode not in get_args(CompileMode):
        raise LiveActError(f"No compile mode is named {mode!r}; known: {', '.join(get_args(CompileMode))}")
    # Kernels of other packages and exchanges between ranks are called from Python, so a block with them is
    # compiled around them; any other break would be a mistake.
    whole = not isinstance(dit.attend, PackageKernel) and dit.exchange.ranks == 1
    for block in dit.blocks:
        if engine == "inductor":
            block.compile(mode=mode, dynamic=False, fullgraph=whole)
        else:
            block.compile(backend=engine, dynamic=False, fullgraph=whole)


def graphs_compiled() -> int:
    """Graphs that this process has compiled so far."""
    return int(counters["stats"]["unique_graphs"])


@contextmanager
def no_compilation() -> Iterator[None]:
    """Make it an error to compile anything again, once all kinds of calls were seen.

    Raises:
        LiveActError: a graph was compiled inside.
    """
    before = graphs_compiled()
    with torch._dynamo.config.patch(error_on_recompile=True):
        try:
            yield
        except torch._dynamo.exc.RecompileError as error:
            raise _compiled_again(str(error).strip().splitlines()[0]) from error
    if graphs_compiled() != before:
        raise _compiled_again(f"{graphs_compiled() - before} new graphs")


def _compiled_again(what: str) -> LiveActError:
    return LiveActError(
        f"A block was compiled again in the middle of a video ({what}). Warm up with two blocks of the same size and "
        "options first"
    )
