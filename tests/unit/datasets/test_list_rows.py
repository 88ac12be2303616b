"""Lists of the user's own: CSV and JSON lines, complaints with line numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from liveact_eval.datasets.rows import is_list_path, read_clips
from liveact_eval.errors import UserError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with files of three clips."""
    (tmp_path / "media").mkdir()
    for name in "abc":
        for suffix in ("png", "wav", "mp4"):
            (tmp_path / "media" / f"{name}.{suffix}").write_text(f"{name}.{suffix}", encoding="utf-8")
    return tmp_path


def write(folder: Path, text: str, name: str = "clips.csv") -> Path:
    """A list in the folder."""
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


def test_csv(folder: Path) -> None:
    path = write(
        folder,
        '\ufeffImage, audio,prompt,id,speaker\r\n\r\nmedia/a.png,media/a.wav,"says ""hi"",\r\ntwice",one,anna\r\n'
        "media/b.png, media/b.wav ,,,\r\n",
    )
    first, second = read_clips(path)
    assert (first.line, first.id, first.speaker, first.video) == (3, "one", "anna", None)
    assert first.prompt == 'says "hi",\ntwice'
    assert first.image == folder / "media" / "a.png"
    # The prompt before took two lines. Without an id, the name of the sound.
    assert (second.line, second.id, second.speaker, second.prompt) == (5, "b", None, "")
    assert second.audio == folder / "media" / "b.wav"


def test_json_lines(folder: Path) -> None:
    rows = [
        {"video": "media/a.mp4", "prompt": "one\u2028line", "speaker": None},
        {"video": str(folder / "media" / "b.mp4"), "audio": "media/c.wav", "id": "b/2"},
    ]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n\n" for row in rows)
    first, second = read_clips(write(folder, text, "clips.JSONL"))
    assert (first.line, first.id, first.prompt) == (1, "a", "one\u2028line")
    assert (second.line, second.id, second.audio) == (3, "b/2", folder / "media" / "c.wav")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"no clips\. Expected one row per clip, with columns among id, image, audio"),
        ("image,audio\n", r"no clips"),
        ("imge,audio\n", r"line 1: unknown column 'imge'; did you mean 'image'\?"),
        ("image;audio\n", r"line 1: columns are separated by ';'; expected commas"),
        ("image,path\n", r"line 1: unknown column 'path'; expected columns among id, image"),
        ("image,audio,image\n", r"line 1: the column 'image' is there twice"),
        ("image,audio\nmedia/a.png\n", r"line 2: 1 cells, the heading has 2"),
        ("image,audio\nmedia/a.png,x,y\n", r"line 2: 3 cells, the heading has 2\. Put cells with commas"),
        ('image,audio\n"media/a.png,x\n', r"line 2: not valid CSV"),
        ("image,audio\nmedia/a.png,media/z.wav\n", r"line 2: audio: no file at '.*media/z\.wav'"),
        ("image,audio\nmedia,media/a.wav\n", r"line 2: image: no file at '.*media'"),
        ("video\nmedia/a.png\n", r"line 2: video: 'a\.png' is no video; expected a name that ends in \.avi"),
        ("image,audio\nmedia/a.png,\n", r"line 2: neither audio nor video; one is needed to be driven by"),
        ("image,audio\n,media/a.wav\n", r"line 2: neither image nor video; one is needed to start from"),
        (
            "image,audio\nmedia/a.png,media/a.wav\nmedia/b.png,media/a.wav\n",
            r"line 3: the id 'a' is that of line 2",
        ),
        (
            "id,video\ncaf\u00e9,media/a.mp4\ncafe\u0301,media/b.mp4\n",
            r"line 3: the id 'caf\u00e9' is that of line 2",
        ),
        (
            "image,audio,video\nmedia/a.png,media/a.wav,\nmedia/b.png,,media/b.mp4\n",
            r"line 2: no video, while 1 of 2 rows have one; expected all or none",
        ),
        (
            "image,video\nmedia/a.png,media/a.mp4\n,media/b.mp4\n",
            r"line 3: no image, while 1 of 2 rows have one",
        ),
        ("video,id\nmedia/a.mp4,a\x1bb\n", r"line 2: id 'a\\x1bb'.*printable"),
        ("video\n" + "a" * 300 + "\0.mp4\n", r"line 2: video: no file at"),
    ],
)
def test_csv_that_cannot_be_used(folder: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        read_clips(write(folder, text))
    assert str(folder / "clips.csv") in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"video": "media/a.mp4"}\n{"video": ', r"line 2: not valid JSON"),
        ("[" * 100_000, r"line 1: not valid JSON"),
        ('\n["media/a.mp4"]', r"line 2: list; expected an object"),
        ('{"vidio": "media/a.mp4"}', r"line 1: unknown column 'vidio'; did you mean 'video'\?"),
        ('{"video": 3}', r"line 1: video: 3; expected text"),
    ],
)
def test_json_lines_that_cannot_be_used(folder: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_clips(write(folder, text, "clips.jsonl"))


def test_names_with_accents_in_either_spelling(folder: Path) -> None:
    (folder / "cafe\u0301.mp4").write_bytes(b"")
    (clip,) = read_clips(write(folder, "video\ncaf\u00e9.mp4\n"))
    assert (clip.id, clip.video) == ("caf\u00e9", folder / "cafe\u0301.mp4")


def test_all_complaints_at_once(folder: Path) -> None:
    text = "image,audio\n" + "".join(f"media/{n}.png,media/a.wav\n" for n in range(14))
    with pytest.raises(UserError) as caught:
        read_clips(write(folder, text))
    lines = str(caught.value).splitlines()
    assert len(lines) == 11
    assert "line 2: image:" in lines[0]
    assert "line 11: image:" in lines[9]
    assert lines[10].endswith("and 4 more")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"No list of clips at .*: No such file"):
        read_clips(tmp_path / "none.csv")
    (tmp_path / "x.csv").write_bytes(b"image\n\xff.png\n")
    with pytest.raises(UserError, match=r"byte 6 is no UTF-8"):
        read_clips(tmp_path / "x.csv")


def test_names_of_lists() -> None:
    assert [is_list_path(name) for name in ("a.csv", "A.JSONL", "a.json", "csv", "a.yaml")] == [
        *(True, True, False, False, False),
    ]
