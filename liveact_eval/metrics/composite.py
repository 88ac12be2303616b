"""A composite: a number computed from the numbers of other metrics, such as VBench's temporal quality."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, NoReturn

import numpy as np
from numpy.typing import NDArray

from liveact_eval.metrics.base import Batch, ClipContext, Metric, Rows

Floats = NDArray[np.float64]


class CompositeMetric(Metric):
    """One number from the values of a set's other numbers.

    It reads no video. Its value is `combine` of the values in the rows of its parts, so that it always fits the table
    around it; whoever asks for it gets its parts too. A clip's value is `combine` of the clip's values.
    """

    parts: ClassVar[tuple[str, ...]]
    """Names of the outputs that it is made of, of metrics whose clips have values of their own."""
    needs = {}

    def __init_subclass__(cls, **arguments: Any) -> None:
        """Check that a class that names its parts is a composite and nothing else.

        Raises:
            TypeError: it has no parts or a part twice, more outputs than one, or asks for streams or networks.
        """
        super().__init_subclass__(**arguments)
        if not hasattr(cls, "parts"):
            return
        if not cls.parts or len(set(cls.parts)) < len(cls.parts):
            raise TypeError(
                f"composite {cls.__name__}: `parts` is {cls.parts!r}; different names are expected"
            )
        if hasattr(cls, "outputs") and len(cls.outputs) != 1:
            raise TypeError(f"composite {cls.__name__}: `outputs` must hold exactly one")
        if cls.needs or cls.networks or cls.truth:
            raise TypeError(
                f"composite {cls.__name__}: needs, networks and truth are those of its parts; name none"
            )

    @abstractmethod
    def combine(self, values: Floats) -> Floats:
        """The number from those of its parts, (..., len(parts)) to (...), in the order of `parts`.

        Pure, for any number of leading axes: bootstrap samples are combined at once.
        """

    def features(self, need: str, batch: Batch) -> NoReturn:
        """Nothing is measured.

        Raises:
            TypeError: always.
        """
        raise self._not_measured()

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> NoReturn:
        """Nothing is measured.

        Raises:
            TypeError: always.
        """
        raise self._not_measured()

    def _not_measured(self) -> TypeError:
        return TypeError(f"{self.name!r} is a composite: measure its parts, {', '.join(self.parts)}")

    def describe(self) -> dict[str, object]:
        """All that `metrics show` prints. What it needs is what its parts need, and they say it."""
        own = {key: value for key, value in super().describe().items() if key != "needs"}
        return own | {"parts": list(self.parts)}
