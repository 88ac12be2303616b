"""Templates of cards."""

from __future__ import annotations

import pytest

from liveact_eval.cards.placeholders import check_names, fill, fill_typed, names_in


def test_values_are_put_in_and_braces_can_be_written() -> None:
    assert fill("{a}-{b.c}{{x}}", {"a": "1 {b} $(x)", "b.c": 2}) == "1 {b} $(x)-2{x}"
    assert fill("{fps}", {"fps": 25.0}) == "25"
    assert fill("{fps}", {"fps": 23.976}) == "23.976"


def test_a_single_placeholder_keeps_its_type() -> None:
    assert fill_typed("{seed}", {"seed": 7}) == 7
    assert fill_typed("s{seed}", {"seed": 7}) == "s7"
    assert fill_typed("plain", {}) == "plain"


def test_names() -> None:
    assert names_in("--{image} {weights.base}{{no}}") == {"image", "weights.base"}


@pytest.mark.parametrize("template", ["{", "}", "{a b}", "x{}", "{image"])
def test_a_brace_alone_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match=r"belongs to no placeholder; write `(\{\{|\}\})`"):
        names_in(template)


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(
        ValueError, match=r"unknown placeholder `\{imge\}` in argument .* Did you mean `\{image\}`"
    ):
        check_names("--x={imge}", {"image", "audio"}, where="argument")
    with pytest.raises(ValueError, match=r"Known: audio, image"):
        check_names("{zzzzzz}", {"image", "audio"}, where="argument")
