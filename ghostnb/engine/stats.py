"""What a container uses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

__all__ = ["ContainerStats", "is_reading"]

_NEVER = "0001-01-01"  # Go's zero time


@dataclass(frozen=True, slots=True)
class ContainerStats:
    """What a container used when the daemon was asked; None is what the daemon does not say.

    Attributes
    ----------
    time : str
        RFC 3339.
    cpu_percent : float or None
        Since the reading before: 100 is one processor, as ``docker stats`` counts it.
    memory_bytes, memory_limit_bytes : int or None
        Without what the kernel caches of files and can give back; the limit is the machine's
        memory for a container without one.
    network_received_bytes, network_sent_bytes : int or None
        Since its start, by all of its interfaces. Docker counts none on the host's network.
    block_read_bytes, block_written_bytes : int or None
        Since its start, on all disks.
    processes : int or None
        Processes and threads.
    """

    time: str
    cpu_percent: float | None
    memory_bytes: int | None
    memory_limit_bytes: int | None
    network_received_bytes: int | None
    network_sent_bytes: int | None
    block_read_bytes: int | None
    block_written_bytes: int | None
    processes: int | None

    @classmethod
    def between(cls, before: Mapping[str, Any], now: Mapping[str, Any]) -> Self:
        """Read a reply to ``GET /containers/ID/stats``, compared with an earlier one.

        Notes
        -----
        Source: Docker Engine API v1.41, "ContainerStats"; what is counted how, as in
        github.com/docker/cli, ``cli/command/container/stats_helpers.go``. The earlier reading is
        our own: Podman 4.3 has none in its replies, and follows only every five seconds.
        """
        memory = now.get("memory_stats") or {}
        return cls(
            now["read"],
            _cpu_percent(before.get("cpu_stats") or {}, now.get("cpu_stats") or {}),
            _memory_bytes(memory),
            memory.get("limit"),
            _network_bytes(now, "rx_bytes"),
            _network_bytes(now, "tx_bytes"),
            _block_bytes(now, "read"),
            _block_bytes(now, "write"),
            (now.get("pids_stats") or {}).get("current"),
        )


def is_reading(reply: Mapping[str, Any]) -> bool:
    """Tell whether the daemon has read anything: of what does not run, Docker gives zeros."""
    return not reply.get("read", _NEVER).startswith(_NEVER)


def _cpu_percent(before: Mapping[str, Any], now: Mapping[str, Any]) -> float | None:
    """Compare the container's time with that of all processors."""
    if "system_cpu_usage" not in now or "system_cpu_usage" not in before:
        return None
    own_before, own = before["cpu_usage"], now["cpu_usage"]
    used = own["total_usage"] - own_before["total_usage"]
    passed = now["system_cpu_usage"] - before["system_cpu_usage"]
    processors = now.get("online_cpus") or len(own.get("percpu_usage") or ()) or 1
    # It was started anew in between if it has used less by now.
    return used / passed * processors * 100 if used > 0 and passed > 0 else 0.0


def _memory_bytes(memory: Mapping[str, Any]) -> int | None:
    """Leave the file cache out: its name tells whether that is of cgroup v1 or v2."""
    usage, details = memory.get("usage"), memory.get("stats") or {}
    if usage is None:
        return None
    cached = details.get("total_inactive_file", details.get("inactive_file", 0))
    return usage - cached if cached < usage else usage


def _network_bytes(reply: Mapping[str, Any], name: str) -> int | None:
    networks = reply.get("networks")
    return None if networks is None else sum(one[name] for one in networks.values())


def _block_bytes(reply: Mapping[str, Any], operation: str) -> int | None:
    """Sum them up; how operations are written depends on the cgroup's version."""
    entries = (reply.get("blkio_stats") or {}).get("io_service_bytes_recursive")
    if entries is None:
        return None
    return sum(one["value"] for one in entries if one["op"].lower() == operation)
