"""What is sent of a container that is to be made, as the engine takes it."""

import shlex
from collections.abc import Callable, Iterable
from typing import TypeVar

from msgspec.structs import asdict

from ghostnb.engine import ContainerSpec, Engine, Port, Volume
from ghostnb.engine.problems import first_of, invalid
from ghostnb.errors import InvalidContainerError
from ghostnb.server.asks import NewContainer

__all__ = ["spec_of", "uses_host"]

Asked = TypeVar("Asked")
Made = TypeVar("Made")
Problems = dict[str, str]

_HOST = "host"
# What every daemon knows by these names, also where there is no such object.
_OWN = {"", "none", "bridge", "default"}
# What the engine knows of networks stands in two fields, and in one of what is sent.
_FIELDS = {"network": "networks", "further_networks": "networks"}


def spec_of(asked: NewContainer) -> ContainerSpec:
    """Read what a container is to be like.

    Raises
    ------
    InvalidContainerError
        With everything that is wrong, by field.
    """
    problems: Problems = {}
    ports = _each("ports", asked.ports, lambda one: Port(**asdict(one)), problems)
    volumes = _each("volumes", asked.volumes, lambda one: Volume(**asdict(one)), problems)
    try:
        spec = ContainerSpec(
            asked.image,
            name=asked.name,
            command=_command(asked.command, problems),
            ports=tuple(ports),
            volumes=tuple(volumes),
            env=asked.env,
            labels=asked.labels,
            network=asked.networks[0] if asked.networks else None,
            further_networks=tuple(asked.networks[1:]),
            restart_policy=asked.restart_policy,
        )
    except InvalidContainerError as e:
        problems = {_FIELDS.get(name, name): said for name, said in e.problems.items()} | problems
    if problems:
        raise invalid(problems)
    return spec


async def uses_host(engine: Engine, spec: ContainerSpec) -> bool:
    """Tell whether a container has something of its host that only an admin may give.

    Who mounts a path of the host can read and write all that is there, and who is on the host's
    network reaches what listens for this machine alone. Another container's network may be
    the host's. The daemon is asked what its networks are: it takes the beginning of an id for
    a name.

    Raises
    ------
    EngineError
        If there is no such network.
    EngineUnreachableError
        If no daemon answers.
    """
    network = spec.network or ""
    if network == _HOST or network.startswith("container:"):
        return True
    if any(volume.volume_type == "bind" for volume in spec.volumes):
        return True
    named = {network, *spec.further_networks} - _OWN
    return _HOST in [await engine.network_driver(name) for name in sorted(named)]


def _each(
    field: str, asked: Iterable[Asked], make: Callable[[Asked], Made], problems: Problems
) -> list[Made]:
    """Make all that can be made; what is wrong with the others becomes the field's problem."""
    made, wrong = [], []
    for number, one in enumerate(asked, 1):
        try:
            made.append(make(one))
        except InvalidContainerError as e:
            wrong += [f"Number {number}: {problem}" for problem in e.problems.values()]
    if wrong:
        problems[field] = first_of(wrong)
    return made


def _command(asked: list[str] | str, problems: Problems) -> tuple[str, ...]:
    if not isinstance(asked, str):
        return tuple(asked)
    try:
        return tuple(shlex.split(asked))
    except ValueError:
        problems["command"] = "A quotation mark or backslash is not closed."
        return ()
