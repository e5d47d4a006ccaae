"""Container daemons: Docker and Podman.

The ``docker`` package is imported when a daemon is first contacted, and then in a worker
thread: it costs more than a tenth of a second.
"""

from ghostnb.engine.container import Container
from ghostnb.engine.contexts import contexts
from ghostnb.engine.daemon import Daemon
from ghostnb.engine.engine import Engine
from ghostnb.engine.ports import Port
from ghostnb.engine.specs import ContainerSpec
from ghostnb.engine.stats import ContainerStats
from ghostnb.engine.volumes import Volume

__all__ = [
    "Container",
    "ContainerSpec",
    "ContainerStats",
    "Daemon",
    "Engine",
    "Port",
    "Volume",
    "contexts",
]
