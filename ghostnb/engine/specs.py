"""What a container is to be like."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from ghostnb.engine.ports import Port, clash_problem
from ghostnb.engine.problems import first_of, invalid, numbered_lines, read_lines, shown
from ghostnb.engine.volumes import Volume, repetition_problem
from ghostnb.errors import InvalidReferenceError
from ghostnb.oci import Reference

__all__ = ["ContainerSpec", "network_problem"]

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
_NETWORK = re.compile(r"(?:container:)?[a-zA-Z0-9][a-zA-Z0-9_.-]*")
# wider than a shell's: Elasticsearch and Spring are configured by names with dots and dashes
_ENV_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.-]*")
_RESTART = re.compile(r"no|always|unless-stopped|on-failure(?::[0-9]{1,9})?")
_IMAGE_ID = re.compile(r"(?:sha256:)?[0-9a-f]{64}")
_WITHOUT_PORTS = ("host", "none")
_NO_NUL = "Take the NUL character out."


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """What a container is to be like: parsed at the edge, and whole.

    Attributes
    ----------
    image : str
        A reference, or an image's whole id.
    name : str or None
        None lets the daemon choose.
    command : tuple of str
        Instead of the image's own; empty for that one.
    ports : tuple of Port
    volumes : tuple of Volume
    env : mapping of str to str
        Not part of the ``repr``: passwords stand here.
    labels : mapping of str to str
    network : str or None
        ``bridge``, ``host``, ``none``, ``container:NAME`` or a network's name; None for the
        daemon's default.
    restart_policy : str
        ``no``, ``always``, ``unless-stopped`` or ``on-failure[:N]``.
    further_networks : tuple of str
        Other networks that it joins before it starts, by name.

    Raises
    ------
    InvalidContainerError
        With everything that is wrong, by field.

    Examples
    --------
    >>> ContainerSpec("nginx", ports=(Port(80, 8080),)).image_name
    'docker.io/library/nginx:latest'
    """

    image: str
    name: str | None = None
    command: tuple[str, ...] = ()
    ports: tuple[Port, ...] = ()
    volumes: tuple[Volume, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    labels: Mapping[str, str] = field(default_factory=dict)
    network: str | None = None
    restart_policy: str = "no"
    further_networks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        problems = _find_problems({name: getattr(self, name) for name in _FIELDS})
        if problems:
            raise invalid(problems)
        # copies: what the caller does to his own later is checked by nobody
        for name, kind in _COPIED.items():
            object.__setattr__(self, name, kind(getattr(self, name)))

    @classmethod
    def parse(
        cls,
        *,
        image: str,
        name: str = "",
        command: str = "",
        ports: str = "",
        volumes: str = "",
        env: str = "",
        labels: str = "",
        network: str = "",
        restart_policy: str = "",
    ) -> Self:
        """Read the texts of a form.

        Parameters
        ----------
        image, name, network, restart_policy : str
            Empty for none; the policy ``no`` then.
        command : str
            Split as a shell would.
        ports, volumes : str
            One a line, as `Port.parse` and `Volume.parse` read them.
        env, labels : str
            One ``KEY=VALUE`` a line; a label may stand alone. A value is kept as it stands,
            spaces included. In all four, empty lines and those that begin with ``#`` count
            for nothing.

        Returns
        -------
        ContainerSpec

        Raises
        ------
        InvalidContainerError
            With everything that is wrong, by field.
        """
        read = {
            "command": _read_command(command),
            "ports": read_lines(ports, Port.parse),
            "volumes": read_lines(volumes, Volume.parse),
            "env": _read_pairs(env, needs_value=True),
            "labels": _read_pairs(labels, needs_value=False),
        }
        fields: dict[str, Any] = {
            "image": image.strip(),
            "name": name.strip() or None,
            **{key: value for key, (value, _) in read.items()},
            "network": network.strip() or None,
            "restart_policy": restart_policy.strip() or "no",
        }
        found = _find_problems(fields)
        both = {key: (read.get(key, ("", ""))[1], found.get(key, "")) for key in fields}
        problems = {key: " ".join(filter(None, said)) for key, said in both.items() if any(said)}
        if problems:
            raise invalid(problems)
        return cls(**fields)

    @property
    def image_name(self) -> str:
        """The whole name, or the id: Podman would look for a short one in several registries."""
        if _IMAGE_ID.fullmatch(self.image):
            return self.image
        return Reference.parse(self.image).canonical


def _find_problems(fields: Mapping[str, Any]) -> dict[str, str]:
    found = {name: check(fields[name]) for name, check in _CHECKS.items()}
    if fields["ports"] and _shares_network(fields["network"]):
        found["ports"] = (
            f"The network {shown(fields['network'])} publishes no ports. Leave them out, or choose"
            " another network."
        )
    found["further_networks"] = _further_problem(
        fields["network"], fields.get("further_networks", ())
    )
    return {name: problem for name, problem in found.items() if problem}


def _shares_network(network: str | None) -> bool:
    """Docker would discard the ports with a warning, or refuse them for ``container:``."""
    return network in _WITHOUT_PORTS or (network or "").startswith("container:")


def _image_problem(image: str) -> str:
    if not image:
        return "Name an image, such as nginx:latest."
    if _IMAGE_ID.fullmatch(image):
        return ""
    try:
        Reference.parse(image)
    except InvalidReferenceError as error:
        return str(error)
    return ""


def _name_problem(name: str | None) -> str:
    if name is None or _NAME.fullmatch(name):
        return ""
    return (
        f"{shown(name)} is no container's name, which has two or more letters, digits, _ . or -"
        " and begins with a letter or digit."
    )


def _command_problem(command: tuple[str, ...]) -> str:
    if isinstance(command, str):  # its letters would be the words
        return "Give a tuple of words; ContainerSpec.parse splits a text."
    return _NO_NUL if any("\0" in word for word in command) else ""


def _env_problem(env: Mapping[str, str]) -> str:
    wrong = [name for name in env if not _ENV_NAME.fullmatch(name)]
    names = [f"{shown(name)} is no name of a variable; {_ENV_RULE}" for name in wrong]
    return first_of(names + _value_problems(env))


def _labels_problem(labels: Mapping[str, str]) -> str:
    nameless = ["A label needs a name."] if any(not name.strip() for name in labels) else []
    return first_of(nameless + _value_problems(labels))


def _value_problems(pairs: Mapping[str, object]) -> list[str]:
    """Name the keys alone: a value may be a password."""
    no_text = [name for name, value in pairs.items() if not isinstance(value, str)]
    nul = [name for name, value in pairs.items() if "\0" in name or "\0" in f"{value}"]
    return [f"{shown(name)} needs a text for its value." for name in no_text] + [
        f"{shown(name)}: {_NO_NUL}" for name in nul
    ]


def network_problem(network: str | None) -> str:
    """Say why this cannot be a network's name; empty if it can."""
    if network is None or _NETWORK.fullmatch(network):
        return ""
    said = f"{shown(network)} is no network's name."
    return f"{said} Write bridge, host, none, container:NAME, or the name of one that you made."


def _further_problem(network: str | None, further: tuple[str, ...]) -> str:
    if isinstance(further, str):  # its letters would be the names
        return "Give a tuple of names."
    if not further:
        return ""
    if _shares_network(network):
        return f"Beside {shown(network)} there is no other network. Leave the others out."
    names = [network or "", *further]
    wrong = [name for name in further if not _NETWORK.fullmatch(name) or _shares_network(name)]
    twice = [name for name in dict.fromkeys(further) if names.count(name) > 1]
    return first_of(
        [f"{shown(name)} is no network that can be joined." for name in wrong]
        + [f"{shown(name)} is given twice. Keep one of them." for name in twice]
    )


def _restart_problem(policy: str) -> str:
    if _RESTART.fullmatch(policy):
        return ""
    said = f"{shown(policy)} is no restart policy."
    return f"{said} Write no, always, unless-stopped, on-failure or on-failure:3."


_ENV_RULE = "write letters, digits, _ . or -, and no digit first."
_COPIED = {
    "command": tuple,
    "ports": tuple,
    "volumes": tuple,
    "env": dict,
    "labels": dict,
    "further_networks": tuple,
}
_CHECKS: dict[str, Any] = {
    "image": _image_problem,
    "name": _name_problem,
    "command": _command_problem,
    "ports": clash_problem,
    "volumes": repetition_problem,
    "env": _env_problem,
    "labels": _labels_problem,
    "network": network_problem,
    "restart_policy": _restart_problem,
}
_FIELDS = (*_CHECKS, "further_networks")


def _read_command(text: str) -> tuple[tuple[str, ...], str]:
    try:
        return tuple(shlex.split(text)), ""
    except ValueError:
        return (), "A quotation mark or backslash is not closed. Close it, or put \\ before it."


def _read_pairs(text: str, *, needs_value: bool) -> tuple[dict[str, str], str]:
    """Read ``KEY=VALUE`` a line. What a wrong line holds is not told: it may be a password."""
    pairs: dict[str, str] = {}
    problems = []
    for number, line in numbered_lines(text):
        name, equals, value = line.partition("=")
        name = name.strip()
        if needs_value and not equals:
            problems.append(f"Line {number}: write KEY=VALUE.")
        elif not name:
            problems.append(f"Line {number}: write a name before =.")
        elif needs_value and not _ENV_NAME.fullmatch(name):
            problems.append(f"Line {number}: what stands before = is no name; {_ENV_RULE}")
        elif name in pairs:
            problems.append(f"Line {number}: {shown(name)} is there already. Keep one of them.")
        else:
            pairs[name] = value
    return pairs, first_of(problems)
