"""`metrics fetch`, and what `metrics list` and `metrics show` say of weights. A hub and a host on this machine."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from liveact_eval.networks import catalogue as catalogue_module
from tests.cli.helpers import call, refused
from tests.unit.weights.fake_hub import COMMIT, FakeHub

HEAD = "heads/alex.pth"
ASSET = "trunk-0123abcd.pth"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def described(title: str, weights: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "title": title,
        "purpose": "testing",
        "source": "nowhere",
        "licence": f"licence of {title}",
        "weights": weights,
        "load": "liveact_eval.networks.files:load_aesthetic",
        "seeded": None,
    }


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    """A catalogue of two networks: one with a file on a hub and one at a plain address, one with another address."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("liveact_eval.weights.hub._FIRST_WAIT_S", 0.0)
    monkeypatch.setenv("LIVEACT_EVAL_WEIGHTS", str(tmp_path / "w"))
    made = FakeHub()
    trunk = made.add("owner/release", ASSET, random.Random(1).randbytes(90_000)).content
    made.add("owner/release", "small.pth", b"small weights")
    made.add("lab/heads", HEAD, random.Random(2).randbytes(5_000))
    entries = {
        "judge": described(
            "Judge",
            [
                {"role": "trunk", "url": made.url + f"/owner/release/x/y/{ASSET}", "file": ASSET},
                {"role": "heads", "hub": "lab/heads", "file": HEAD},
            ],
        ),
        "small": described(
            "Small", [{"url": made.url + "/owner/release/x/y/small.pth", "file": "small.pth"}]
        ),
    }
    entries["judge"]["weights"][0] |= {"sha256": digest(trunk)[:8], "bytes": len(trunk)}
    path = tmp_path / "catalogue.yaml"
    path.write_text(yaml.safe_dump(entries), encoding="utf-8")
    monkeypatch.setattr(catalogue_module, "CATALOGUE", path)
    yield made
    made.close()


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return tmp_path / "w"


def test_fetch_all_check_and_fetch_again(hub: FakeHub, weights: Path) -> None:
    answer = call("metrics", "fetch", "--mirror", hub.url)
    assert answer.code == 0, answer.err
    assert answer.out == f"3 of 3 files of 2 networks, 0.1 MiB, in {weights}\n"
    assert "licence of Judge: licence of Judge" in answer.err
    assert f"fetching {ASSET}" in answer.err
    trunk = weights / "127.0.0.1" / ASSET
    assert trunk.read_bytes() == hub.repositories["owner/release"][ASSET].content
    assert (weights / "lab" / "heads" / "main" / HEAD).is_file()
    assert not list(weights.rglob("*.part"))
    requests = len(hub.requests)
    for words in (("--offline",), ("--mirror", hub.url)):
        assert call("metrics", "fetch", *words).code == 0
        assert len(hub.requests) == requests, "what is there and checked asks nobody"
    assert not any("Authorization" in headers for _, headers in hub.requests)


def test_only_what_is_named_goes_where_it_is_told(hub: FakeHub, tmp_path: Path) -> None:
    answer = call("metrics", "fetch", "small", "--dir", tmp_path / "other", "--quiet")
    assert answer.code == 0, answer.err
    assert answer.out == f"1 of 1 files of 1 networks, 0.0 MiB, in {tmp_path / 'other'}\n"
    assert answer.err == ""
    assert [path for path, _ in hub.requests if "trunk" in path] == []


def test_a_broken_download_is_continued(hub: FakeHub, weights: Path) -> None:
    served = hub.repositories["owner/release"][ASSET]
    # The first answer says how large it is; it is left unread after a block or so.
    served.cuts = [8_192, 40_000, 10_000]
    answer = call("metrics", "fetch", "judge", "--mirror", hub.url)
    assert answer.code == 0, answer.err
    assert (weights / "127.0.0.1" / ASSET).read_bytes() == served.content
    ranges = [headers["Range"] for path, headers in hub.requests if ASSET in path and "Range" in headers]
    assert ranges == ["bytes=40000-", "bytes=50000-"]


def test_another_content_is_thrown_away(hub: FakeHub, weights: Path) -> None:
    served = hub.repositories["owner/release"][ASSET]
    served.instead = bytes(len(served.content))
    answer = call("metrics", "fetch", "--quiet", "--mirror", hub.url)
    refused(answer, "1 of 2 networks are not as they should be", f"judge: {ASSET}", "It was thrown away")
    assert not (weights / "127.0.0.1" / ASSET).exists()
    assert not list(weights.rglob("*.part"))
    # The other network is there all the same.
    assert (weights / "127.0.0.1" / "small.pth").read_bytes() == b"small weights"
    assert "(1 of 3 files of 2 networks, " in answer.err


def test_another_size_is_refused_before_it_is_fetched(hub: FakeHub) -> None:
    hub.repositories["owner/release"][ASSET].instead = b"short"
    refused(
        call("metrics", "fetch", "-q", "judge", "--mirror", hub.url), "states another size in bytes", "90000"
    )


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [(None, 404, "refuses small.pth: 404"), ("small.pth", 403, "refuses small.pth: 403")],
)
def test_hosts_that_refuse(name: str | None, status: int, said: str, hub: FakeHub) -> None:
    if name is None:
        del hub.repositories["owner/release"]["small.pth"]
    else:
        hub.repositories["owner/release"][name].statuses = [status]
    refused(call("metrics", "fetch", "-q", "small"), said, "put it into the folder of weights")


def test_a_busy_host_is_asked_again(hub: FakeHub) -> None:
    hub.repositories["owner/release"]["small.pth"].statuses = [503, 429]
    assert call("metrics", "fetch", "small").code == 0


def test_a_page_is_no_file(hub: FakeHub, monkeypatch: pytest.MonkeyPatch, weights: Path) -> None:
    monkeypatch.setattr("tests.unit.weights.fake_hub._head", _page)
    refused(call("metrics", "fetch", "-q", "small"), "gives text/html", "fetch it with a browser")
    assert not list(weights.rglob("small*"))


def _page(request: Any, status: int, headers: dict[str, str]) -> None:
    request.send_response(status)
    for name, value in (headers | {"Content-Type": "text/html; charset=utf-8"}).items():
        request.send_header(name, value)
    request.end_headers()


def test_offline_says_what_is_missing(hub: FakeHub, weights: Path) -> None:
    refused(
        call("metrics", "fetch", "-q", "judge", "small", "--offline"),
        "2 of 2 networks lack files",
        "Judge: 2 weight files are missing in",
        f"missing: {HEAD} (hub lab/heads)",
        f"missing: small.pth ({hub.url}/owner/release/x/y/small.pth)",
        "liveact-eval metrics fetch small",
    )
    # Of what nobody named, only what is there is checked.
    answer = call("metrics", "fetch", "--offline")
    assert (answer.code, answer.out) == (0, f"no weight files are in {weights}\n")
    (weights / "127.0.0.1").mkdir(parents=True)
    (weights / "127.0.0.1" / ASSET).write_bytes(b"short")
    wrong = (
        "1 of 1 networks are not as they should be",
        "wrong size",
        f"missing: {HEAD}",
        "Move wrong files away",
    )
    refused(call("metrics", "fetch", "-q", "--offline"), *wrong)
    assert hub.requests == []
    refused(call("metrics", "fetch", "-q", "--offline", "--mirror", hub.url), "--offline fetches nothing")


def test_a_changed_file_is_found_and_left(hub: FakeHub, weights: Path) -> None:
    assert call("metrics", "fetch", "judge", "--mirror", hub.url).code == 0
    trunk = weights / "127.0.0.1" / ASSET
    trunk.write_bytes(bytes(90_000))
    refused(call("metrics", "fetch", "-q", "judge", "--offline"), "wrong content", digest(bytes(90_000)))
    refused(
        call("metrics", "fetch", "-q", "judge", "--mirror", hub.url), "is not the file that the card names"
    )
    assert trunk.read_bytes() == bytes(90_000)


def test_unknown_names_get_the_nearest(hub: FakeHub) -> None:
    refused(
        call("metrics", "fetch", "-q", "jugde"), "Unknown metric or network 'jugde'. Did you mean 'judge'?"
    )
    assert hub.requests == []


def test_a_metric_without_networks_needs_nothing(hub: FakeHub) -> None:
    answer = call("metrics", "fetch", "ssim")
    assert (answer.code, answer.out) == (0, "no weights are needed\n")
    assert hub.requests == []


def test_show_says_what_is_there(hub: FakeHub, weights: Path) -> None:
    shown = call("metrics", "show", "judge", "--json").json
    assert [file["state"] for file in shown["files"]] == ["missing", "missing"]
    assert shown["licence"] == "licence of Judge"
    assert call("metrics", "fetch", "judge", "--mirror", hub.url).code == 0
    trunk, heads = call("metrics", "show", "judge", "--json").json["files"]
    assert (trunk["state"], heads["state"]) == ("present", "present")
    assert (heads["source"], trunk["bytes"]) == ("hub lab/heads", 90_000)
    assert trunk["path"] == str(weights / "127.0.0.1" / ASSET)
    record = (weights / "lab" / "heads" / "main" / "heads" / ".alex.pth.checked.json").read_text(
        encoding="utf-8"
    )
    assert COMMIT in record
    assert "state: present" in call("metrics", "show", "judge").out


def test_list_says_whether_weights_are_there(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    from liveact_eval.metrics import registry

    known = registry.shipped()
    monkeypatch.setattr(type(known["ssim"]), "networks", ("judge", "small"))
    only = {"psnr": known["psnr"], "ssim": known["ssim"]}
    monkeypatch.setattr(registry, "shipped", lambda: only)
    psnr, ssim = call("metrics", "list", "--json").json
    assert (psnr["weights"], psnr["licence"], psnr["direction"]) == ("none needed", {}, {"psnr_db": "up"})
    assert psnr["recipe"] == known["psnr"].recipe
    assert (ssim["weights"], ssim["missing"]) == ("missing", ["judge", "small"])
    assert ssim["licence"] == {"judge": "licence of Judge", "small": "licence of Small"}
    assert "psnr_db ↑" in call("metrics", "list").out
    trunk = Path(call("metrics", "show", "judge", "--json").json["files"][0]["path"])
    trunk.parent.mkdir(parents=True)
    trunk.write_bytes(b"short")
    row = call("metrics", "list", "--json").json[1]
    assert (row["weights"], row["wrong_size"]) == ("wrong size", ["judge"])
    assert "missing: small; wrong size: judge" in " ".join(call("metrics", "list", "--wide").out.split())
    trunk.unlink()
    # A metric's name stands for its networks.
    answer = call("metrics", "fetch", "ssim", "--mirror", hub.url)
    assert answer.out.startswith("3 of 3 files of 2 networks")
    assert call("metrics", "list", "--json").json[1]["weights"] == "present"
    networks = call("metrics", "show", "ssim", "--json").json["networks"]
    assert [network["files"][0]["state"] for network in networks] == ["present", "present"]
