"""Image references in Docker's familiar form."""

import re
from dataclasses import dataclass, replace
from typing import Self

from ghostnb.errors import InvalidReferenceError
from ghostnb.oci.digest import Digest

DOCKER_HUB = "docker.io"
_HUB_ALIASES = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})

# github.com/distribution/reference, "Grammar"
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_IMAGE_ID = re.compile(r"[0-9a-f]{64}")
# What skopeo and browsers have before a name.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)(.*)", re.DOTALL)
_NAME_AND_DIGEST = re.compile(r"[^@]*@sha(256|512):[0-9a-f]*")
_MAX_NAME_LENGTH = 255


@dataclass(frozen=True, slots=True)
class Reference:
    """The name of an image: registry, repository, tag and digest.

    Attributes
    ----------
    registry : str
        Host and perhaps port; ``docker.io`` for Docker Hub; empty for a
        reference within a registry that is known otherwise.
    repository : str
        With slashes, without the host: ``library/nginx``.
    tag : str
        Empty if there is only a digest.
    digest : Digest or None
        If there is one, it and not the tag says which image is meant.

    Notes
    -----
    Source: github.com/distribution/reference; OCI distribution-spec v1.1,
    "Pulling manifests".

    Examples
    --------
    >>> Reference.parse("nginx")
    Reference(registry='docker.io', repository='library/nginx', tag='latest', digest=None)
    >>> str(Reference.parse("docker.io/library/nginx:latest"))
    'nginx:latest'
    >>> str(Reference.parse("localhost/app"))
    'localhost/app:latest'
    """

    registry: str
    repository: str
    tag: str = ""
    digest: Digest | None = None

    def __post_init__(self) -> None:
        check_repository(self.repository)
        if self.registry and not _HOST.fullmatch(self.registry):
            raise InvalidReferenceError(f"{self.registry[:200]!r} is not a registry's host.")
        if len(f"{self.registry}/{self.repository}".lstrip("/")) > _MAX_NAME_LENGTH:
            raise InvalidReferenceError(
                f"The name {self.repository[:40]}… is longer than {_MAX_NAME_LENGTH} characters."
            )
        if self.tag:
            check_tag(self.tag)
        if not self.tag and self.digest is None:
            raise InvalidReferenceError(f"{self.repository} needs a tag or a digest.")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a reference as ``docker pull`` would.

        Parameters
        ----------
        text : str
            ``[host/]repository[:tag][@digest]``. Without a host Docker Hub is
            meant, and ``library/`` when there is no slash either; without tag
            and digest the tag is ``latest``. The first part is a host if it
            has a dot or a colon, is ``localhost``, or has capital letters.

        Returns
        -------
        Reference

        Raises
        ------
        InvalidReferenceError
            With the part that is wrong.
        """
        _refuse_scheme(text)
        host, rest = _split_host(text)
        if _IMAGE_ID.fullmatch(text):
            raise InvalidReferenceError(f"{text!r} is an image id, not a reference.")
        name, tag, digest = _split_name(rest, text)
        if host in _HUB_ALIASES or not host:
            host = DOCKER_HUB
            name = name if "/" in name else f"library/{name}"
        return cls(host, name, tag, digest)

    @classmethod
    def within(cls, text: str, host: str) -> Self:
        """Read a reference to something in a registry that is already known.

        Parameters
        ----------
        text : str
            ``repository[:tag][@digest]``; the registry's own host may stand
            before it. It must where the name begins like another host:
            ``localhost:5000/ghcr.io/team/app`` is a mirror's ``ghcr.io/team/app``.
        host : str
            The registry's host and port; empty for one that has none, where
            any repository may be called like a host.

        Returns
        -------
        Reference
            With an empty `registry`.

        Raises
        ------
        InvalidReferenceError
            If a part is wrong, or another registry's host stands first.
        """
        _refuse_scheme(text)
        first, slash, rest = text.partition("/")
        if host and slash and first == host:
            return cls("", *_split_name(rest, rest))
        if slash and (":" in first or (host and "." in first and _HOST.fullmatch(first))):
            raise _is_elsewhere(text, first, host)
        return cls("", *_split_name(text, text))

    @property
    def locator(self) -> str:
        """What names the manifest in a request: the digest if there is one, else the tag."""
        return str(self.digest or self.tag)

    @property
    def canonical(self) -> str:
        """The whole name, nothing left out."""
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.registry}/{self.repository}".lstrip("/") + tag + digest

    def with_digest(self, digest: Digest) -> Self:
        """Give the same reference, fixed to a digest."""
        return replace(self, digest=digest)

    def __str__(self) -> str:
        name = self.canonical
        if self.registry == DOCKER_HUB:
            name = name.removeprefix(f"{DOCKER_HUB}/")
            # "library/x/y" keeps its prefix: without it, it would be another name.
            if self.repository.count("/") == 1:
                name = name.removeprefix("library/")
            if _starts_like_host(name):
                name = self.canonical
        return name


def check_repository(name: str) -> str:
    """Give a repository's name back if it is one, else raise `InvalidReferenceError`."""
    if _REPOSITORY.fullmatch(name) and len(name) <= _MAX_NAME_LENGTH:
        return name
    _refuse_scheme(name)
    hint = (
        "Names are parts of lower-case letters and digits, joined by . _ __ or -, between slashes."
    )
    raise InvalidReferenceError(f"{name[:200]!r} is not a repository's name.", hint=hint)


def is_tag(text: str) -> bool:
    """Tell whether this can be a tag."""
    return _TAG.fullmatch(text) is not None


def check_tag(tag: str) -> str:
    """Give a tag back if it is one, else raise `InvalidReferenceError`."""
    if is_tag(tag):
        return tag
    hint = "A tag has up to 128 letters, digits, _ . or - and begins with none of the last two."
    raise InvalidReferenceError(f"{tag[:200]!r} is not a tag.", hint=hint)


def _refuse_scheme(text: str) -> None:
    found = _SCHEME.match(text)
    if found is None:
        return
    scheme, name = found[1], _without_secrets(found[2])
    raise InvalidReferenceError(
        f"{scheme + name!r:.200} begins with a scheme, and a reference has none.",
        hint=f"Write {name or 'team/app:1.0'!r:.200}.",
    )


def _without_secrets(name: str) -> str:
    """Leave out what an address may have beside host and path; a digest stays."""
    address = re.split("[?#]", name)[0]
    host, slash, path = address.partition("/")
    is_name = not slash and _NAME_AND_DIGEST.fullmatch(host)
    return address if is_name else host.rpartition("@")[2] + slash + path


def _is_elsewhere(text: str, there: str, here: str) -> InvalidReferenceError:
    hint = f"Ask a client of {there[:200]}, or leave the host out."
    if ":" not in there:
        hint += f" For a repository here that is called so, write {f'{here}/{text}'[:200]!r}."
    return InvalidReferenceError(
        f"{text[:200]!r} is in the registry {there[:200]}, not {f'in {here}' if here else 'here'}.",
        hint=hint,
    )


def _starts_like_host(text: str) -> bool:
    first, slash, _ = text.partition("/")
    looks = "." in first or ":" in first or first == "localhost" or first != first.lower()
    return bool(slash) and looks


def _split_host(text: str) -> tuple[str, str]:
    if _starts_like_host(text):
        first, _, rest = text.partition("/")
        return first, rest
    return "", text


def _split_name(text: str, whole: str) -> tuple[str, str, Digest | None]:
    if not text:
        raise InvalidReferenceError(f"{whole!r} names no repository.")
    name, at, digest = text.partition("@")
    head, colon, tag = name.rpartition(":")
    if not colon:
        head, tag = name, ""
    elif not tag:
        raise InvalidReferenceError(f"{whole[:200]!r} has a colon, but no tag after it.")
    if not tag and not at:
        tag = "latest"
    return head, tag, Digest(digest) if at else None


def is_within(repository: str, namespace: str | None) -> bool:
    """Tell whether a repository's name is a namespace, or begins with it and a slash.

    Parameters
    ----------
    repository : str
    namespace : str or None
        None has all.
    """
    return namespace is None or f"{repository}/".startswith(f"{namespace}/")
