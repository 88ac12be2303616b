"""The shipped cards of systems that are run as programs: words and files as they were checked, and what goes along."""

from __future__ import annotations

import sys
import wave
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from PIL import Image

from liveact_eval.cards.load import list_cards, load_model
from liveact_eval.cards.protocol import Encoding
from liveact_eval.clips.clip import Clip
from liveact_eval.environments.cards import load_environment
from liveact_eval.errors import ClipError
from liveact_eval.generators.build import build_generator
from liveact_eval.generators.command import adapter
from liveact_eval.generators.command.adapter import CommandGenerator, Order
from liveact_eval.generators.command.guarded import Ended
from liveact_eval.rollouts.listing import rollout_rows
from tests.unit.baselines.baseline_cases import BASELINES, HERE, OFFICIAL, command_of, install
from tests.unit.baselines.stand_in.stand_in_options import parser_of
from tests.unit.generators.command.command_cases import ODD_NAMES, driven_clip

GOLDEN = HERE / "golden"
NOWHERE = {"knot-forcing", "midas", "talkingmachines"}
"""Systems of which no program is published."""


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Clip]:
    """A square portrait, a half body, a long sound; names and texts that break shells, CSV, separators and options."""
    made = tmp_path_factory.mktemp("clips")
    said = "she says \"it's 5 o'clock\"; @@ $(x)"
    return [
        driven_clip(made / "0", ODD_NAMES[0], seconds=3.2, size=(512, 512), prompt=said),
        driven_clip(made / "1", ODD_NAMES[1], seconds=3.4, size=(512, 768), prompt="-h"),
        driven_clip(
            made / "2", ODD_NAMES[3], seconds=60, size=(512, 512), prompt="Zeile eins\nzwei ä/ö, {x}"
        ),
    ]


def rendered(name: str, clips: list[Clip], here: Path, patch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What each clip's process is given, with the machine's own paths left out; or why the clip is refused."""
    install((name,), here, patch)
    made = build_generator(load_model(name), Encoding())
    assert isinstance(made, CommandGenerator)
    told: list[dict[str, Any]] = []

    def run(words: list[str], *, folder: Path, log: Path, variables: dict[str, str], **_: Any) -> Ended:
        inputs = list((folder.parent / "inputs").iterdir())
        texts = [path for path in inputs if path.suffix not in {".png", ".wav"}]
        links = {path: str(path.readlink()) for path in folder.rglob("*") if path.is_symlink()}
        process = {
            "words": words,
            "variables": {key: variables[key] for key in sorted(made.spec.variables)},
            "weights": {
                str(path.relative_to(folder)): links[path]
                for path in sorted(links)
                if "/weights/" in links[path]
            },
            "staged": {path.name: staged(path) for path in sorted(inputs) if path not in texts},
            "files": {path.name: path.read_text(encoding="utf-8") for path in sorted(texts)},
        }
        told.append(plain(process, {str(folder.parent): "<space>"}))
        log.write_text("", encoding="utf-8")
        return Ended(status=0, seconds=0.0)

    patch.setattr(adapter, "run_to_end", run)
    for number, clip in enumerate(clips):
        before = len(told)
        (outcome,) = made.generate_many([Order(clip, here / "out" / f"{number}.mp4")], 7)
        assert isinstance(outcome, ClipError)
        if len(told) == before:
            told.append({"refused": outcome.reason})
    places = {
        f"{here}/weights": "<weights>",
        f"{here}/repositories/{name}": "<repo>",
        sys.executable: "<python>",
    }
    return [plain(process, places) for process in told]


def staged(path: Path) -> str:
    """Size of a picture, length of a sound."""
    if path.suffix == ".wav":
        with wave.open(str(path)) as sound:
            return f"{sound.getnframes() / sound.getframerate():.4f} s"
    with Image.open(path) as picture:
        return f"{picture.width}x{picture.height}"


def plain(content: Any, places: dict[str, str]) -> Any:
    """Texts, in whatever holds them, with paths of this machine replaced."""
    if isinstance(content, dict):
        return {key: plain(value, places) for key, value in content.items()}
    if isinstance(content, list):
        return [plain(value, places) for value in content]
    for path, called in places.items():
        content = content.replace(path, called)
    return content


@pytest.mark.parametrize("name", BASELINES)
def test_words_and_files_are_those_that_were_checked(
    name: str, clips: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (GOLDEN / f"{name}.yaml").read_text(encoding="utf-8")
    official = OFFICIAL[name]
    assert f"# Checked against {official['repository']} at {official['commit']}" in text
    found = rendered(name, clips, tmp_path, monkeypatch)
    assert found == yaml.safe_load(text)
    parser = parser_of(official)
    for process in found:
        if "words" in process:
            words = process["words"]
            assert words[0] == "<python>"
            parser.parse_args(words[words.index(official["script"]) + 1 :])


def test_every_system_has_what_it_was_checked_with() -> None:
    assert set(BASELINES) == set(OFFICIAL) == {path.stem for path in GOLDEN.iterdir()}


@pytest.mark.parametrize("name", BASELINES)
def test_a_card_and_its_environment_belong_together(name: str) -> None:
    card, spec, official = load_model(name), command_of(name), OFFICIAL[name]
    assert spec.environment == name
    environment = load_environment(name).environment
    assert card.repository == official["repository"]
    assert environment.repository == f"https://github.com/{official['repository']}"
    assert environment.commit == official["commit"]
    asked = [
        *environment.before,
        *environment.requirements,
        *environment.without_dependencies,
        *environment.after,
    ]
    assert asked or environment.requirements_files
    assert all(Requirement(one) for one in asked if not one.startswith("git+"))
    assert environment.imports
    assert card.notes and card.hardware and card.paper
    assert spec.gpu.memory_gib is not None and spec.weights
    # Terms are asked for where the repository's licence is none that everybody may use.
    open_to_all = card.licence in {"Apache-2.0", "MIT"} or (card.licence or "").startswith("Apache-2.0;")
    assert (spec.licence is None) == open_to_all
    assert all(weights.hub or weights.folder for weights in spec.weights.values())


def test_a_seed_reaches_every_program_but_one() -> None:
    assert [name for name in BASELINES if not command_of(name).uses_seed] == ["causvid"]


def test_systems_without_a_program_say_so() -> None:
    rollouts = {row["name"] for row in rollout_rows()}
    published = {name for name in list_cards("models") if load_model(name).kind == "published"}
    assert published == NOWHERE
    for name in published:
        card = load_model(name)
        assert card.published is not None and not card.published.code and not card.published.weights
        assert "it cannot be run here" in card.summary
    assert {"knot-forcing", "causvid"} <= rollouts
    assert any("knot-forcing of" in note for note in load_model("knot-forcing").notes)
    assert any("causvid of" in note for note in load_model("talkingmachines").notes)
    assert any("no counterpart" in note for note in load_model("midas").notes)


def test_the_page_has_every_system() -> None:
    page = (Path(__file__).parents[3] / "docs" / "baselines.md").read_text(encoding="utf-8")
    rows = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| `")}
    assert set(rows) == {*BASELINES, *NOWHERE}
    for name in BASELINES:
        spec = command_of(name)
        assert f"{spec.gpu.memory_gib:g} GiB" in rows[name]
        assert ("terms to accept" in rows[name]) == (spec.licence is not None)
        assert Path(OFFICIAL[name]["script"]).name in rows[name]
