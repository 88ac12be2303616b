"""Cards of environments: those that are shipped, and what a wrong one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from liveact_eval.cards.environment import EnvironmentCard, EnvironmentSpec
from liveact_eval.cards.load import list_cards, parse_typed, read_typed
from liveact_eval.environments.cards import list_environments, load_environment
from liveact_eval.environments.vbench_official import DIMENSIONS
from liveact_eval.errors import UserError
from liveact_eval.metrics.registry import shipped
from liveact_eval.networks.catalogue import catalogue


def test_shipped_cards_are_whole() -> None:
    paths = list_cards("environments")
    assert {"vbench", "syncnet-python", "cd-fvd", "torch-fidelity", "reference-tools"} <= set(paths)
    assert set(paths) <= set(list_environments())
    for name, path in paths.items():
        card = read_typed(path, EnvironmentCard)
        assert card.name == name
        assert card.environment.imports, "a build that nothing checks counts for nothing"
        for item in card.environment.files:
            assert item.network is None or item.network in catalogue()


def test_every_dimension_but_flickering_names_its_files() -> None:
    used = {user for item in load_environment("vbench").environment.files for user in item.used_by}
    assert used == set(DIMENSIONS) - {"temporal_flickering"}
    networks = {
        user: {f.network for f in load_environment("vbench").environment.files if user in f.used_by} - {None}
        for user in used
    }
    # The same files as the metrics here, so that what was fetched for those serves both.
    assert networks == {name: set(shipped()[name].networks) for name in used}


def test_the_bench_file_and_the_card_name_the_same_packages() -> None:
    root = Path(__file__).resolve().parents[3]
    lines = (root / "bench" / "reference_tools.txt").read_text(encoding="utf-8").splitlines()
    listed = {line.strip() for line in lines if line.strip() and not line.startswith("#")}
    assert listed == set(load_environment("reference-tools").environment.requirements)


def test_names_that_have_no_environment() -> None:
    with pytest.raises(UserError, match="Did you mean 'vbench'"):
        load_environment("vbensh")
    with pytest.raises(UserError, match="is a model without an environment"):
        load_environment("liveact-mini")
    with pytest.raises(UserError, match="No card at"):
        load_environment("nowhere.yaml")


def test_a_card_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\ntitle: Mine\nsummary: x\nenvironment: {python: '3.11'}\n", encoding="utf-8")
    assert load_environment(str(path)).environment == EnvironmentSpec(python="3.11")


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"python": "3"}, "python"),
        ({"requirements": ["--index-url=x"]}, "an option of pip"),
        ({"requirements_files": ["../x.txt"]}, "a path inside the repository"),
        ({"requirements_files": ["x.txt"]}, "lie in a `repository`"),
        ({"repository": "https://example.org/a/b"}, "go together"),
        ({"repository": "ext::sh -c x", "commit": "0" * 40}, "a plain address"),
        ({"repository": "https://u:p@example.org/a", "commit": "0" * 40}, "a plain address"),
        ({"commit": "main"}, "commit"),
        ({"variables": {"A B": "x"}}, "no name of a variable"),
        ({"files": [{"file": "/etc/x", "used_by": ["a"]}]}, "below the home"),
        ({"requirments": ["x"]}, "Did you mean `requirements`?"),
    ],
)
def test_wrong_cards_are_refused(section: dict[str, object], said: str) -> None:
    content = {"name": "x", "title": "X", "summary": "x", "environment": {"python": "3.11"} | section}
    with pytest.raises(UserError) as caught:
        parse_typed(content, EnvironmentCard, where="card")
    assert said in str(caught.value)
