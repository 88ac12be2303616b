"""Lines between a worker and its supervisor."""

from __future__ import annotations

import pytest

from liveact_eval.generators.worker.protocol import Beat, Failed, GarbageError, Made, Ready, decode, encode


def test_messages() -> None:
    assert decode(b'{"beat": 12.5}') == Beat()
    assert decode(b'{"ready": 3}') == Ready(3.0)
    assert decode(b'{"failed": {"reason": "not_loaded", "message": "no"}}') == Failed(
        None, "not_loaded", "no"
    )
    assert decode(b'{"id": 4, "failed": {"reason": "r", "message": "m"}}') == Failed(4, "r", "m")
    assert decode(b'{"id": 4, "made": {"a": 1, "b": "x", "blocks": [[1.5, 8], [2, null]]}}') == Made(
        4, {"a": 1, "b": "x"}, [(1.5, 8), (2.0, None)]
    )


def test_a_message_is_one_line() -> None:
    line = encode({"job": {"prompt": "a\nb\u2028 ä"}})
    assert line.count(b"\n") == 1 and line.endswith(b"\n")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"Loading checkpoint shards: 100%",
        b"\xff\xfe",
        b"[1]",
        b"3",
        b'{"beat": 1, "x": 2}',
        b'{"ready": "soon"}',
        b'{"id": "1", "made": {}}',
        b'{"id": 1, "made": {"a": [1]}}',
        b'{"id": 1, "made": {"a": NaN}}',
        b'{"id": 1, "made": {"blocks": [[1]]}}',
        b'{"id": 1, "made": {"blocks": 3}}',
        b'{"id": 1, "failed": {"reason": "x"}}',
        b"[" * 100_000,
        b'{"ready": NaN}',
        b'{"ready": true}',
        b'{"id": true, "made": {}}',
        b'{"id": 1, "made": {"blocks": [[NaN, 3]]}}',
        b'{"id": 1, "made": {"blocks": [[1.0, true]]}}',
        b'{"id": 1, "made": {"blocks": [[1' + 400 * b"0" + b", 3]]}}",
    ],
)
def test_garbage(line: bytes) -> None:
    with pytest.raises(GarbageError):
        decode(line)
