"""Names of any kind come through LaTeX, compiled by pdfTeX where it is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from liveact_eval.reporting.tex import tex_text

SPECIAL = 'A_b & 100 % of #1 ${x}$ ~ ^ \\ | <y> "q" `t\' [0] *'
LATIN = "Łódź Ærø ÐÞ ąęįų ŋ ß «é» ÿŸ µm 5² 3³ ±2 °C ¦ ¤ ½"
OTHERS = "中文 Привет αβγδεζηθικλμνξοπρστυφχψω ΑΒΓΔΩ שלום 😀 ê\u0301 ﬁ ‑ … ≤≥ − ½ \u200d\u00ad"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a_b & c", r"a\_b \& c"),
        ("50 % #1", r"50 \% \#1"),
        ("{x}~^\\", r"\{x\}\textasciitilde{}\textasciicircum{}\textbackslash{}"),
        ("two\n\nlines", "two lines"),
        ("e\u0301", "é"),
        ("ΔE λ ο Α", r"$\Delta$E $\lambda$ o A"),
        ("中", r"{\ifdefined\Umathcode 中\else U+4E2D\fi}"),
        ("ą", r"{\ifdefined\Umathcode ą\else a\fi}"),
        ("zero\u200bwidth", "zerowidth"),
    ],
)
def test_text(text: str, shown: str) -> None:
    assert tex_text(text) == shown


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_pdftex_compiles_every_character(tmp_path: Path) -> None:
    """With nothing in the preamble, and without a single complaint."""
    everything = "".join(map(chr, [*range(0x21, 0x250), *range(0x370, 0x400), *range(0x2010, 0x2050)]))
    lines = [tex_text(text) for text in (SPECIAL, LATIN, OTHERS, *re.findall(".{1,40}", everything))]
    body = r"\\".join(f"{line} & x" for line in lines)
    page = (
        f"\\documentclass{{article}}\n\\begin{{document}}\n\\begin{{tabular}}{{ll}}{body}\\end{{tabular}}\n"
    )
    (tmp_path / "t.tex").write_text(page + "\\end{document}\n", encoding="utf-8")
    ended = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "t.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    complaints = [
        line for line in ended.stdout.splitlines() if line.startswith("!") or "Missing char" in line
    ]
    assert complaints == []
    assert ended.returncode == 0
