"""Notes under a table: each said once, with its reason, for the metrics that it concerns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from liveact_eval.reporting.notes import notes
from liveact_eval.results.schema import ClipValue, MetricRecord, ModelRecord, ResultRow, Results

GIVERS = {"fid": "fid", "kid": "fid", "psnr_db": "psnr", "sync_c": "sync", "sync_offset": "sync"}


def row(metric: str, model: str, value: float | None = None, why: str = "", **fields: Any) -> ResultRow:
    given: dict[str, Any] = {
        "model": model,
        "dataset": "d",
        "protocol": "d@1:0",
        "metric": metric,
        "recipe": "r@1",
        "tier": "mini",
        "value": value,
        "unit": "",
        "direction": "up",
        "ci_low": None,
        "ci_high": None,
        "n": 0 if value is None else 2,
        "n_total": 2,
        "n_speakers": 2,
        "failures": {why: 2} if value is None else {},
        "value_reason": why or None,
    }
    return ResultRow(**(given | fields))


def found(
    rows: list[ResultRow], details: Sequence[tuple[str, str, str, str]] = (), recipe: str = "r@1"
) -> Results:
    names = dict.fromkeys(item.metric for item in rows)
    return Results(
        name="run",
        dataset="d",
        dataset_title="Data",
        tier="mini",
        protocol="d@1:0",
        clips=["a", "b"],
        confidence=0.95,
        interval="bootstrap",
        models=[
            ModelRecord(name=name, title=name.title(), kind="control", generation_seconds=0)
            for name in dict.fromkeys(item.model for item in rows)
        ],
        metrics=[
            MetricRecord(
                name=name,
                title=name.upper(),
                direction="up",
                unit="",
                digits=2,
                recipe=recipe,
                best=None,
                giver=GIVERS[name],
            )
            for name in names
        ],
        rows=rows,
        comparisons=[],
        clip_values=[
            ClipValue(model=m, clip="a", speaker="s", metric=o, value=None, reason=reason, detail=detail)
            for m, o, reason, detail in details
        ],
        failed=[],
        flagged=[],
        provenance={},
    )


def test_what_is_not_measured_is_named_as_users_type_it_with_the_first_detail() -> None:
    rows = [
        row("fid", "real", why="too_short"),
        row("kid", "real", why="too_short"),
        row("sync_c", "real", 1.0),
        row("sync_offset", "real", why="no_sync"),
    ]
    details = [
        ("real", "fid", "too_short", "one\n- frame | only.  "),
        ("real", "fid", "too_short", "later"),
        ("real", "kid", "too_short", "one\n- frame | only"),
    ]
    assert notes(found(rows, details)) == [
        "Not measured (too_short): fid. For example: one - frame | only.",
        "Not measured (no_sync): sync (SYNC_OFFSET).",
    ]


def test_a_reason_with_a_line_break_stays_on_its_line() -> None:
    (line,) = notes(found([row("fid", "a", why="bad | pipe\nreason")]))
    assert line == "Not measured (bad | pipe reason): fid."


def test_details_that_differ_stand_apart_and_long_ones_are_cut() -> None:
    rows = [row("fid", "a", why="x"), row("psnr_db", "a", why="x")]
    lines = notes(found(rows, [("a", "fid", "x", "first"), ("a", "psnr_db", "x", "y" * 500)]))
    assert lines[0] == "Not measured (x): fid. For example: first."
    assert lines[1].startswith("Not measured (x): psnr. For example: yyy") and len(lines[1]) < 260


def test_where_reasons_differ_each_has_its_detail() -> None:
    rows = [row("fid", "a", failures={"x": 1, "y": 1})]
    lines = notes(found(rows, [("a", "fid", "x", "one"), ("a", "fid", "y", "two")]))
    assert lines == ["Not measured (x, y): fid. For example: x, one; y, two."]


def test_of_weights_the_command_that_fetches_them_says_all() -> None:
    rows = [row("fid", "a", why="no_weights", recipe="r@1+inception:none")]
    lines = notes(found(rows, [("a", "fid", "no_weights", "a long story")]))
    assert lines == [
        "Not measured (no_weights): fid.",
        "Weights are missing. Fetch them with: liveact-eval metrics fetch inception",
    ]


def test_numbers_that_not_every_clip_has_say_why() -> None:
    less: dict[str, Any] = {"n": 1, "failures": {"unreadable": 1}}
    rows = [row(name, model, 1.0, **less) for name in ("fid", "psnr_db") for model in ("still", "blur")]
    details = [("blur", name, "unreadable", "b.mp4: no video") for name in ("fid", "psnr_db")]
    assert notes(found([*rows, row("sync_c", "still", 1.0)], details)) == [
        "FID, PSNR_DB of Still: n = 1/2 (unreadable 1).",
        "FID, PSNR_DB of Blur: n = 1/2 (unreadable 1). For example: b.mp4: no video.",
    ]
    assert notes(found(rows))[0] == "All metrics of Still, Blur: n = 1/2 (unreadable 1)."


def test_a_note_stands_once_with_all_that_it_is_about() -> None:
    rows = [
        row("fid", "real", 1.0, note="the floor"),
        row("kid", "real", 1.0, note="the floor"),
        row("fid", "a", 1.0, note="too few"),
        row("kid", "a", 1.0),
        row("fid", "b", 1.0, note="too few"),
        row("kid", "b", 1.0, note="too few"),
    ]
    assert notes(found([*rows, row("psnr_db", "a", 1.0)])) == [
        "FID, KID of Real: the floor.",
        "FID of A; FID, KID of B: too few.",
    ]


def test_networks_with_weights_from_a_rule_are_said_of_metrics_that_have_a_value() -> None:
    rows = [row("fid", "a", 1.0), row("kid", "a", 1.0), row("psnr_db", "a", why="too_short")]
    lines = notes(found(rows, recipe="r@1+net:seeded"))
    assert lines[1] == (
        "Networks with weights from a rule, not trained ones: fid. These values mean nothing."
    )
