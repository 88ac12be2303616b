"""Packs the cards and published tables, which lie at the top of the repository, into the wheel.

Not into an editable install: that reads them where they are.
"""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PackData(BuildHookInterface):  # type: ignore[type-arg,misc]
    """Adds the data folders to a standard wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it builds; `version` is `standard` or `editable`."""
        if version == "standard":
            folders = ("models", "datasets", "environments", "reports")
            build_data["force_include"].update({name: f"liveact_eval/_data/{name}" for name in folders})
