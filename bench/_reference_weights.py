"""Weight files for the reference tools, in the names, formats and places that each looks for."""

from __future__ import annotations

from liveact_eval.environments.seeded_files import write_seeded as write_weights

__all__ = ["write_weights"]
