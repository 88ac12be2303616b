"""Cleaning a prompt as the text encoder was trained to see it."""

from __future__ import annotations

import html
import re

import ftfy


def clean_prompt(text: str) -> str:
    """Repair mis-decoded text, undo HTML entities twice, and make every run of white space one space.

    Case and punctuation stay. ftfy also straightens curly quotes and folds full-width letters and ligatures.
    """
    repaired = html.unescape(html.unescape(ftfy.fix_text(text))).strip()
    return re.sub(r"\s+", " ", repaired).strip()
