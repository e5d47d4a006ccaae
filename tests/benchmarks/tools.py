"""What the measurements have in common."""

import re
import subprocess
import tempfile

WRK_SECONDS = 8
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def wrk(url: str, paths: list[str], connections: int) -> float:
    """Give the requests a second that wrk reaches on some paths."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        listed = ",".join(f'"{path}"' for path in paths)
        script.write(
            f"local urls = {{{listed}}}\nlocal i = 0\n"
            "request = function() i = i % #urls + 1; return wrk.format('GET', urls[i], "
            f"{{['Accept'] = '{MANIFEST}'}}) end\n"
        )
        script.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{WRK_SECONDS}s", "-s", script.name, url]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in output:
        raise RuntimeError(f"wrk was refused:\n{output}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", output)
    if found is None:
        raise RuntimeError(f"wrk said nothing that is known:\n{output}")
    return float(found[1])


def row(*cells: object) -> None:
    """Print a line of the table."""
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)
