"""Files and words that programs are given: as the official readers take them, and as they were checked before."""

from __future__ import annotations

import csv
import io
import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from liveact_eval.cards.command_rules import InputFile
from liveact_eval.clips.clip import Clip
from liveact_eval.errors import ClipError
from liveact_eval.generators.command import adapter
from liveact_eval.generators.command.adapter import Order
from liveact_eval.generators.command.guarded import Ended
from liveact_eval.generators.command.input_file import render
from liveact_eval.weights.store import weights_root
from tests.unit.generators.command.command_cases import (
    ODD_NAMES,
    SYSTEMS,
    driven_clip,
    generator,
    make_repository,
    make_weights,
)

GOLDEN = Path(__file__).with_name("golden_commands.json")
ODD = {"image": "/i/a b'c;$(x).png", "audio": "/i/-ä.wav", "prompt": 'says "no", \\ {x} @@ 100%'}


def file_of(form: str, content: Any, **fields: Any) -> InputFile:
    return InputFile.model_validate({"name": "f", "format": form, "content": content} | fields)


def test_json_is_read_back_as_it_was() -> None:
    content = {"prompt": "{prompt}", "cond_audio": {"person1": "{audio}"}, "seed": "{seed}", "scale": 1.5}
    text = render(file_of("json", content), shared={"seed": 7}, clips=[ODD])
    assert json.loads(text) == {
        "prompt": ODD["prompt"],
        "cond_audio": {"person1": ODD["audio"]},
        "seed": 7,
        "scale": 1.5,
    }
    several = render(file_of("json_list", {"prompt": "{prompt}"}), shared={}, clips=[ODD, {"prompt": "b"}])
    assert json.loads(several) == [{"prompt": ODD["prompt"]}, {"prompt": "b"}]


def test_yaml_keeps_placeholders_in_keys() -> None:
    text = render(file_of("yaml", {"test_cases": {"{image}": ["{audio}"]}}), shared={}, clips=[ODD])
    assert yaml.safe_load(text) == {"test_cases": {ODD["image"]: [ODD["audio"]]}}


def test_csv_is_read_back_by_the_csv_module() -> None:
    file = file_of("csv", {"image": "{image}", "prompt": "{prompt}", "fps": "25"}, byte_order_mark=True)
    text = render(file, shared={}, clips=[ODD, ODD])
    assert text.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert rows == 2 * [{"image": ODD["image"], "prompt": ODD["prompt"], "fps": "25"}]


def test_lines_for_a_shell_split_are_read_back_by_one() -> None:
    file = file_of("lines", ["{image}", "{audio}", "{prompt}"], quoting="shell")
    (line,) = render(file, shared={}, clips=[ODD]).splitlines()
    assert shlex.split(line) == [ODD["image"], ODD["audio"], ODD["prompt"]]


def test_lines_with_a_separator_refuse_it_in_their_parts() -> None:
    file = file_of("lines", ["{prompt}", "{image}"], separator="@@")
    assert render(file, shared={}, clips=[ODD | {"prompt": "a @ b"}]) == f"a @ b@@{ODD['image']}\n"
    with pytest.raises(ClipError, match=r"bad_prompt: .*separates the parts.*prompt\.forbidden"):
        render(file, shared={}, clips=[ODD])


def three_clips(folder: Path) -> list[Clip]:
    """A square portrait, a half body, a long sound; names that break shells, CSV, and separators."""
    portrait = driven_clip(folder / "0", ODD_NAMES[0], prompt="she says \"it's 5 o'clock\"; @@ $(x)")
    body = driven_clip(folder / "1", ODD_NAMES[1], size=(48, 80))
    long = driven_clip(folder / "2", ODD_NAMES[3], seconds=3.4, prompt="Zeile eins\nZeile zwei ä")
    return [portrait, body, long]


def rendered(system: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Words and files of each process that makes the three clips, with the machine's own paths left out."""
    told: list[dict[str, Any]] = []
    made = generator(system, make_repository(folder / "repo", system))

    def plain(text: str, root: Path) -> str:
        places = {str(root): "<space>", str(weights_root()): "<weights>", str(folder): "<here>"}
        places[str(made.spec.python)] = "<python>"
        for path, name in places.items():
            text = text.replace(path, name)
        return text

    def run(words: list[str], *, folder: Path, log: Path, **_: Any) -> Ended:
        root = folder.parent
        texts = sorted(p for p in (root / "inputs").iterdir() if p.suffix not in {".png", ".wav"})
        told.append(
            {
                "words": [plain(word, root) for word in words],
                "files": {path.name: plain(path.read_text(encoding="utf-8"), root) for path in texts},
            }
        )
        log.write_text("", encoding="utf-8")
        return Ended(status=0, seconds=0.0)

    monkeypatch.setattr(adapter, "run_to_end", run)
    orders = [
        Order(clip, folder / "out" / f"{n}.mp4") for n, clip in enumerate(three_clips(folder / "clips"))
    ]
    for first in range(0, 3, made.clips_per_call):
        made.generate_many(orders[first : first + made.clips_per_call], 7)
    return told


def test_words_and_files_are_those_that_were_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEACT_EVAL_WEIGHTS", str(make_weights(tmp_path / "weights")))
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert set(golden) == set(SYSTEMS)
    for system in SYSTEMS:
        assert rendered(system, tmp_path / system, monkeypatch) == golden[system], system
