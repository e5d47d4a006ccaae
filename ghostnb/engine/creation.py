"""A specification as Docker's API wants it."""

from typing import Any

from ghostnb.engine.ports import Port
from ghostnb.engine.specs import ContainerSpec
from ghostnb.engine.volumes import Volume

__all__ = ["create_body"]


def create_body(spec: ContainerSpec) -> dict[str, Any]:
    """Write the body of ``POST /containers/create``.

    Parameters
    ----------
    spec : ContainerSpec

    Returns
    -------
    dict
        ``Cmd`` is None where the image's own command is meant.

    Notes
    -----
    Source: Docker Engine API v1.41, "ContainerCreate".
    """
    return {
        "Image": spec.image_name,
        "Cmd": list(spec.command) or None,
        "Env": [f"{name}={value}" for name, value in spec.env.items()],
        "Labels": dict(spec.labels),
        "ExposedPorts": {port.key: {} for port in spec.ports},
        "HostConfig": {
            "NetworkMode": spec.network or "default",
            "PortBindings": _port_bindings(spec.ports),
            "Mounts": [_mount(volume) for volume in spec.volumes],
            "RestartPolicy": _restart_policy(spec.restart_policy),
        },
    }


def _port_bindings(ports: tuple[Port, ...]) -> dict[str, list[dict[str, str]]]:
    bindings: dict[str, list[dict[str, str]]] = {}
    for port in ports:
        host_port = "" if port.host_port is None else f"{port.host_port}"
        binding = {"HostIp": port.host_ip or "", "HostPort": host_port}
        bindings.setdefault(port.key, []).append(binding)
    return bindings


def _mount(volume: Volume) -> dict[str, Any]:
    """Mounts and not Binds, for which Docker makes a missing directory of the host, as root."""
    mount: dict[str, Any] = {"Type": volume.volume_type, "Target": volume.target}
    if volume.source is not None:
        mount["Source"] = volume.source
    return mount | ({"ReadOnly": True} if volume.read_only else {})


def _restart_policy(text: str) -> dict[str, Any]:
    name, _, count = text.partition(":")
    return {"Name": name, **({"MaximumRetryCount": int(count)} if count else {})}
