"""A function that stays loaded, as a user would write it, and ways in which it fails."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from liveact_eval.generators.worker.supervisor import SCRIPT, Launch

MODULE = """
import os, signal, subprocess, sys, time

def load(options):
    if options.get("load") == "raise":
        raise ValueError("no weights at /w")
    if options.get("load") == "nothing":
        return None
    if options.get("load") == "die":
        os._exit(9)
    if options.get("load") == "sleep":
        time.sleep(60)
    return Make(options)

class Make:
    def __init__(self, options):
        self.count, self.options = 0, options

    def __call__(self, job):
        self.count += 1
        what = job.get("what")
        if what == "stray":
            print("stray words")
            os.write(1, b'{"id": 1, "made": {}}\\n')
            subprocess.run(["echo", "from a child"], check=True)
            assert sys.stdin.read() == ""
        elif what == "megabytes":
            for _ in range(200):
                sys.stdout.write("x" * 20_000 + "\\n")
                sys.stderr.write("y" * 20_000 + "\\n")
        elif what == "raise":
            raise RuntimeError("face not found")
        elif what == "exit":
            sys.exit(5)
        elif what == "memory":
            raise MemoryError("20 GiB")
        elif what == "die":
            print("Fatal: illegal instruction")
            sys.stdout.flush()
            os.kill(os.getpid(), signal.SIGSEGV)
        elif what == "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        elif what == "sleep":
            open("asleep", "w").write(str(os.getpid()))
            time.sleep(60)
        elif what == "odd":
            return {"x": object()}
        elif what == "nested":
            return {"x": [1]}
        elif what == "text":
            return "done"
        return {"count": self.count, "pid": os.getpid(), "name": self.options.get("name", ""),
                "blocks": [[0.5, 8], [0.25, None]]}
"""


def launch(folder: Path, **changes: Any) -> Launch:
    """How a worker over that module is started."""
    (folder / "my_avatar.py").write_text(MODULE, encoding="utf-8")
    given: dict[str, Any] = {
        "title": "My avatar",
        "words": [sys.executable, str(SCRIPT)],
        "variables": dict(os.environ),
        "folder": folder,
        "log": folder / "worker.log",
        "function": "my_avatar:load",
        "options": {},
        "paths": [str(folder)],
        "start_s": 60.0,
        "heartbeat_s": 60.0,
        "restarts": 2,
    }
    return Launch(**(given | changes))
