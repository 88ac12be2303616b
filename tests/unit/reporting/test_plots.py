"""Curves of clips with different frame rates meet on one axis of time."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from liveact_eval.reporting.plots import _at_rate, _middle


def test_a_curve_at_another_rate_keeps_its_time() -> None:
    slow = np.arange(20, dtype=np.float32)
    fast = _at_rate(slow, 10.0, 25.0)
    assert len(fast) == 50
    assert fast[25] == pytest.approx(10.0)
    assert np.array_equal(_at_rate(slow, 25.0, 25.0), slow)


def test_where_no_clip_has_a_number_there_is_none_and_no_warning() -> None:
    gone = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = _middle(np.array([[1.0, gone, 4.0], [3.0, gone, gone]]))
        assert np.isnan(_middle(np.full((2, 3), gone))).all()
        assert _middle(np.zeros((2, 0))).shape == (3, 0)
    np.testing.assert_allclose(found, [[2, gone, 4], [1.5, gone, 4], [2.5, gone, 4]])
