"""Curves of clips with different frame rates meet on one axis of time."""

from __future__ import annotations

import numpy as np
import pytest

from liveact_eval.reporting.plots import _at_rate


def test_a_curve_at_another_rate_keeps_its_time() -> None:
    slow = np.arange(20, dtype=np.float32)
    fast = _at_rate(slow, 10.0, 25.0)
    assert len(fast) == 50
    assert fast[25] == pytest.approx(10.0)
    assert np.array_equal(_at_rate(slow, 25.0, 25.0), slow)
