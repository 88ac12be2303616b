"""Which prompt holds in which block: one for all of the video, and edits for ranges of blocks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from liveact_eval.liveact.errors import LiveActError

DEFAULT_PROMPT = "a person is talking"
"""What is said where nothing is."""
_EDIT = re.compile(r"\s*(\d+)\s*(?:(-)\s*(\d+)?\s*)?:(.*)", re.DOTALL)


@dataclass(frozen=True)
class Edit:
    """Another prompt for a range of blocks; memories are kept over its ends."""

    first_block: int
    """First block, from 0."""
    last_block: int | None
    """Last block, included; `None`: to the end."""
    prompt: str
    """The text in place of the video's prompt."""

    def __post_init__(self) -> None:
        if self.first_block < 0 or (self.last_block is not None and self.last_block < self.first_block):
            raise LiveActError(f"Edit of blocks {self.blocks}: expected FIRST-LAST with 0 <= FIRST <= LAST")
        if not self.prompt.strip():
            raise LiveActError(f"Edit of blocks {self.blocks}: the prompt is empty")

    @property
    def blocks(self) -> str:
        """The range as it is written: `8-12`, `8`, `8-`."""
        if self.last_block is None:
            return f"{self.first_block}-"
        return (
            str(self.first_block)
            if self.first_block == self.last_block
            else f"{self.first_block}-{self.last_block}"
        )

    def holds(self, n: int) -> bool:
        """Whether block n is in the range."""
        return self.first_block <= n and (self.last_block is None or n <= self.last_block)

    def overlaps(self, other: Edit) -> bool:
        """Whether some block is in both ranges."""
        return self.holds(other.first_block) or other.holds(self.first_block)


def parse_edit(text: str) -> Edit:
    """An edit as it is written: `8-12:waves a hand` (both included), `8:...` (one block), `8-:...` (to the end).

    Raises:
        LiveActError: written in another way.
    """
    match = _EDIT.fullmatch(text)
    if match is None:
        raise LiveActError(
            f"Edit {text!r}: expected BLOCKS:PROMPT, as in '8-12:waves a hand', '8:nods' or '8-:smiles'"
        )
    first, dash, last, prompt = match.groups()
    end = int(last) if last else (None if dash else int(first))
    return Edit(int(first), end, prompt.strip())


class PromptSchedule:
    """The prompt of every block.

    Args:
        prompt: where no edit holds; may be empty.
        edits: in any order.

    Raises:
        LiveActError: two edits overlap.
    """

    def __init__(self, prompt: str = DEFAULT_PROMPT, edits: Iterable[Edit] = ()) -> None:
        self.prompt = prompt
        self.edits = tuple(sorted(edits, key=lambda edit: edit.first_block))
        for index, edit in enumerate(self.edits):
            for other in self.edits[:index]:
                if edit.overlaps(other):
                    raise LiveActError(
                        f"Edits overlap: blocks {other.blocks} ({other.prompt!r}) and {edit.blocks} "
                        f"({edit.prompt!r}). Give every block to one edit at most."
                    )

    def at(self, n: int) -> str:
        """The prompt of block n."""
        return next((edit.prompt for edit in self.edits if edit.holds(n)), self.prompt)

    def ahead(self, n: int) -> set[str]:
        """Prompts that block n or a later one has."""
        later = {edit.prompt for edit in self.edits if edit.last_block is None or edit.last_block >= n}
        # Behind an edit without end the video's own prompt does not return.
        open_from = next((edit.first_block for edit in self.edits if edit.last_block is None), None)
        return later if open_from is not None and open_from <= n else later | {self.prompt}

    def check(self, blocks: int) -> None:
        """Refuse edits that lie beyond the end of a video of that many blocks.

        Raises:
            LiveActError: names the edit and the last block.
        """
        for edit in self.edits:
            last = edit.first_block if edit.last_block is None else edit.last_block
            if last >= blocks:
                raise LiveActError(
                    f"Edit of blocks {edit.blocks} ({edit.prompt!r}): the video has {blocks} blocks, "
                    f"0 to {blocks - 1}. Take a range within it."
                )
