"""Any text as LaTeX: what TeX takes for commands is escaped, and letters that a plain document lacks do not stop it."""

from __future__ import annotations

import unicodedata

from liveact_eval.reporting.numbers import ARROWS

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "²": r"$^2$",
    "³": r"$^3$",
    "±": r"$\pm$",
    "°": r"$^\circ$",
    "µ": r"$\mu$",
    "−": r"$-$",
    "×": r"$\times$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "|": r"$|$",
    "<": r"$<$",
    ">": r"$>$",
    "«": r"$\ll$",
    "»": r"$\gg$",
    "“": "``",
    "”": "''",
    "–": "--",
    "—": "---",
    '"': "''",
    "`": r"\textasciigrave{}",
    # After the end of a row TeX would take these for an option of it.
    "[": "{[}",
    "*": "{*}",
    **dict.fromkeys([arrow for arrow in ARROWS.values() if arrow], ""),
}
_GREEK = frozenset(
    {"alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu"}
    | {"nu", "xi", "omicron", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega"}
)
_LATIN_CAPITALS = {
    **{"Alpha": "A", "Beta": "B", "Epsilon": "E", "Zeta": "Z", "Eta": "H", "Iota": "I", "Kappa": "K"},
    **{"Mu": "M", "Nu": "N", "Omicron": "O", "Rho": "P", "Tau": "T", "Chi": "X"},
}
"""Greek capitals that look like Latin ones: TeX has no command for them."""
_NO_FONT = frozenset("ÐðÞþĄąĐđĘęĦħĮįĸĿŀŉŊŋŦŧŲųſ\xad¦¤¢¬¥")
"""Letters of Latin-1 and Latin Extended-A for which the fonts of a plain document have no shape."""
_LAST_LETTER = 0x17F


def tex_text(text: str) -> str:
    """A text as LaTeX shows it, on one line.

    pdfTeX prints Latin and Greek letters; of any other character it prints the letter under its accent, or else its
    code, such as U+4E2D. XeTeX and LuaTeX print the character itself, with a font that has it.
    """
    composed = unicodedata.normalize("NFC", " ".join(text.split()))
    return "".join(_shown(character) for character in composed)


def _shown(character: str) -> str:
    if character in _SPECIAL:
        return _SPECIAL[character]
    code = ord(character)
    if unicodedata.category(character) in ("Cc", "Cf"):
        return ""
    if code < 0x80 or (0xA0 < code <= _LAST_LETTER and character not in _NO_FONT):
        return character
    greek = _greek(character)
    if greek is not None:
        return greek
    plain = "".join(
        base for base in unicodedata.normalize("NFKD", character) if base.isascii() and base.isalnum()
    )
    return rf"{{\ifdefined\Umathcode {character}\else {plain or f'U+{code:04X}'}\fi}}"


def _greek(character: str) -> str | None:
    """A Greek letter in mathematics; `None` for any other."""
    name = unicodedata.name(character, "").split()
    if len(name) != 4 or name[0] != "GREEK" or name[2] != "LETTER":
        return None
    letter = {"lamda": "lambda"}.get(name[3].lower(), name[3].lower())
    if letter not in _GREEK:
        return None
    if name[1] == "CAPITAL":
        capital = letter.title()
        return _LATIN_CAPITALS.get(capital, rf"$\{capital}$")
    return "o" if letter == "omicron" else rf"$\{letter}$"
