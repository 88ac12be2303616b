"""Identity similarity: references, missing faces, the largest face, templates of other sizes."""

from __future__ import annotations

import numpy as np
import pytest

from liveact_eval.clips.faces import TEMPLATE_112
from liveact_eval.metrics._csim import cosines, largest_faces, recipe, similarity_of, template_for
from liveact_eval.metrics.base import Missing

VECTORS = np.array([[1.0, 0.0], [np.nan, np.nan], [3.0, 4.0], [0.0, 2.0]])


def test_cosines_do_not_depend_on_length_and_keep_gaps() -> None:
    found = cosines(VECTORS, np.array([10.0, 0.0]))
    np.testing.assert_allclose(found, [1.0, np.nan, 0.6, 0.0])
    np.testing.assert_allclose(cosines(VECTORS, VECTORS * 2), [1.0, np.nan, 1.0, 1.0])


def test_the_reference_decides_which_frames_count() -> None:
    portrait = similarity_of(VECTORS, np.array([1.0, 0.0]))
    assert portrait.value == pytest.approx((1 + 0.6 + 0) / 3)
    assert portrait.coverage == 0.75
    # The first frame with a face is its own reference: it says nothing.
    first = similarity_of(VECTORS, None)
    assert first.value == pytest.approx((0.6 + 0) / 2)
    assert np.isnan(first.curve[0])
    # A real frame without a face cannot be compared with.
    paired = similarity_of(VECTORS, np.array([[1.0, 0], [1, 0], [np.nan, 0], [0, 1]]))
    assert paired.value == 1.0
    assert paired.coverage == 0.5


def test_without_a_face_there_is_a_reason_and_no_number() -> None:
    nobody = similarity_of(np.full((3, 2), np.nan), np.ones(2))
    assert nobody.value == Missing("no_face", "no face in any of 3 frames")
    assert nobody.coverage == 0.0
    assert isinstance(similarity_of(VECTORS, np.full(2, np.nan)).value, Missing)
    assert similarity_of(VECTORS[:2], None).value == Missing("too_short", "no frame to compare")


def test_the_largest_face_of_each_frame() -> None:
    boxes = np.array([[0, 0, 2, 2], [0, 0, 5, 5], [0, 0, 3, 3], [1, 1, 6, 6], [0, 0, 9, 1]], float)
    # Boxes 1 and 3 are equally large: the first detection counts. Boxes 2 and 4 are, too.
    assert largest_faces(boxes, np.array([0, 0, 2, 0, 2]), 4).tolist() == [1, -1, 2, -1]
    assert largest_faces(np.zeros((0, 4)), np.zeros(0, np.int64), 2).tolist() == [-1, -1]


def test_templates_of_other_sizes() -> None:
    np.testing.assert_allclose(template_for(224), TEMPLATE_112 * 2)
    np.testing.assert_allclose(template_for(128), TEMPLATE_112 + np.array([8, 0]))
    np.testing.assert_allclose(template_for(256), 2 * template_for(128))
    with pytest.raises(ValueError, match="multiple; got 200"):
        template_for(200)


def test_recipes_name_weights_and_reference() -> None:
    assert recipe("w600k_r50", "portrait") == "csim-w600k_r50-portrait-face112@1"
