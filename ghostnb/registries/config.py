"""How one registry is reached."""

import os
import re
import shlex
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from ghostnb.errors import ConfigError, redact_url
from ghostnb.registries.system_keyring import read_password
from ghostnb.wire.tokens import Credentials
from ghostnb.wire.urls import is_loopback, is_plain_host

LAYOUT_SCHEME = "oci:"
_VARIABLE = "env:"
_SERVICE = "keyring:"
# Not every transport's clock takes more; who waits a day waits for ever.
_MAX_TIMEOUT_SECONDS = 86_400
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class RegistryConfig:
    """How one registry is reached.

    Attributes
    ----------
    name : str
        What the user calls it: letters, digits, dots, dashes, underscores.
    url : str
        ``https://…``; ``http://…`` with `insecure` or on a loopback host; or
        ``oci:PATH`` for an OCI image layout on disk, or for a file: an archive
        that ``RegistryClient.save``, ``docker save``, ``podman save`` or ``skopeo
        copy`` wrote. An archive is read, never changed, and not compressed as a whole.
        A path behind the host is right where a proxy has a prefix for the registry, and at an
        agent; ``acme`` of ``https://ghcr.io/acme`` is the `namespace`.
    username : str or None
        Without it, the Docker configuration's credentials for the host are used.
    password : str or None
        ``env:NAME`` reads the environment variable when it is needed, and
        ``keyring:SERVICE`` the system keyring's entry for the service and the
        user name. Never shown.
    insecure : bool
        Allow plain HTTP, and HTTPS with a certificate that cannot be verified.
    kind : str
        ``auto``, or a vendor's name to skip the detection.
    ca_file : str or None
        PEM file of an authority that signs the registry's certificate. It counts wherever the
        registry's credentials may go: at its host, at hosts whose names are below it, or above it
        on a domain that is nobody else's, at `token_host`, and at no other.
    client_cert, client_key : str or None
        PEM files of a client certificate and its key.
    token_host : str or None
        The token server's host, where it does not belong to the registry by name.
    max_connections : int
        How many requests may be under way at once.
    timeout_seconds : float
        How long to wait for a connection, and for each piece of an answer; at
        most a day.
    token : str or None
        A bearer token that goes with each request to the registry's own address, in place of
        a user's name and password: an agent's. ``env:NAME`` reads the environment variable
        when it is needed. Never shown.
    namespace : str or None
        What lists are of, unless another is asked for: a project, an organisation, a group. Some
        vendors list nothing without one.
    profile : str or None
        The profile of the vendor's own software whose credentials are used: of the AWS CLI.
    stored_credentials : bool
        False if nothing is to be used but what is configured here: neither what ``docker login``
        has stored, nor what a cloud's own tools have on this machine.

    Raises
    ------
    ConfigError
        If a value cannot be right.
    """

    name: str
    url: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    insecure: bool = False
    kind: str = "auto"
    ca_file: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    token_host: str | None = None
    max_connections: int = 16
    timeout_seconds: float = 30.0
    token: str | None = field(default=None, repr=False)
    namespace: str | None = None
    profile: str | None = None
    stored_credentials: bool = True

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ConfigError(
                f"{self.name!r} cannot be a registry's name.",
                hint="Use letters, digits, dots, dashes and underscores.",
            )
        object.__setattr__(self, "url", _check_url(self))
        if self.max_connections < 1:
            raise ConfigError(f"max_connections of {self.name} must be at least 1.")
        if not 0 < self.timeout_seconds <= _MAX_TIMEOUT_SECONDS:  # which is so of nan, too
            raise ConfigError(
                f"timeout_seconds of {self.name} must be above 0, "
                f"and at most {_MAX_TIMEOUT_SECONDS:,} (a day)."
            )
        if self.password and not self.username:
            raise ConfigError(
                f"{self.name} has a password, but no username.",
                hint="Give both, or neither: then what docker login stored is used.",
            )
        if self.password == _SERVICE:
            raise ConfigError(
                f"The password of {self.name} is keyring: without a service.",
                hint="Write keyring:SERVICE.",
            )
        for key in ("namespace", "profile"):
            if not isinstance(getattr(self, key), str | None):
                raise ConfigError(f"{key} of {self.name} must be a text.")
        if self.namespace is not None:
            object.__setattr__(self, "namespace", self.namespace.strip("/ ") or None)
        if self.token:
            self._check_token(self.token)
        if self.client_key and not self.client_cert:
            raise ConfigError(f"client_key of {self.name} stands without a client_cert.")

    @classmethod
    def from_url(cls, url: str) -> "RegistryConfig":
        """Make a configuration from an address alone.

        Parameters
        ----------
        url : str
            As for the class; without a scheme, HTTPS is meant, or HTTP on a
            loopback host. ``docker.io`` is Docker Hub.

        Returns
        -------
        RegistryConfig
            Named after the host, the directory or the file.
        """
        url = url.strip()
        if url.startswith(LAYOUT_SCHEME):
            stem = Path(url.removeprefix(LAYOUT_SCHEME)).resolve().name
            return cls(re.sub(r"[^A-Za-z0-9._-]+", "-", stem).lstrip("._-") or "layout", url)
        if url.rstrip("/") in ("docker.io", "https://docker.io"):
            url = "https://registry-1.docker.io"
        if "://" not in url:
            url = f"{'http' if is_loopback(_host(f'//{url}')) else 'https'}://{url}"
        # What is before an @ may be secret, and is refused by the class.
        place = url.partition("://")[2].rpartition("@")[2].partition("/")[0]
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", place).lstrip("._-")
        return cls(name or "registry", url)

    @property
    def layout_path(self) -> Path | None:
        """The directory or file, for a registry that is an OCI image layout or an archive."""
        if not self.url.startswith(LAYOUT_SCHEME):
            return None
        return Path(self.url.removeprefix(LAYOUT_SCHEME)).expanduser()

    @property
    def host(self) -> str:
        """Host and port; empty for a layout or an archive."""
        return urlsplit(self.url).netloc

    @property
    def path(self) -> str:
        """What the URL has after the host, without slashes around it; empty for a layout."""
        return urlsplit(self.url).path.strip("/") if self.host else ""

    @property
    def has_auth(self) -> bool:
        """True if a user name or a token is configured."""
        return bool(self.username or self.token)

    @property
    def keyring_service(self) -> str:
        """What the password's entry in the system keyring is called; empty if it is not there."""
        password = self.password or ""
        return password.removeprefix(_SERVICE) if password.startswith(_SERVICE) else ""

    @property
    def has_secret(self) -> bool:
        """True if the password itself stands here, and not where it is kept."""
        password = self.password or ""
        return password != "" and not password.startswith((_VARIABLE, _SERVICE))

    @property
    def holds_token(self) -> bool:
        """True if a token itself stands here, and not the variable that has it."""
        return bool(self.token) and not (self.token or "").startswith(_VARIABLE)

    def in_keyring(self, service: str) -> "RegistryConfig":
        """Give the same with a password that is in the system keyring."""
        return replace(self, password=f"{_SERVICE}{service}")

    async def credentials(self) -> Credentials | None:
        """Give the configured credentials; None if there are none here.

        Raises
        ------
        ConfigError
            If the password or token is in an environment variable that is not set, the token's
            is empty, or the password is in a keyring that does not give it.
        """
        if self.token:
            return Credentials(access_token=self._current_token(self.token))
        if not self.username:
            return None
        password = self.password or ""
        if password.startswith(_VARIABLE):
            password = self._from_variable("password", password)
        elif self.keyring_service:
            password = await self._from_keyring(self.username)
        return Credentials(self.username, password)

    def _check_token(self, token: str) -> None:
        if self.username or self.password:
            raise ConfigError(
                f"The token of {self.name} stands beside a user name or a password.",
                hint="Give one or the other.",
            )
        # It becomes a header's value; what it is is not shown.
        if not (token.isascii() and token.isprintable()) or " " in token:
            raise ConfigError(
                f"The token of {self.name} has blanks or letters in it that no token has.",
                hint="Copy it again.",
            )

    def _current_token(self, token: str) -> str:
        if not token.startswith(_VARIABLE):
            return token
        found = self._from_variable("token", token).strip()
        if not found:
            raise self._no_value("token", token, "is empty")
        self._check_token(found)
        return found

    def _from_variable(self, what: str, text: str) -> str:
        variable = text.removeprefix(_VARIABLE)
        if variable not in os.environ:
            raise self._no_value(what, text, "is not set")
        return os.environ[variable]

    def _no_value(self, what: str, text: str, problem: str) -> ConfigError:
        variable = text.removeprefix(_VARIABLE)
        return ConfigError(
            f"The {what} of {self.name} is in the environment variable "
            f"{variable}, which {problem}.",
            hint=f"Set {variable}, or change the registry's configuration.",
        )

    async def _from_keyring(self, username: str) -> str:
        service = self.keyring_service
        place = f"The password of {self.name} is in the system keyring"
        try:
            password = await read_password(service, username)
        except ConfigError as e:
            raise ConfigError(f"{place}. {e.message}", hint=e.hint) from e
        if password is None:
            raise ConfigError(
                f"{place}, which has none of the user {username} for {service}.",
                hint=f"Save it: keyring set {shlex.quote(service)} {shlex.quote(username)}",
            )
        return password


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _check_url(config: RegistryConfig) -> str:
    """Give the URL without what is superfluous, or say what is wrong with it."""
    url = config.url.strip()
    if url.startswith(LAYOUT_SCHEME):
        if len(url) == len(LAYOUT_SCHEME):
            raise _bad_url(config, "names no directory or file", "Write oci:PATH.")
        return url
    # Looked for first: a password with a slash or a colon makes the rest unreadable.
    if "@" in url:
        raise _bad_url(config, "holds a user name", "Use username and password for it.")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as e:
        raise _bad_url(config, f"is not a URL ({e})", "Write https://HOST or oci:PATH.") from e
    if re.search(r"[\s\x00-\x20\x7f]", config.url.strip()):
        raise _bad_url(config, "has blanks in it", "Write https://HOST or oci:PATH.")
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise _bad_url(config, "is not a registry's address", "Write https://HOST or oci:PATH.")
    if not is_plain_host(host):
        raise _bad_url(
            config,
            "has a host that others may read differently",
            "Write it in plain letters and digits; an international name in its ASCII form, xn--…",
        )
    if parts.scheme == "http" and not (config.insecure or is_loopback(host)):
        raise _bad_url(
            config,
            "is not encrypted",
            "Use https://; or, if plain HTTP is meant, RegistryConfig(name, url, insecure=True), "
            "in registries.toml: insecure = true.",
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/').removesuffix('/v2')}"


def _bad_url(config: RegistryConfig, problem: str, hint: str) -> ConfigError:
    shown = redact_url(config.url)
    if "@" in config.url:
        shown = f"…@{redact_url('//' + config.url.rpartition('@')[2])[2:]}"
    return ConfigError(f"The URL of {config.name}, {shown}, {problem}.", hint=hint)
