"""Building for real: a venv, pip, a clone; and what is left when a build is refused, fails or is killed."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from liveact_eval.environments import store
from liveact_eval.environments.build import build
from liveact_eval.environments.needs import Request
from liveact_eval.environments.programs import ProgramError, run_program
from liveact_eval.environments.sources import commit_of
from liveact_eval.environments.store import examine, folder_of
from liveact_eval.errors import UserError
from tests.unit.environments.made_environments import (
    ADDRESS,
    Told,
    card,
    make_repository,
    make_wheel,
    redirect,
)

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not on the path")


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """A wheel, a repository and its commit."""
    folder = tmp_path_factory.mktemp("tool")
    return make_wheel(folder), folder / "origin", make_repository(folder / "origin")


@pytest.fixture(scope="module")
def built(
    tool: tuple[Path, Path, str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Request, store.Record, Told]:
    """One environment that was built by pip and git."""
    wheel, origin, commit = tool
    root, told = tmp_path_factory.mktemp("environments"), Told()
    made = card(
        requirements=[str(wheel)],
        repository=ADDRESS,
        commit=commit,
        imports=["import madetool, inside; assert madetool.ANSWER == 42"],
        commands=[["{python}", "-c", "import os; open(os.environ['SAID'], 'w').write(os.environ['WHERE'])"]],
        variables={"PYTHONPATH": "{repo}", "SAID": "{home}/said", "WHERE": "{environment}"},
    )
    request = Request(card=made, folder=folder_of("made", root))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in redirect(origin).items():
            patch.setenv(name, value)
        patch.setenv("PYTHONHOME", "/nowhere")
        record = build(request, told)
    return request, record, told


def test_a_build_is_whole(built: tuple[Request, store.Record, Told], tool: tuple[Path, Path, str]) -> None:
    request, record, told = built
    assert examine(request.card, request.folder.parent) == ("built", record)
    assert record.commit == tool[2]
    assert ("madetool", "1.2.3") in {(p.name, p.version) for p in record.packages}
    assert record.python_version.startswith(request.card.environment.python)
    assert Path(record.python).is_relative_to(request.folder / record.build)
    said = (request.folder / "home" / "said").read_text(encoding="utf-8")
    assert Path(said) == Path(record.python).parents[1]
    log = (request.folder / "build.log").read_text(encoding="utf-8")
    assert " fetch --quiet --depth 1 origin" in log
    assert "Successfully installed madetool-1.2.3" in log
    assert told.steps[0] == "repository"
    assert told.steps[-1] == "lock"
    # The interpreter that runs the tests knows nothing of it.
    assert subprocess.run(
        [sys.executable, "-c", "import madetool"], capture_output=True, check=False
    ).returncode


def test_a_card_that_changed_is_noticed(built: tuple[Request, store.Record, Told]) -> None:
    request, record, _ = built
    root = request.folder.parent
    section = request.card.environment
    other = request.card.model_copy(update={"environment": section.model_copy(update={"imports": ()})})
    assert examine(other, root) == ("card changed", record)
    noted = request.card.model_copy(update={"environment": section.model_copy(update={"notes": ("new",)})})
    assert examine(noted, root) == ("built", record)


def test_a_failed_build_leaves_the_earlier_one(built: tuple[Request, store.Record, Told]) -> None:
    request, record, _ = built
    bad = card(imports=["import sys; sys.exit('the check says no')"])
    again = Request(card=bad, folder=request.folder, python=Path(record.python))
    with pytest.raises(UserError, match="the check says no") as caught:
        build(again, Told())
    assert "build.log" in str(caught.value)
    assert examine(request.card, request.folder.parent) == ("built", record)
    left = {path.name for path in request.folder.iterdir()}
    assert left == {record.build, "home", "environment.json", "build.log"}


def test_an_interpreter_of_ones_own_is_only_checked(
    built: tuple[Request, store.Record, Told], tool: tuple[Path, Path, str], tmp_path: Path
) -> None:
    python = Path(built[1].python)
    before = sorted(path.name for path in python.parents[1].rglob("site-packages/*"))
    own = card(
        requirements=["never-installed==9"], imports=["import madetool"], repository=ADDRESS, commit="0" * 40
    )
    told = Told()
    request = Request(card=own, folder=tmp_path / "made", python=python, repository=tool[1])
    record = build(request, told)
    assert (record.made_by, record.python) == ("existing", str(python))
    assert (record.own_repository, record.commit) == (True, tool[2])
    assert any(line.startswith("warning:") and tool[2] in line for line in told.lines)
    assert sorted(path.name for path in python.parents[1].rglob("site-packages/*")) == before


def test_a_password_in_an_address_is_not_told(tmp_path: Path) -> None:
    told: list[str] = []
    program = "print('from https://me:secret@example.org/simple'); raise SystemExit(3)"
    with pytest.raises(ProgramError) as caught:
        run_program(
            [sys.executable, "-c", program, "https://me:secret@example.org/simple"],
            log=tmp_path / "log",
            tell=told.append,
            variables={},
            folder=tmp_path,
        )
    assert "ended with status 3" in str(caught.value)
    assert told == ["from https://****@example.org/simple"]
    head = (tmp_path / "log").read_text(encoding="utf-8").splitlines()[0]
    for text in (str(caught.value), head):
        assert "https://****@example.org" in text
        assert "secret" not in text


def test_what_a_program_leaves_behind_is_ended(tmp_path: Path) -> None:
    program = (
        "import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid, flush=True); sys.stdout.write('no end of a line')"
    )
    told: list[str] = []
    run_program(
        [sys.executable, "-c", program], log=tmp_path / "log", tell=told.append, variables={}, folder=tmp_path
    )
    assert told[1] == "no end of a line"
    assert gone(int(told[0]))


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    for name in ("src", "20200101-000000-1"):
        (tmp_path / "made" / name).mkdir(parents=True)
    request = Request(card=card(), folder=tmp_path / "made", python=Path(sys.executable))
    with pytest.raises(UserError, match="is no environment: it holds 'src', which no build has made"):
        build(request, Told())
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == ["20200101-000000-1", "src"]
    (tmp_path / "link").symlink_to(tmp_path / "made")
    with pytest.raises(UserError, match="is a link"):
        build(Request(card=card(), folder=tmp_path / "link", python=Path(sys.executable)), Told())


def test_a_folder_inside_a_repository_is_at_no_commit(
    tool: tuple[Path, Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, origin, commit = tool
    assert commit_of(origin) == commit
    inside = origin / "unpacked"
    inside.mkdir()
    try:
        assert commit_of(inside) is None
        # As in a hook of another repository.
        monkeypatch.setenv("GIT_DIR", str(origin / ".git"))
        assert commit_of(tmp_path) is None
    finally:
        inside.rmdir()


def test_everything_that_is_missing_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    lacking = card(
        python="3.99",
        repository=ADDRESS,
        commit="0" * 40,
        needs={
            "programs": ["sox"],
            "compiler": True,
            "cuda": True,
            "gpu_memory_gib": 5000,
            "disk_gib": 9e9,
        },
    )
    with pytest.raises(UserError, match="7 things are missing") as caught:
        build(Request(card=lacking, folder=tmp_path / "root" / "made"), Told())
    text = str(caught.value)
    assert "Nothing was done" in text
    assert text.count("mend: ") == 7
    for part in (
        "Python 3.99",
        "apt install git",
        "apt install sox",
        "build-essential",
        "nvcc",
        "5000 GiB",
        "--root",
    ):
        assert part in text
    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"how": "uv"}, "the program uv, which --with uv asks for"),
        ({"python": Path("no/such/python")}, "is no interpreter that runs"),
        ({"repository": Path()}, "the card names no repository"),
    ],
)
def test_requests_that_cannot_be_met(
    changes: dict[str, object], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    if changes.get("how") == "uv" and shutil.which("uv"):
        pytest.skip("uv is here")
    with pytest.raises(UserError, match="cannot be built") as caught:
        build(Request(card=card(), folder=tmp_path / "made", **changes), Told())  # type: ignore[arg-type]
    assert said in str(caught.value)


def test_an_interpreter_of_another_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"the card asks for 3\.99"):
        build(Request(card=card(python="3.99"), folder=tmp_path / "m", python=Path(sys.executable)), Told())


def test_a_killed_build_looks_unfinished_and_is_cleared(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from tests.unit.environments.made_environments import Told, card\n"
        "from liveact_eval.environments.build import build\n"
        "from liveact_eval.environments.needs import Request\n"
        "made = card(imports=['import time; print(1, flush=True); time.sleep(600)'])\n"
        "folder = Path(sys.argv[1])\n"
        "build(Request(card=made, folder=folder, python=Path(sys.executable)), Told())\n"
    )
    folder = tmp_path / "made"
    process = subprocess.Popen([sys.executable, "-c", program, str(folder)], cwd=ROOT)
    log = folder / "build.log"
    try:
        for _ in range(1200):
            if log.is_file() and "\n1\n" in log.read_text(encoding="utf-8"):
                break
            time.sleep(0.05)
        else:
            pytest.fail("the build never began its check")
        with pytest.raises(UserError, match="is being built or removed by another process"):
            build(Request(card=card(), folder=folder, python=Path(sys.executable)), Told())
        checks = _running_in(folder)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert checks
    assert all(map(gone, checks))
    assert examine(card(), tmp_path)[0] == "unfinished"
    record = build(Request(card=card(), folder=folder, python=Path(sys.executable)), Told())
    assert {path.name for path in folder.iterdir() if path.is_dir()} == {record.build, "home"}


def _running_in(folder: Path) -> list[int]:
    """Processes whose working folder is below a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str(folder) in str((entry / "cwd").readlink()):
                found.append(int(entry.name))
    return found


def gone(process: int) -> bool:
    """Whether a process ends within ten seconds; one that has ended and waits to be asked for counts."""
    for _ in range(200):
        try:
            state = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False
