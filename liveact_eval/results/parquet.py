"""Values and curves as Parquet, for data frames."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liveact_eval.files import atomic_path
from liveact_eval.results.schema import ClipValue, Results

Curves = Mapping[str, Mapping[str, Mapping[str, tuple[float, NDArray[np.float32]]]]]


def write_parquet(results: Results, curves: Curves, path: Path) -> None:
    """Write `results.parquet` (one row per clip, model and metric) and `curves.parquet` beside it.

    `curves.parquet` has one row per clip, model and curve, with the frame rate and a list of values.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    values = {
        field: [getattr(item, field) for item in results.clip_values] for field in ClipValue.model_fields
    }
    constant = {"dataset": results.dataset, "protocol": results.protocol, "tier": results.tier}
    columns = values | {name: [text] * len(results.clip_values) for name, text in constant.items()}
    types = {"value": pa.float64()}
    schema = pa.schema([(name, types.get(name, pa.string())) for name in columns])
    # Opened here: Arrow takes paths as text only.
    with atomic_path(path) as temporary, temporary.open("wb") as out:
        pq.write_table(pa.table(columns, schema=schema), out)
    flat = [
        (name, model, clip, fps, points)
        for name, models in curves.items()
        for model, clips in models.items()
        for clip, (fps, points) in clips.items()
    ]
    table = pa.table(
        {
            "curve": pa.array([row[0] for row in flat], pa.string()),
            "model": pa.array([row[1] for row in flat], pa.string()),
            "clip": pa.array([row[2] for row in flat], pa.string()),
            "fps": pa.array([row[3] for row in flat], pa.float64()),
            "values": pa.array([row[4].tolist() for row in flat], pa.list_(pa.float32())),
        }
    )
    with atomic_path(path.with_name("curves.parquet")) as temporary, temporary.open("wb") as out:
        pq.write_table(table, out)
