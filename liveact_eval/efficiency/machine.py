"""Which machine times were taken on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def fingerprint_of(provenance: Mapping[str, Any], *, device: str, threads: int) -> str:
    """Twelve characters that change with whatever moves all times at once.

    Args:
        provenance: as `liveact_eval.results.provenance.gather` gives it: processor, cores, memory, GPUs with their
            driver, and the version of PyTorch count.
        device: name of the device that computed.
        threads: threads of PyTorch.
    """
    content = {
        "machine": provenance.get("machine"),
        "gpu": provenance.get("gpu"),
        "torch": (provenance.get("packages") or {}).get("torch"),
        "device": device,
        "threads": threads,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
