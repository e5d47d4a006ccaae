"""The one place that knows the ``docker`` package. Imported in worker threads only."""

import http.client
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import docker
import requests
import urllib3.exceptions
from docker.constants import MINIMUM_DOCKER_API_VERSION
from docker.credentials import StoreError
from docker.errors import APIError, DockerException, InvalidVersion

from ghostnb.engine.absent_images import absent_image_error, says_absent
from ghostnb.engine.container_refusals import container_error
from ghostnb.engine.container_session import ContainerSession
from ghostnb.engine.daemon import Daemon
from ghostnb.engine.endpoints import Endpoint
from ghostnb.engine.image_files import written
from ghostnb.engine.line import HungUpError, Line
from ghostnb.engine.refusals import pull_error, push_error
from ghostnb.engine.unreachable import reason
from ghostnb.errors import ConfigError, EngineError, EngineUnreachableError, GhostnbError
from ghostnb.oci import Reference

__all__ = ["Credentials", "NoAnswerError", "Session", "open_session"]

# what requests, urllib3 and http.client raise when a connection fails, and where it breaks
_CONNECTION_ERRORS = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
)


class Credentials(Protocol):
    """Who pulls or pushes."""

    @property
    def username(self) -> str | None:
        """The user's name."""

    @property
    def password(self) -> str | None:
        """The password, or a token in its place."""


class NoAnswerError(Exception):
    """An endpoint does not answer; its text is the reason. Never leaves the package."""


def open_session(endpoint: Endpoint, line: Line, timeout_seconds: float) -> "Session":
    """Find out who listens, and speak their version of the API.

    Raises
    ------
    NoAnswerError
        If no daemon answers there.
    ConfigError
        If the TLS files cannot be used, or ssh is wanted without the SDK's extra for it.
    """
    # Not version="auto": that asks in the constructor, where nobody could hang up. Podman
    # takes 0.4 s to tell its version, so the answer is kept in the session's Daemon.
    with _client(endpoint, MINIMUM_DOCKER_API_VERSION, line, timeout_seconds) as client:
        try:
            daemon = Daemon.from_version(endpoint, client.version(api_version=False))
        except APIError as error:
            raise NoAnswerError(f"no container daemon: HTTP {error.status_code}") from error
        except (KeyError, TypeError, AttributeError, requests.JSONDecodeError) as error:
            raise NoAnswerError("something that is no container daemon answers") from error
        except (*_CONNECTION_ERRORS, DockerException) as error:
            _stop_if_hung_up(line)
            raise NoAnswerError(reason(error)) from error
    return Session(endpoint, daemon, line, timeout_seconds)


class Session(ContainerSession):
    """A daemon that has answered once. Blocking; for one thread.

    Parameters
    ----------
    endpoint : Endpoint
    daemon : Daemon
    line : Line
    timeout_seconds : float
        For each wait for an answer; a pull or push has no limit.
    """

    def __init__(
        self, endpoint: Endpoint, daemon: Daemon, line: Line, timeout_seconds: float
    ) -> None:
        self.endpoint, self.daemon = endpoint, daemon
        self._line, self._timeout_seconds = line, timeout_seconds

    def images(self) -> list[dict[str, Any]]:
        """List the images, without intermediate layers."""
        with self._client() as client, self._translated("list the images"):
            return client.images()

    def image_id(self, name: str) -> str:
        """Give the image's digest without ``sha256:``."""
        with self._client() as client, self._translated(f"inspect {name}"):
            return client.inspect_image(name)["Id"].removeprefix("sha256:")

    def pull(
        self, reference: Reference, platform: str | None, credentials: Credentials | None
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the lines of a pull; an error among them is raised.

        Notes
        -----
        The whole name goes out: Podman would look for a short one in several registries.
        Without a tag the API pulls every tag.
        """
        name = f"{reference.registry}/{reference.repository}"

        def start(client: docker.APIClient) -> Iterator[Mapping[str, Any]]:
            return client.pull(
                name,
                tag=str(reference.digest or reference.tag or "latest"),
                platform=platform,
                auth_config=_auth_config(credentials),
                stream=True,
                decode=True,
            )

        yield from self._transfer(start, "pull", pull_error, reference, credentials)

    def push(
        self, reference: Reference, credentials: Credentials | None
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the lines of a push; an error among them is raised."""
        name = f"{reference.registry}/{reference.repository}"

        def start(client: docker.APIClient) -> Iterator[Mapping[str, Any]]:
            client.timeout = None  # the SDK's own `push` has no parameter for it
            return client.push(
                name,
                tag=reference.tag,
                auth_config=_auth_config(credentials),
                stream=True,
                decode=True,
            )

        yield from self._transfer(start, "push", push_error, reference, credentials)

    def tag(self, image: str, reference: Reference) -> None:
        """Give an image a further name."""
        action = f"tag {image} as {reference}"
        name = f"{reference.registry}/{reference.repository}"
        with self._client() as client, self._translated(action):
            try:
                client.tag(image, name, reference.tag)
            except APIError as error:
                words = _words(error)
                if not says_absent(words):
                    raise
                said = f"{self._at} would not {action}: {words.rstrip('.')}."
                raise absent_image_error(said) from error

    def save(self, image: str, path: Path) -> Iterator[tuple[int, int]]:
        """Write an image to a new file as the daemon gives it.

        Yields
        ------
        tuple of int
            The bytes that are written, and those of the image unpacked, which differ.
        """
        action = f"save {image}"
        with self._client() as client, self._translated(action):
            try:
                size_bytes = client.inspect_image(image)["Size"]
                # Docker may put the whole together before it sends the first byte.
                client.timeout = None
                for done in written(path, client.get_image(image)):
                    yield done, size_bytes
            except APIError as error:
                words = _words(error)
                if not says_absent(words):
                    raise
                said = f"{self._at} would not {action}: {words.rstrip('.')}."
                raise absent_image_error(said) from error

    def _transfer(
        self,
        start: Callable[[docker.APIClient], Iterator[Mapping[str, Any]]],
        verb: str,
        refusal: Callable[..., GhostnbError],
        reference: Reference,
        credentials: Credentials | None,
    ) -> Iterator[Mapping[str, Any]]:
        def refused(words: str, status: int | None = None) -> GhostnbError:
            said = _without_password(words, credentials)
            return refusal(said, reference=reference, daemon=self._at, daemon_status=status)

        error: GhostnbError | None = None
        with _forgetting(), self._client() as client, self._translated(f"{verb} {reference}"):
            try:
                for event in start(client):
                    if words := _error_words(event):
                        raise refused(words)
                    yield event
            except APIError as answer:
                error = refused(_words(answer), answer.status_code)
            # here, not in the handler: the SDK's error holds the request with its credentials
            if error is not None:
                raise error

    @contextmanager
    def _asking(
        self, action: str, *, env: Sequence[str] = (), **called: str | None
    ) -> Iterator[docker.APIClient]:
        """Open a client; a refusal becomes the error that says what to do about it."""
        with _forgetting(), self._client() as client, self._translated(action):
            try:
                yield client
            except APIError as error:
                words = _without_values(_words(error), env)
                raise self._container_error(action, words, **called) from None

    def _container_error(self, action: str, words: str, **called: str | None) -> EngineError:
        return container_error(f"{self._at} would not {action}", words, **called)

    @property
    def _at(self) -> str:
        return f"{self.daemon.product} at {self.daemon.url}"

    @contextmanager
    def _client(self) -> Iterator[docker.APIClient]:
        version = self.daemon.api_version
        with _client(self.endpoint, version, self._line, self._timeout_seconds) as client:
            yield client

    @contextmanager
    def _translated(self, action: str) -> Iterator[None]:
        at = self._at
        try:
            yield
        except APIError as error:
            raise EngineError(f"{at} would not {action}: {_words(error)}.") from error
        except _CONNECTION_ERRORS as error:
            _stop_if_hung_up(self._line)
            why = reason(error)
        except DockerException as error:
            _stop_if_hung_up(self._line)
            raise _sdk_error(f"{at} could not {action}", error) from error
        else:
            return
        # Here, not in the handler: the error holds the request with its credentials.
        raise EngineUnreachableError(
            f"{at} was lost while it should {action} ({why}).",
            hint="Is the daemon still running? Its log says why it stopped.",
        )


def _sdk_error(message: str, error: DockerException) -> ConfigError | EngineError:
    if isinstance(error.__cause__, StoreError):
        return ConfigError(
            f"{message}: the credential helper of the Docker configuration failed:"
            f" {error.__cause__}.",
            hint="Mend credsStore or credHelpers in Docker's config.json, or give credentials=…",
        )
    return EngineError(f"{message}: {error}.")


def _auth_config(credentials: Credentials | None) -> dict[str, str | None] | None:
    """None makes the SDK look into the Docker configuration."""
    if credentials is None:
        return None
    return {"username": credentials.username, "password": credentials.password}


def _words(error: APIError) -> str:
    return error.explanation or error.response.reason


def _error_words(event: Mapping[str, Any]) -> str:
    """Give what a line of a stream says went wrong; empty if nothing."""
    return (event.get("errorDetail") or {}).get("message") or event.get("error") or ""


def _without_password(words: str, credentials: Credentials | None) -> str:
    secret = credentials.password if credentials else None
    return words.replace(secret, "…") if secret else words


def _without_values(words: str, env: Sequence[str]) -> str:
    """Take the values out, should the daemon repeat a variable; the longest first."""
    for pair in sorted(env, key=len, reverse=True):
        words = words.replace(pair, f"{pair.partition('=')[0]}=…")
    return words


@contextmanager
def _forgetting() -> Iterator[None]:
    """Let an error go without what led to it.

    The SDK's errors hold the request, which has credentials or environment values in it; and
    ``from None`` only hides them.
    """
    try:
        yield
    except EngineError as error:
        error.__cause__ = error.__context__ = None
        raise


def _stop_if_hung_up(line: Line) -> None:
    if line.hung_up:
        raise HungUpError


@contextmanager
def _client(
    endpoint: Endpoint, version: str, line: Line, timeout_seconds: float
) -> Iterator[docker.APIClient]:
    """Open a client for one conversation: the SDK's are not safe for several threads."""
    try:
        client = docker.APIClient(
            base_url=endpoint.url,
            version=version,
            timeout=timeout_seconds,
            tls=_tls_config(endpoint),
            use_ssh_client=True,  # the user's own ssh, with its agent and configuration
        )
    except InvalidVersion as error:
        raise EngineError(f"{endpoint.shown_url} speaks API {version}: {error}") from error
    except DockerException as error:
        raise ConfigError(f"Cannot use {endpoint.shown_url}: {error}") from error
    # REQUESTS_CA_BUNDLE would beat the daemon's own authority, and .netrc is none of its business
    client.proxies = requests.utils.get_environ_proxies(client.base_url)
    client.trust_env = False
    line.tap(client.get_adapter(client.base_url))
    try:
        yield client
    finally:
        client.close()


def _tls_config(endpoint: Endpoint) -> Any:
    if endpoint.tls is None:
        return False
    directory = endpoint.tls.directory
    return docker.tls.TLSConfig(
        client_cert=(str(directory / "cert.pem"), str(directory / "key.pem")),
        ca_cert=str(directory / "ca.pem"),
        verify=endpoint.tls.verify,
    )
