"""Storage economics of a million layers, beside the same question in DuckDB and Polars.

Usage: ``python -m tests.benchmarks.economics``; with FILE, an inventory that was pickled, it
measures one process and prints a line of JSON.
"""

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from ghostnb import analysis
from ghostnb.frames import LayersTable
from tests.benchmarks.memory import image
from tests.benchmarks.tools import row

ROWS, LARGE = 1_000_000, 10_000_000
ROUNDS = 7
_LAYERS = 10
_SQL = """
WITH stored AS (
    SELECT * FROM inventory WHERE media_type NOT LIKE '%.nondistributable.%'
      AND media_type NOT LIKE '%.rootfs.foreign.%'
), blobs AS (
    SELECT registry, digest, max(size_bytes) AS size FROM stored GROUP BY ALL
), held AS (
    SELECT repository, registry, digest, count(*) AS named,
           count(DISTINCT (tag, image_digest)) AS payers
    FROM stored GROUP BY ALL
), shared AS (
    SELECT registry, digest, count(*) AS holders, sum(payers) AS payers FROM held GROUP BY ALL
), bytes AS (
    SELECT repository, sum(named * size)::BIGINT AS logical_bytes,
           sum(size)::BIGINT AS physical_bytes,
           sum(CASE WHEN holders = 1 THEN size ELSE 0 END)::BIGINT AS exclusive_bytes,
           sum(held.payers * size / shared.payers) AS amortised_bytes, count(*) AS layers
    FROM held JOIN blobs USING (registry, digest) JOIN shared USING (registry, digest)
    GROUP BY ALL
), counts AS (
    SELECT repository, count(DISTINCT (registry, tag)) AS tags,
           count(DISTINCT image_digest) AS images
    FROM inventory GROUP BY ALL
)
SELECT repository, logical_bytes, physical_bytes, exclusive_bytes, amortised_bytes, tags, images,
       layers
FROM bytes JOIN counts USING (repository) ORDER BY physical_bytes DESC, repository
"""


def sample(rows: int) -> pd.DataFrame:
    """Make an inventory: of ten layers an image has one alone, and five with all others."""
    table = LayersTable()
    for number in range(rows // _LAYERS):
        table.add(image(number))
    return table.frame()


def measure_economics() -> None:
    """Print the ratios of one run, and the memory."""
    inventory = sample(ROWS)
    answers = {
        "ghostnb": lambda: analysis.storage(inventory),
        "DuckDB": _in_duckdb(inventory),
        "Polars": _in_polars(inventory),
    }
    _check_alike(answers)
    seconds: dict[str, list[float]] = {name: [] for name in answers}
    for _ in range(ROUNDS):
        for name, ask in answers.items():
            seconds[name].append(_timed(ask))
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    row(f"storage of {ROWS:,} layers by repository", "ghostnb / this", "seconds")
    for name, taken in medians.items():
        row(name, f"{medians['ghostnb'] / taken:.2f}", f"{taken:.3f}")
    for order in ("size_bytes", "saved_bytes"):
        find = partial(analysis.largest_layers, inventory, order=order)
        taken = statistics.median(_timed(find) for _ in range(ROUNDS))
        row(f"largest layers by {order}", "", f"{taken:.3f}")
    for rows in (ROWS, LARGE):
        with tempfile.NamedTemporaryFile(suffix=".pickle") as file:
            sample(rows).to_pickle(file.name)
            command = [sys.executable, "-m", "tests.benchmarks.economics", file.name]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found = json.loads(output)
        row(f"{rows:,} layers: memory at peak", f"{found['peak_mib']:.0f} MiB", found["seconds"])


def _in_duckdb(inventory: pd.DataFrame) -> Callable[[], pd.DataFrame]:
    import duckdb

    database = duckdb.connect()
    database.register("frame", inventory)
    database.sql("CREATE TABLE inventory AS SELECT * FROM frame")
    return lambda: database.sql(_SQL).df()


def _in_polars(inventory: pd.DataFrame) -> Callable[[], Any]:
    import polars as pl

    frame = pl.from_pandas(inventory)
    size, payers = pl.col("size"), pl.col("payers")

    def ask() -> Any:
        kind = pl.col("media_type").cast(pl.String)
        is_foreign = kind.str.contains(r"\.nondistributable\.|\.rootfs\.foreign\.")
        held = (
            frame.lazy()
            .filter(~is_foreign)
            .group_by("repository", "registry", "digest")
            .agg(
                named=pl.len(),
                payers=pl.struct("tag", "image_digest").n_unique(),
                size=pl.col("size_bytes").max(),
            )
        )
        shared = held.group_by("registry", "digest").agg(
            holders=pl.len(), all_payers=payers.sum(), size=size.max()
        )
        found = (
            held.drop("size")
            .join(shared, on=["registry", "digest"])
            .group_by("repository")
            .agg(
                logical_bytes=(pl.col("named") * size).sum(),
                physical_bytes=size.sum(),
                exclusive_bytes=size.filter(pl.col("holders") == 1).sum(),
                amortised_bytes=(payers * size / pl.col("all_payers")).sum(),
                layers=pl.len(),
            )
        )
        counts = (
            frame.lazy()
            .group_by("repository")
            .agg(
                tags=pl.struct("registry", "tag").n_unique(),
                images=pl.col("image_digest").n_unique(),
            )
        )
        return (
            found.join(counts, on="repository")
            .sort("physical_bytes", "repository", descending=[True, False])
            .collect()
        )

    return ask


def _check_alike(answers: dict[str, Callable[[], Any]]) -> None:
    """See that all of them answer the same question."""
    frames = {name: ask() for name, ask in answers.items()}
    ours = frames["ghostnb"].set_index("repository").sort_index()
    for name, frame in frames.items():
        pandas = frame if isinstance(frame, pd.DataFrame) else frame.to_pandas()
        theirs = pandas.astype({"repository": "string"}).set_index("repository").sort_index()
        pd.testing.assert_frame_equal(
            ours, theirs[list(ours)].astype(ours.dtypes), check_exact=False, obj=name
        )


def _timed(ask: Callable[[], Any]) -> float:
    started = time.perf_counter()
    ask()
    return time.perf_counter() - started


def _measure_memory(file: str) -> None:
    inventory = pd.read_pickle(file)
    seconds = _timed(lambda: analysis.storage(inventory))
    # Not of getrusage: that begins with what the process that started this one had.
    status = Path("/proc/self/status").read_text()
    peak = int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024
    print(json.dumps({"peak_mib": peak, "seconds": round(seconds, 2)}))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _measure_memory(sys.argv[1])
    else:
        measure_economics()
