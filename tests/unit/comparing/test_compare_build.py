"""Several runs in one table: which clips, which columns, which verdicts, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from liveact_eval.cards.protocol import Protocol
from liveact_eval.comparing.build import compare_runs
from liveact_eval.comparing.common import shared_clips
from liveact_eval.comparing.schema import ComparedValue, Comparison, Difference
from liveact_eval.comparing.sheet import marks
from liveact_eval.errors import UserError
from tests.made_up import PROTOCOL, made_up

NOISE = np.random.RandomState(3).standard_normal((6, 16)) * 0.1
REAL = {"ssim": [1.0] * 16}


def values(level: float, row: int) -> list[float]:
    return [float(v) for v in level + NOISE[row]]


def value_of(table: Comparison, metric: str, column: str) -> ComparedValue:
    (found,) = [v for v in table.values if (v.metric, v.column) == (metric, column)]
    return found


def difference_of(table: Comparison, metric: str, a: str, b: str) -> Difference:
    (found,) = [d for d in table.differences if (d.metric, d.column, d.other) == (metric, a, b)]
    return found


def keys(table: Comparison) -> list[str]:
    return [column.key for column in table.columns]


def test_two_runs_on_the_clips_that_both_have() -> None:
    ours = made_up({"real": REAL, "ours": {"ssim": values(0.9, 0)}}, name="a")
    theirs = made_up({"real": {"ssim": [1.0] * 12}, "theirs": {"ssim": values(0.5, 1)[:12]}}, name="b")
    table = compare_runs([ours, theirs])
    assert keys(table) == ["real", "ours", "theirs"]
    assert table.clips == [f"c{n}" for n in range(12)]
    assert table.protocol == theirs.results.protocol != ours.results.protocol
    assert value_of(table, "ssim", "ours").value == pytest.approx(np.mean(values(0.9, 0)[:12]))
    found = difference_of(table, "ssim", "ours", "theirs")
    assert found.verdict == "better"
    assert found.n == 12
    assert found.ci_low is not None and found.ci_low > 0.2
    assert any("4 of 16 clips are not in all runs" in note for note in table.notes)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"fps": 30.0}, "protocol.fps: 25.0, 30.0"),
        ({"size": (64, 64)}, "protocol.size"),
        ({"version": 2}, "version"),
    ],
)
def test_two_protocols_never_share_a_column(change: dict[str, object], expected: str) -> None:
    one = made_up({"ours": {"ssim": values(0.9, 0)}}, name="a")
    other = made_up(
        {"theirs": {"ssim": values(0.5, 1)}}, name="b", protocol=PROTOCOL.model_copy(update=change)
    )
    with pytest.raises(UserError, match=expected) as caught:
        shared_clips([one, other])
    assert "runs/a and runs/b cannot stand in one table" in str(caught.value)


def test_other_content_behind_the_same_id_is_refused() -> None:
    one = made_up({"ours": {"ssim": values(0.9, 0)}})
    content = {f"c{n}": f"hash of c{n}" for n in range(16)} | {"c3": "another film"}
    with pytest.raises(UserError, match="content of 1 clips of the same name, c3 for one"):
        shared_clips([one, made_up({"ours": {"ssim": values(0.9, 0)}}, content=content)])


def test_nothing_in_common_is_refused() -> None:
    one, other = (
        made_up({"ours": {"ssim": values(0.9, 0)}}, clips=[f"{prefix}{n}" for n in range(16)])
        for prefix in "xy"
    )
    with pytest.raises(UserError, match=r"no clip in common: runs/run has x0, x1, \.\.\. \(16 in all\)"):
        shared_clips([one, other])


def test_without_run_json_only_the_same_protocol_id_will_do() -> None:
    from dataclasses import replace

    whole = made_up({"ours": {"ssim": values(0.9, 0)}})
    bare = replace(whole, protocol=None, content=None)
    assert shared_clips([whole, bare]).protocol_id == whole.results.protocol
    shorter = made_up({"ours": {"ssim": values(0.9, 0)[:8]}})
    with pytest.raises(UserError, match=r"no run\.json"):
        shared_clips([shorter, bare])


def test_two_recipes_have_rows_of_their_own() -> None:
    one = made_up({"ours": {"ssim": values(0.9, 0)}}, recipes={"ssim": "ssim@1+net:aa"})
    other = made_up({"theirs": {"ssim": values(0.5, 1)}}, recipes={"ssim": "ssim@1+net:bb"})
    table = compare_runs([one, other])
    assert [metric.title for metric in table.metrics] == ["SSIM (ssim@1+net:aa)", "SSIM (ssim@1+net:bb)"]
    assert table.differences == []
    assert value_of(table, "ssim@ssim@1+net:aa", "theirs").reason == "not_measured"


def test_a_missing_clip_is_left_out_for_all() -> None:
    gaps: list[float | None] = [None, *values(0.5, 1)[1:]]
    table = compare_runs([made_up({"ours": {"ssim": values(0.9, 0)}, "theirs": {"ssim": gaps}})])
    own = value_of(table, "ssim", "ours")
    assert (own.n, own.n_total) == (15, 16)
    assert own.value == pytest.approx(np.mean(values(0.9, 0)[1:]))
    assert any("n = 15/16" in note and "Theirs lacks 1" in note for note in table.notes)


def test_a_column_without_any_number_takes_no_clips_away() -> None:
    nothing: Sequence[float | None] = [None] * 16
    table = compare_runs([made_up({"ours": {"ssim": values(0.9, 0)}, "theirs": {"ssim": nothing}})])
    assert value_of(table, "ssim", "ours").n == 16
    assert value_of(table, "ssim", "theirs").reason == "too_short"


def test_controls_that_agree_stand_once_and_others_apart() -> None:
    def run(name: str, still: float) -> Comparison:
        one = made_up(
            {"real": REAL, "still": {"ssim": [0.5] * 16}, "ours": {"ssim": values(0.9, 0)}}, name="a"
        )
        two = made_up(
            {"real": REAL, "still": {"ssim": [still] * 16}, "ours": {"ssim": values(0.9, 0)}}, name="b"
        )
        return compare_runs([one, two])

    assert keys(run("b", 0.5)) == ["real", "still", "ours@a", "ours@b"]
    apart = run("b", 0.51)
    assert keys(apart) == ["real", "still@a", "still@b", "ours@a", "ours@b"]
    assert [column.title for column in apart.columns][-1] == "Ours (b)"
    assert difference_of(apart, "ssim", "ours@a", "ours@b").verdict == "cannot tell"


def test_real_clips_that_measure_otherwise_are_told() -> None:
    one = made_up({"real": REAL, "ours": {"ssim": values(0.9, 0)}}, name="a")
    two = made_up({"real": {"ssim": [0.98] * 16}, "theirs": {"ssim": values(0.9, 0)}}, name="b")
    table = compare_runs([one, two])
    assert keys(table)[:2] == ["real@a", "real@b"]
    assert any("real clips do not measure the same in runs/a and runs/b" in note for note in table.notes)


def test_marks_need_a_verdict() -> None:
    levels = {"a": 0.9, "b": 0.7, "c": 0.5}
    clear = made_up({"real": REAL} | {m: {"ssim": values(v, n)} for n, (m, v) in enumerate(levels.items())})
    table = compare_runs([clear])
    assert marks(table, table.metrics[0]) == {"a": "best", "b": "second"}
    low = made_up({m: {"low": values(v, n)} for n, (m, v) in enumerate(levels.items())})
    table = compare_runs([low])
    assert marks(table, table.metrics[0]) == {"c": "best", "b": "second"}
    close = made_up(
        {"a": {"ssim": values(0.9, 0)}, "b": {"ssim": values(0.9, 1)}, "c": {"ssim": values(0.5, 2)}}
    )
    table = compare_runs([close])
    assert marks(table, table.metrics[0]) == {}


def test_controls_do_not_compete_with_models() -> None:
    run = made_up(
        {"still": {"ssim": [1.0] * 16}, "a": {"ssim": values(0.9, 0)}, "b": {"ssim": values(0.5, 1)}}
    )
    table = compare_runs([run])
    assert marks(table, table.metrics[0]) == {"a": "best"}
    alone = compare_runs(
        [made_up({"real": REAL, "still": {"ssim": [1.0] * 16}, "a": {"ssim": values(0.9, 0)}})]
    )
    assert marks(alone, alone.metrics[0]) == {"still": "best"}


def test_correction_counts_scores_and_pairs() -> None:
    of = {"ssim": values(0.9, 0), "low": values(0.5, 1), "any": values(0.1, 2)}
    table = compare_runs([made_up({"a": of, "b": of, "c": of})])
    assert table.correction == "Holm, 6 comparisons"
    assert difference_of(table, "any", "a", "b").verdict is None
    assert (
        compare_runs([made_up({"a": of, "b": of, "c": of})], against="b").correction == "Holm, 4 comparisons"
    )
    assert compare_runs([made_up({"a": of, "b": of})], ["low"]).correction == "Holm, 1 comparisons"
    assert compare_runs([made_up({"a": of, "b": of})], ["low_giver"]).metrics[0].key == "low"


def test_unknown_names_are_refused() -> None:
    run = made_up({"a": {"ssim": values(0.9, 0)}})
    with pytest.raises(UserError, match="Did you mean 'ssim'"):
        compare_runs([run], ["sim"])
    with pytest.raises(UserError, match="Unknown column 'b'"):
        compare_runs([run], against="b")
    both = [made_up({"a": {"ssim": values(0.9, n)}}, name=f"n{n}") for n in (0, 1)]
    with pytest.raises(UserError, match="several columns: a@n0, a@n1"):
        compare_runs(both, against="a")


def test_a_value_that_is_no_mean_is_not_narrowed() -> None:
    whole = made_up({"a": {"ssim": values(0.9, 0)}, "b": {"ssim": values(0.5, 1)}})
    rows = [row.model_copy(update={"value": 7.0}) for row in whole.results.rows]
    from dataclasses import replace

    odd = replace(whole, results=whole.results.model_copy(update={"rows": rows}))
    table = compare_runs([odd])
    assert value_of(table, "ssim", "a").value == 7.0
    assert difference_of(table, "ssim", "a", "b").reason == "not_a_mean"
    shorter = made_up({"c": {"ssim": values(0.5, 1)[:8]}})
    assert value_of(compare_runs([odd, shorter]), "ssim", "a").value is None


def test_protocol_of_the_shared_clips_is_the_runs_own() -> None:
    run = made_up({"a": {"ssim": values(0.9, 0)}})
    assert isinstance(run.protocol, Protocol)
    assert compare_runs([run]).protocol == run.results.protocol
