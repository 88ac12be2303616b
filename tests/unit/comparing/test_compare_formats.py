"""Markdown and CSV read back, and LaTeX that compiles, whatever the names are."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liveact_eval.comparing.build import compare_runs
from liveact_eval.comparing.latex import latex
from liveact_eval.comparing.markdown import markdown, read_table, table
from liveact_eval.comparing.schema import Comparison
from liveact_eval.comparing.sheet import Cell, Sheet, sheet_of
from liveact_eval.comparing.tabular import (
    differences_csv,
    lines_of,
    read_differences,
    read_values,
    values_csv,
)
from liveact_eval.errors import UserError
from tests.made_up import Values, made_up

NASTY = "A&B 100% $x_1$ #{1} ~^\\ |<b>*[x](y) 中"
NAMES = st.text(st.characters(blacklist_categories=["Cs", "Cc", "Zl", "Zp", "Zs"]), min_size=1, max_size=12)
NUMBERS = st.sampled_from(["1.000", "-0.52", "12", "–"])
CELLS = st.builds(
    Cell, NUMBERS, st.none() | st.sampled_from(["0.1", "2"]), st.sampled_from(["", "best", "second"])
)


def comparison(title: str = "Ours", other: str = "Theirs") -> Comparison:
    stream = np.random.RandomState(0)

    def values(level: float) -> list[float | None]:
        return [float(v) for v in level + 0.01 * stream.standard_normal(16)]

    models: Values = {
        "real": {"ssim": values(1), "low": values(0)},
        "ours": {"ssim": values(0.9), "low": values(3), "any": values(2)},
        "theirs": {"ssim": values(0.8), "low": values(2)},
        "third": {"ssim": values(0.5), "low": [None] * 16},
    }
    return compare_runs([made_up(models, titles={"ours": title, "theirs": other, "low": f"Low {title}"})])


@pytest.fixture(scope="module")
def plain() -> Comparison:
    return comparison()


@given(st.data(), NAMES, st.lists(NAMES, min_size=1, max_size=3))
@settings(max_examples=60, deadline=None)
def test_a_table_reads_back_from_markdown(data: st.DataObject, corner: str, columns: list[str]) -> None:
    rows = data.draw(st.lists(st.tuples(NAMES, st.tuples(*[CELLS] * len(columns))), max_size=3))
    sheet = Sheet(corner, tuple(columns), tuple(rows))
    assert read_table("before\n\n" + table(sheet) + "\nafter | this\n") == sheet


def test_markdown_holds_the_whole_table(plain: Comparison) -> None:
    text = markdown(plain)
    sheet = read_table(text)
    assert sheet == sheet_of(plain)
    (row,) = [cells for title, cells in sheet.rows if title == "SSIM ↑"]
    assert [cell.mark for cell in row] == ["", "best", "second", ""]
    assert float(row[1].text) == pytest.approx(0.9, abs=0.01)
    assert "Holm, 4 comparisons" in text
    assert "- Third has no Low Ours, ANY (too_short" not in text
    assert "## Ours against Theirs" in text
    assert re.search(r"\| SSIM ↑ \| 0\.\d{3} \| 0\.\d{3} to 0\.\d{3} \| 16 \| < 0\.001 \| better \|", text)
    with pytest.raises(UserError, match="No table found"):
        read_table("nothing here")


def test_names_are_no_markup() -> None:
    text = markdown(comparison(NASTY))
    assert "\\<b>" in text and "[x\\](y)" in text
    assert read_table(text).columns[1] == NASTY


def test_csv_reads_back_with_every_digit(plain: Comparison) -> None:
    for made in (plain, comparison(NASTY, 'quo"te, and\ncomma')):
        assert read_values(values_csv(made)) == lines_of(made)
        assert read_differences(differences_csv(made)) == made.differences
    frame = pd.read_csv(io.StringIO(values_csv(plain)))
    assert len(frame) == len(plain.values) == 12
    assert frame["value"].isna().sum() == 4
    with pytest.raises(UserError, match="Not a table of liveact-eval compare"):
        read_values("a,b\n1,2\n")
    with pytest.raises(UserError, match="was changed"):
        read_values(values_csv(plain).replace("ssim,SSIM", "ssim", 1))


def test_json_reads_back(plain: Comparison) -> None:
    assert Comparison.model_validate_json(plain.model_dump_json()) == plain


def test_latex_marks_and_escapes(plain: Comparison) -> None:
    text = latex(plain)
    assert r"\usepackage{booktabs}" in text
    assert r"SSIM $\uparrow$ & " in text and r"$\downarrow$" in text
    assert text.count(r"\textbf{") == 2 and text.count(r"\underline{") == 1
    nasty = latex(comparison(NASTY))
    assert r"A\&B 100\% \$x\_1\$ \#\{1\}" in nasty and r"中\else U+4E2D\fi" in nasty


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_latex_compiles(tmp_path: Path) -> None:
    document = "\\documentclass{article}\\usepackage{booktabs}\\begin{document}\n%s\\end{document}\n"
    for number, made in enumerate((comparison(), comparison(NASTY, "°²Δ±é"))):
        (tmp_path / f"t{number}.tex").write_text(document % latex(made), encoding="utf-8")
        ended = subprocess.run(
            ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", f"t{number}.tex"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        assert ended.returncode == 0, ended.stdout[-1500:]
