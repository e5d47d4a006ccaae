"""Containers, and what they use."""

from ghostnb.engine import Container, ContainerStats, Port
from ghostnb.server.answers.answer import Answer

__all__ = ["ContainerAnswer", "ContainerEntry", "ContainerList", "PortEntry", "StatsEntry"]


class PortEntry(Answer, frozen=True, kw_only=True):
    """A port that is published on the host; null is one that the daemon chooses, and everywhere."""

    container_port: int
    host_port: int | None
    protocol: str
    host_ip: str | None

    @classmethod
    def of(cls, port: Port) -> "PortEntry":
        """Tell a port."""
        return cls(**{name: getattr(port, name) for name in cls.__struct_fields__})


class ContainerEntry(Answer, frozen=True, kw_only=True):
    """A container, without its environment.

    `state` is one of Docker's words. `status`, for people, stands in lists alone; `exit_code`,
    `started`, `finished` and `error` (why it could not be started) not there.
    """

    id: str
    name: str
    image: str | None
    command: str
    state: str
    status: str | None
    created: str | None
    started: str | None
    finished: str | None
    exit_code: int | None
    error: str
    ports: list[PortEntry]
    networks: list[str]
    labels: dict[str, str]

    @classmethod
    def of(cls, container: Container) -> "ContainerEntry":
        """Tell a container."""
        known = {name: getattr(container, name) for name in cls.__struct_fields__}
        return cls(
            **known
            | {
                "ports": [PortEntry.of(port) for port in container.ports],
                "networks": list(container.networks),
                "labels": dict(container.labels),
            }
        )


class ContainerAnswer(Answer, frozen=True, kw_only=True):
    """A container as it is now."""

    container: ContainerEntry


class ContainerList(Answer, frozen=True, kw_only=True):
    """The daemon's containers, the newest first."""

    containers: list[ContainerEntry]


class StatsEntry(Answer, frozen=True, kw_only=True):
    """What a container uses; `cpu_percent` counts 100 for each processor."""

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
    def of(cls, stats: ContainerStats) -> "StatsEntry":
        """Tell a reading."""
        return cls(**{name: getattr(stats, name) for name in cls.__struct_fields__})
