"""What is typed into a terminal to have an image: the one place where that is said."""

import secrets
import shlex
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from ghostnb.errors import InvalidReferenceError, UnsupportedError
from ghostnb.oci import Platform, Reference
from ghostnb.oci.media_types import OCI_INDEX, OCI_MANIFEST
from ghostnb.oci.reference import is_tag
from ghostnb.registries.config import RegistryConfig

__all__ = ["no_pull_reason", "pull_commands", "pull_name", "pull_pieces"]

_ARCHIVE = ".tar"
_PORTS = {"http": 80, "https": 443}
_REF_NAME = "org.opencontainers.image.ref.name"
# As much as the registry itself reads of it.
_MAX_INDEX_BYTES = 256 * 2**20


def pull_commands(
    config: RegistryConfig, reference: str, platform: str | None = None
) -> dict[str, str]:
    """Give the commands that pull an image, each by its tool's name.

    Parameters
    ----------
    config : RegistryConfig
    reference : str
        ``repository[:tag][@digest]``.
    platform : str, optional
        Another than the machine's own.

    Returns
    -------
    dict of str to str
        For ``docker``, ``podman`` and ``skopeo``; only those that can do it, the
        usual one first. Empty where none can: no tool knows a registry below a
        path, or an image in a layout but by the name that is written there.

    Notes
    -----
    Source: containers-transports(5), "oci" and "docker-daemon"; Docker's own
    names are those of github.com/distribution/reference. Seen working with
    skopeo 1.9 and Docker 20.10.

    Examples
    --------
    >>> hub = RegistryConfig("hub", "https://registry-1.docker.io")
    >>> pull_commands(hub, "nginx:1.27")["docker"]
    'docker pull nginx:1.27'
    >>> pull_commands(hub, "nginx:1.27")["podman"]
    'podman pull docker.io/library/nginx:1.27'
    """
    if (path := config.layout_path) is not None:
        is_there = reference in _layout_names(path)
        return _from_layout(path, reference, platform) if is_there else {}
    return _from_registry(config, reference, platform)


def pull_name(config: RegistryConfig, reference: str) -> str:
    """Give the name by which a daemon pulls an image, as ``docker pull`` takes it.

    Raises
    ------
    UnsupportedError
        If no daemon pulls from there; see `no_pull_reason`.

    Examples
    --------
    >>> pull_name(RegistryConfig("hub", "https://registry-1.docker.io"), "library/nginx:1.27")
    'nginx:1.27'
    """
    name = _named(config, reference)
    if name is None:
        raise UnsupportedError(
            f"{config.name} is no registry for a daemon.",
            hint=no_pull_reason(config),
            registry=config.name,
        )
    return str(name)


def no_pull_reason(config: RegistryConfig) -> str:
    """Say why no daemon pulls from a registry, and what to do instead; empty if one does."""
    if (path := config.layout_path) is not None:
        # By its name: the disk is not asked here, where others wait.
        if path.suffix != _ARCHIVE:
            return "A daemon pulls from no directory: copy the command."
        return (
            "A daemon pulls from no file: copy the image to a registry, or load the whole file "
            f"if docker save or podman save wrote it: docker load -i {shlex.quote(str(path))}"
        )
    if _named(config, "any:tag") is None:
        return "No daemon pulls from such an address: save the image instead."
    return ""


def pull_pieces(config: RegistryConfig, repository: str, tags: Iterable[str]) -> list[str]:
    """Give the texts between which a tag makes the usual command for it.

    Parameters
    ----------
    config : RegistryConfig
    repository : str
    tags : iterable of str
        For which it is to be right.

    Returns
    -------
    list of str
        Empty where no tool pulls every one of the tags, as where one is none.
    """
    # The page puts them in as they are, and a registry may say anything.
    if not all(map(is_tag, tags := list(tags))):
        return []
    # A tag that nothing else in a command holds.
    any_tag = secrets.token_hex(16)
    if (path := config.layout_path) is not None:
        names = _layout_names(path)
        if not all(f"{repository}:{tag}" in names for tag in tags):
            return []
        commands = _from_layout(path, f"{repository}:{any_tag}")
    else:
        commands = pull_commands(config, f"{repository}:{any_tag}")
    return next(iter(commands.values()), "").split(any_tag) if commands else []


def _named(config: RegistryConfig, reference: str) -> Reference | None:
    """Name an image with its registry; None where no tool knows one at such an address."""
    if config.layout_path is not None or urlsplit(config.url).path:
        return None
    host = config.host
    if not set(host) & set(".:") and host != "localhost":
        # Without a dot or a port, it would be a name on Docker Hub.
        host = f"{host}:{_PORTS[urlsplit(config.url).scheme]}"
    try:
        return Reference.parse(f"{host}/{reference}")
    except InvalidReferenceError:
        return None  # a host that HTTP allows and Docker does not, such as my_host:5000


def _from_registry(config: RegistryConfig, reference: str, platform: str | None) -> dict[str, str]:
    name = _named(config, reference)
    if name is None:
        return {}
    whole = shlex.quote(name.canonical)
    is_trusting = config.insecure or config.url.startswith("http:")
    podman, skopeo = ("--tls-verify=false ", "--src-tls-verify=false ") if is_trusting else ("", "")
    only = f"--platform={shlex.quote(platform)} " if platform else ""
    copy = f"{_skopeo(platform)} copy {skopeo}docker://{whole}"
    return {
        "docker": f"docker pull {only}{shlex.quote(str(name))}",
        "podman": f"podman pull {only}{podman}{whole}",
        "skopeo": f"{copy} oci-archive:{_file_name(name)}.tar",
    }


def _skopeo(platform: str | None) -> str:
    if platform is None:
        return "skopeo"
    wanted = Platform.parse(platform)
    parts = {"os": wanted.os, "arch": wanted.architecture, "variant": wanted.variant}
    options = [f"--override-{name}={shlex.quote(part)}" for name, part in parts.items() if part]
    return " ".join(["skopeo", *options])


def _from_layout(path: Path, name: str, platform: str | None = None) -> dict[str, str]:
    source = shlex.quote(f"oci:{path.absolute()}:{name}")
    return {"skopeo": f"{_skopeo(platform)} copy {source} {shlex.quote(f'docker-daemon:{name}')}"}


def _file_name(name: Reference) -> str:
    mark = name.tag or (name.digest.encoded[:12] if name.digest else "")
    return f"{name.repository.rpartition('/')[2]}-{mark}"


class _Entry(msgspec.Struct, rename="camel"):
    media_type: str = ""
    annotations: dict[str, str] = {}


class _Index(msgspec.Struct):
    manifests: list[_Entry] = []


def _layout_names(path: Path) -> frozenset[str]:
    """Give the names that skopeo finds in a layout; none if it is no layout (any more).

    Reads the disk, and so is not for the I/O loop.
    """
    if ":" in str(path.absolute()):
        return frozenset()  # skopeo takes what follows for the image's name
    try:
        with (path / "index.json").open("rb") as file:
            # One that is longer is cut, and then is no JSON.
            index = msgspec.json.decode(file.read(_MAX_INDEX_BYTES), type=_Index)
    except (OSError, msgspec.DecodeError):
        # Whoever lists the registry is told what is wrong with it.
        return frozenset()
    return frozenset(
        entry.annotations.get(_REF_NAME, "")
        for entry in index.manifests
        if entry.media_type in (OCI_MANIFEST, OCI_INDEX)
    )
