"""The published tables in reports/paper: they load, fit together, and carry every number of their source."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from liveact_eval.cards.paper import (
    CLAIMS_FILE,
    PaperTable,
    TotalLast,
    load_claims,
    load_table,
    load_tables,
)
from liveact_eval.errors import UserError

REPOSITORY = Path(__file__).resolve().parents[3]
ROOT = REPOSITORY / "reports" / "paper"
SOURCE = REPOSITORY.parent / "shared" / "specs" / "paper_tables.json"
FILES = sorted(ROOT.glob("*.json"))
TABLE_FILES = [path for path in FILES if path.name != CLAIMS_FILE]

needs_source = pytest.mark.skipif(
    not SOURCE.is_file(),
    reason="the transcription that the tables were made from is not beside the repository",
)


def source() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(SOURCE.read_text(encoding="utf-8"))
    return data


def valid_table() -> dict[str, Any]:
    return {
        "schema_version": 1,
        "id": "some-table1",
        "paper": "Some",
        "table": "1",
        "caption": "A caption",
        "metrics": [
            {"name": "FID", "direction": "down", "unit": "", "key": "fid"},
            {"name": "CSIM", "direction": "up", "unit": "", "split": True},
        ],
        "rows": [{"model": "A", "ours": True, "values": {"FID": 1.5, "CSIM": {"total": 0.9, "last": 0.8}}}],
    }


def write(folder: Path, data: object, name: str = "some-table1") -> Path:
    text = data if isinstance(data, str) else json.dumps(data)
    (folder / f"{name}.json").write_text(text, encoding="utf-8")
    return folder


def test_every_file_loads() -> None:
    tables = load_tables(ROOT)
    assert len(tables) == len(TABLE_FILES) > 0
    assert load_claims(ROOT).claims


def test_ids_are_unique_and_name_the_file() -> None:
    ids = [table.id for table in load_tables(ROOT)]
    assert len(set(ids)) == len(ids)
    assert ids == sorted(path.stem for path in TABLE_FILES)


@pytest.mark.parametrize("path", TABLE_FILES, ids=lambda path: path.stem)
def test_cells_and_columns_fit(path: Path) -> None:
    table = load_table(ROOT, path.stem)
    names = [metric.name for metric in table.metrics]
    assert all(metric.direction in {"up", "down", "none"} for metric in table.metrics)
    assert all(list(row.values) == names for row in table.rows), "in the order of the columns"
    assert bool(table.metrics) == bool(table.rows)
    assert sum(row.ours for row in table.rows) <= 1
    assert table.title is not None


def test_directions_of_one_quantity_agree() -> None:
    directions: dict[str, set[str]] = {}
    for table in load_tables(ROOT):
        for metric in table.metrics:
            if metric.key is not None:
                directions.setdefault(metric.key, set()).add(metric.direction)
    assert {key: found for key, found in directions.items() if len(found) > 1} == {}


def test_numbers_of_a_claim_stand_in_its_text() -> None:
    for claim in load_claims(ROOT).claims:
        text = claim.text.replace(",", "").replace("70k", "70000").replace("two", "2").replace("single", "1")
        printed = {float(number) for number in re.findall(r"\d+(?:\.\d+)?", text)}
        assert {quantity.value for quantity in claim.quantities} <= printed, claim.id


@pytest.mark.parametrize("path", [*FILES, ROOT / "README.md"], ids=lambda path: path.name)
def test_sources_are_named_by_their_paper(path: Path) -> None:
    text = path.read_text(encoding="utf-8").lower()
    assert [word for word in ("seed 0", "ocr seed", "/work", ".txt") if word in text] == []


def cells_of_source() -> dict[tuple[str, str, str, str], str]:
    cells: dict[tuple[str, str, str, str], str] = {}
    for table in source()["tables"]:
        for row in table["rows"]:
            for metric, value in row["values"].items():
                parts = value if isinstance(value, dict) else {"": value}
                for part, number in parts.items():
                    cells[table["id"].replace("_", "-"), row["model"], metric, part] = repr(number)
    return cells


def cells_of_files() -> dict[tuple[str, str, str, str], str]:
    cells: dict[tuple[str, str, str, str], str] = {}
    for table in load_tables(ROOT):
        for row in table.rows:
            for metric, value in row.values.items():
                parts = value.model_dump() if isinstance(value, TotalLast) else {"": value}
                for part, number in parts.items():
                    cells[table.id, row.model, metric, part] = repr(number)
    return cells


@needs_source
def test_every_value_is_that_of_the_source() -> None:
    expected = cells_of_source()
    assert expected
    assert cells_of_files() == expected


@needs_source
def test_every_table_is_that_of_the_source() -> None:
    def plain(table: dict[str, Any]) -> dict[str, Any]:
        ours = {"6/8": "memory 6, current 8"}.get(table.get("ours", ""), table.get("ours"))
        return {
            "table": (table["paper"], table["table"], table["caption"]),
            "measured": (
                table["dataset"],
                table.get("n_videos"),
                table.get("resolution"),
                table.get("fps"),
            ),
            "metrics": [
                (m["name"], m["direction"], m["unit"], "split" in m, "shared_between_datasets" in m)
                for m in table["metrics"]
            ],
            "rows": [
                (r["model"], r["model"] == ours, r.get("settings", {}), r.get("unit")) for r in table["rows"]
            ],
        }

    def loaded(table: PaperTable) -> dict[str, Any]:
        return {
            "table": (table.paper, table.table, table.caption),
            "measured": (table.dataset, table.n_videos, table.resolution, table.fps),
            "metrics": [
                (m.name, m.direction, m.unit, m.split, m.shared_between_datasets) for m in table.metrics
            ],
            "rows": [(r.model, r.ours, r.settings, r.unit) for r in table.rows],
        }

    expected = {table["id"].replace("_", "-"): plain(table) for table in source()["tables"]}
    assert {table.id: loaded(table) for table in load_tables(ROOT)} == expected


@needs_source
def test_every_claim_and_remark_is_carried_over() -> None:
    claims = load_claims(ROOT)
    assert [claim.text for claim in claims.claims] == [claim["claim"] for claim in source()["scalar_claims"]]
    tables = {table.id: table for table in load_tables(ROOT)}
    for table in source()["tables"]:
        here = tables[table["id"].replace("_", "-")]
        remarks = " ".join((*here.notes, *here.doubts))
        said = " ".join((table.get("note", ""), *table.get("doubts", [])))
        assert bool(remarks) == bool(said), here.id
        decimals = set(re.findall(r"\d+\.\d+", said))
        assert {number for number in decimals if number not in remarks} == set(), here.id


def test_a_known_table() -> None:
    table = load_table(ROOT, "liveact-table2-hdtf")
    ours = next(row for row in table.rows if row.ours)
    assert ours.values["Sync-C"] == 9.4
    assert (table.dataset, table.n_videos, table.resolution) == ("HDTF", 50, "512x512")


def test_unknown_table_names_the_nearest() -> None:
    with pytest.raises(
        UserError, match=r"Unknown published table 'liveact-table2'.*Did you mean 'liveact-table"
    ):
        load_table(ROOT, "liveact-table2")


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"No folder of published tables at .*nowhere"):
        load_tables(tmp_path / "nowhere")


def test_missing_claims(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"Cannot read .*claims\.json"):
        load_claims(tmp_path)


def test_a_valid_file_is_frozen(tmp_path: Path) -> None:
    table = load_table(write(tmp_path, valid_table()), "some-table1")
    assert table.rows[0].values["CSIM"] == TotalLast(total=0.9, last=0.8)
    with pytest.raises(ValidationError, match="frozen"):
        table.caption = "another"  # type: ignore[misc]


def broken(**changes: Any) -> dict[str, Any]:
    return valid_table() | changes


def broken_values(**values: Any) -> dict[str, Any]:
    data = valid_table()
    data["rows"][0]["values"].update(values)
    return data


NO_FID = valid_table()
del NO_FID["rows"][0]["values"]["FID"]
SPLIT = {"total": 0.9, "last": 0.8}
TWICE = valid_table()["rows"] * 2


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("{", r"not JSON at line 1, column 2"),
        ("[]", r"the file: seen \[\]; expected an object"),
        ('{"id": 1, "id": 2}', r"id: seen 2 times in one object; expected once"),
        (broken(schema_version=2), r"schema_version: seen 2; .* at most 1\. Upgrade it: pip install"),
        (broken(id="other"), r"id: seen 'other'; expected the file's name, 'some-table1'"),
        (broken(captoin=""), r"captoin: seen an unknown field; expected one of .*did you mean 'caption'"),
        (broken(caption=3), r"caption: seen 3; expected a valid string"),
        (broken(n_videos="50"), r"n_videos: seen '50'; expected a valid integer"),
        (broken(metrics=None), r"metrics: seen None; expected a valid array"),
        (
            broken(metrics=[{"name": "FID", "direction": "left", "unit": ""}]),
            r"metrics\.0\.direction: seen 'left'; expected 'up', 'down' or 'none'",
        ),
        (
            broken(metrics=[{"name": "FID", "unit": ""}]),
            r"metrics\.0\.direction: seen nothing; expected this",
        ),
        (broken(rows=TWICE), r"rows: seen A more than once; expected each name once"),
        (broken(rows=[{"model": "A", "our": True}]), r"rows\.0\.our: seen an unknown .*did you mean 'ours'"),
        (NO_FID, r"rows\.0\.values: seen no value of 'FID'; expected one for each metric"),
        (broken_values(FVD=1), r"rows\.0\.values: seen value of 'FVD'; expected metrics of the table only"),
        (broken_values(FID="1.5"), r"rows\.0\.values\.FID: seen '1\.5'; expected a number, true or false"),
        (broken_values(FID=float("nan")), r"rows\.0\.values\.FID: seen nan; expected a number"),
        (broken_values(CSIM={"total": 1}), r"rows\.0\.values\.CSIM: seen \{'total': 1\}; expected a number"),
        (broken_values(CSIM=0.9), r"rows\.0\.values\.CSIM: seen 0\.9; expected \{total, last\}"),
        (broken_values(FID=SPLIT), r"rows\.0\.values\.FID: seen TotalLast.*; expected one value"),
        (broken_values(FID=True), r"rows\.0\.values\.FID: seen True; expected true or false where"),
    ],
)
def test_malformed_file(tmp_path: Path, data: object, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        load_tables(write(tmp_path, data))
    assert str(tmp_path / "some-table1.json") in str(caught.value)


def test_a_cell_may_be_empty(tmp_path: Path) -> None:
    assert load_tables(write(tmp_path, broken_values(FID=None)))[0].rows[0].values["FID"] is None


def test_malformed_claims(tmp_path: Path) -> None:
    write(tmp_path, {"schema_version": 1, "claims": [{"id": "a", "paper": "P", "tekst": "x"}]}, "claims")
    with pytest.raises(UserError, match=r"claims\.0\.tekst: seen an unknown field.*did you mean 'text'"):
        load_claims(tmp_path)
