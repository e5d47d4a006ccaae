"""A layer of 2 GiB goes through a Drift that has 200 MB of memory for it."""

from __future__ import annotations

import hashlib
import subprocess

from tests.drift.calling import Caller, add_digest, begin
from tests.parts.drift import running_drift
from tests.parts.memory import most_memory_of
from tests.parts.processes import find_program

SIZE = 2 * 2**30
MOST_BYTES = 200 * 10**6


def digest_of_zeros(size):
    hasher, block = hashlib.sha256(), bytes(2**24)
    for _ in range(size // len(block)):
        hasher.update(block)
    return f"sha256:{hasher.hexdigest()}"


def test_a_layer_of_2_gibibytes_goes_through_little_memory(tmp_path):
    curl = [find_program("curl", "curl"), "--silent", "--show-error", "--fail"]
    digest = digest_of_zeros(SIZE)
    source = tmp_path / "layer"
    with source.open("wb") as file:
        file.truncate(SIZE)
    with running_drift(tmp_path / "root") as running:
        with Caller(running.url) as call:
            target = running.url + add_digest(begin(call, "large/layer"), digest)
        with most_memory_of(running.process.pid) as most:
            subprocess.run([*curl, "--upload-file", source, target], check=True, timeout=100)
            place = f"{running.url}/v2/large/layer/blobs/{digest}"
            pulled = subprocess.Popen([*curl, place], stdout=subprocess.PIPE)
            found = hashlib.file_digest(pulled.stdout, "sha256").hexdigest()
            assert pulled.wait(10) == 0
        assert f"sha256:{found}" == digest
        assert 10**7 < most[0] < MOST_BYTES
