"""A session's calls about containers. The client is the SDK's; nothing of it is imported."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from ghostnb.engine.log_lines import log_lines
from ghostnb.engine.stats import is_reading
from ghostnb.errors import EngineError

__all__ = ["ContainerSession"]

_NOT_MODIFIED = 304


class ContainerSession:
    """The part of a `Session` that has to do with containers. Blocking; for one thread."""

    _timeout_seconds: float

    if TYPE_CHECKING:  # what the session brings

        def _asking(
            self, action: str, *, env: Sequence[str] = (), **called: str | None
        ) -> AbstractContextManager[Any]: ...

        def _container_error(
            self, action: str, words: str, **called: str | None
        ) -> EngineError: ...

    def containers(self, *, include_stopped: bool) -> list[dict[str, Any]]:
        """List the containers."""
        with self._asking("list the containers") as client:
            return client.containers(all=include_stopped)

    def create_container(self, body: Mapping[str, Any], name: str | None) -> str:
        """Give the new container's id."""
        about = f"create a container of {body['Image']}"
        with self._asking(about, image=body["Image"], name=name, env=body["Env"]) as client:
            return client.create_container_from_config(body, name)["Id"]

    def start(self, container: str) -> None:
        """Start it; one that runs already is an error."""
        action = f"start {container}"
        with self._asking(action, container=container) as client:
            # the SDK's own `start` takes 304, "already started", for success
            reply = client._post(client._url("/containers/{0}/start", container))
            client._raise_for_status(reply)
        if reply.status_code == _NOT_MODIFIED:
            raise self._container_error(action, "already running", container=container)

    def network_driver(self, network: str) -> str:
        """Give the driver of what the daemon finds by that name or id."""
        with self._asking(f"inspect the network {network}") as client:
            return client.inspect_network(network)["Driver"]

    def connect(self, container: str, network: str) -> None:
        """Let it join a network."""
        about = f"connect {container} to {network}"
        with self._asking(about, container=container) as client:
            client.connect_container_to_network(container, network)

    def stop(self, container: str, timeout_seconds: int) -> None:
        """Stop it, and kill it after that time; one that does not run is fine."""
        with self._asking(f"stop {container}", container=container) as client:
            client.stop(container, timeout=timeout_seconds)

    def restart(self, container: str, timeout_seconds: int) -> None:
        """Stop it if it runs, and start it."""
        with self._asking(f"restart {container}", container=container) as client:
            client.restart(container, timeout=timeout_seconds)

    def remove(self, container: str, *, force: bool, with_volumes: bool = False) -> None:
        """Remove it; its volumes without a name only if that is wanted."""
        with self._asking(f"remove {container}", container=container) as client:
            client.remove_container(container, force=force, v=with_volumes)

    def inspect(self, container: str) -> dict[str, Any]:
        """Give all that the daemon knows of it, environment values included."""
        with self._asking(f"inspect {container}", container=container) as client:
            return client.inspect_container(container)

    def stats(self, container: str) -> dict[str, Any]:
        """Give one reading of what it uses; one that does not run is an error.

        Notes
        -----
        Podman's answer is empty for one that does not run, and so are its words for one that
        is not there. Before API 1.41 ``one-shot`` counts for nothing, and takes a second more.
        """
        action = f"give the statistics of {container}"
        with self._asking(action, container=container) as client:
            url = client._url("/containers/{0}/stats", container)
            reply = client._get(url, params={"stream": 0, "one-shot": 1})
            client._raise_for_status(reply)
        reading: dict[str, Any] = reply.json() if reply.text.strip() else {}
        if not is_reading(reading):
            raise self._container_error(action, "it is not running", container=container)
        return reading

    def logs(self, container: str, *, tail: int | None, follow: bool) -> Iterator[str]:
        """Yield the lines of both streams as they come.

        Notes
        -----
        The SDK's own ``logs`` mixes the streams before there are lines, and reads a
        terminal's byte by byte. Before API 1.42 no header says which of the two it is.
        """
        with self._asking(f"give the logs of {container}", container=container) as client:
            is_terminal = client.inspect_container(container)["Config"]["Tty"]
            reply = client._get(
                client._url("/containers/{0}/logs", container),
                params={
                    "stdout": 1,
                    "stderr": 1,
                    "follow": int(follow),
                    "tail": "all" if tail is None else tail,
                },
                stream=True,
                # one that is followed may be silent for as long as it likes
                timeout=(self._timeout_seconds, None if follow else self._timeout_seconds),
            )
            client._raise_for_status(reply)
            yield from log_lines(reply.iter_content(None), multiplexed=not is_terminal)
