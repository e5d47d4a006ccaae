"""The one place that knows the ``docker`` package. Imported in worker threads only."""

import http.client
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import docker
import requests
import urllib3.exceptions
from docker.constants import MINIMUM_DOCKER_API_VERSION
from docker.credentials import StoreError
from docker.errors import APIError, DockerException, InvalidVersion

from ghostnb.engine.container_refusals import container_error
from ghostnb.engine.container_session import ContainerSession
from ghostnb.engine.daemon import Daemon
from ghostnb.engine.endpoints import Endpoint
from ghostnb.engine.line import HungUpError, Line
from ghostnb.engine.refusals import pull_error
from ghostnb.engine.unreachable import reason
from ghostnb.errors import ConfigError, EngineError, EngineUnreachableError
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
    """Who pulls."""

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
        For each wait for an answer; a pull has no limit.
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
        with _forgetting(), self._client() as client, self._translated(f"pull {reference}"):
            refused = None
            try:
                for event in client.pull(
                    name,
                    tag=str(reference.digest or reference.tag or "latest"),
                    platform=platform,
                    auth_config=_auth_config(credentials),
                    stream=True,
                    decode=True,
                ):
                    self._raise_for_event(event, reference, credentials)
                    yield event
            except APIError as error:
                words = error.explanation or error.response.reason
                refused = self._refusal(words, reference, credentials, error.status_code)
            # here, not in the handler: the SDK's error holds the request with its credentials
            if refused is not None:
                raise refused

    @contextmanager
    def _asking(
        self, action: str, *, env: Sequence[str] = (), **called: str | None
    ) -> Iterator[docker.APIClient]:
        """Open a client; a refusal becomes the error that says what to do about it."""
        with _forgetting(), self._client() as client, self._translated(action):
            try:
                yield client
            except APIError as error:
                words = _without_values(error.explanation or error.response.reason, env)
                raise self._container_error(action, words, **called) from None

    def _container_error(self, action: str, words: str, **called: str | None) -> EngineError:
        at = f"{self.daemon.product} at {self.daemon.url}"
        return container_error(f"{at} would not {action}", words, **called)

    def _raise_for_event(
        self, event: Mapping[str, Any], reference: Reference, credentials: Credentials | None
    ) -> None:
        detail = event.get("errorDetail") or {}
        words = detail.get("message") or event.get("error")
        if words:
            raise self._refusal(words, reference, credentials)

    def _refusal(
        self,
        words: str,
        reference: Reference,
        credentials: Credentials | None,
        status: int | None = None,
    ) -> Exception:
        secret = credentials.password if credentials else None
        return pull_error(
            words.replace(secret, "…") if secret else words,
            reference=reference,
            daemon=f"{self.daemon.product} at {self.daemon.url}",
            daemon_status=status,
        )

    @contextmanager
    def _client(self) -> Iterator[docker.APIClient]:
        version = self.daemon.api_version
        with _client(self.endpoint, version, self._line, self._timeout_seconds) as client:
            yield client

    @contextmanager
    def _translated(self, action: str) -> Iterator[None]:
        at = f"{self.daemon.product} at {self.daemon.url}"
        try:
            yield
        except APIError as error:
            words = error.explanation or error.response.reason
            raise EngineError(f"{at} would not {action}: {words}.") from error
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
