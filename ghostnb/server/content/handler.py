"""Requests for content: let in by the agent, answered by the distribution protocol."""

import asyncio
import logging
import re
from collections.abc import Coroutine
from typing import Any
from urllib.parse import quote

from starlette.types import Message
from tornado import web
from tornado.iostream import StreamClosedError

from ghostnb.errors import GhostnbError
from ghostnb.server.content.asgi import headers_of, scope_of
from ghostnb.server.content.passage import Passage
from ghostnb.server.content.refusals import refused_by_agent
from ghostnb.server.failures import Failure, failure_of
from ghostnb.server.handler import AgentHandler
from ghostnb.server.operations import Operation

__all__ = ["ContentHandler"]

_log = logging.getLogger("ghostnb.server")
# A blob may have any size, and take any time; who sends too little is found below.
_MAX_BODY_BYTES = 2**62
_READ = Operation("content.read", "Read what a registry holds")
_PUSH = Operation("content.push", "Push to a registry", action="write")
_DELETE = Operation(
    "content.delete", "Delete from a registry", action="write", resource="ghostnb.deletions"
)
_OPERATIONS = {
    "GET": _READ,
    "HEAD": _READ,
    "POST": _PUSH,
    "PUT": _PUSH,
    "PATCH": _PUSH,
    "DELETE": _DELETE,
}
_EVENTS = {"PUT": "push", "DELETE": "delete"}
_PLACE = re.compile(
    r"(?P<repository>.+)/(?:manifests/(?P<reference>[^/]+)"
    r"|blobs/(?P<uploads>uploads(?:/[^/]*)?)|blobs/(?P<digest>[^/]+))"
)


class ContentHandler(AgentHandler):
    """Passes a request on to the application of its registry, and its answer back.

    Both go piece by piece, no faster than they are taken.
    """

    auth_resource = "ghostnb.content"

    def initialize(self, name: str, **options: Any) -> None:
        """Begin with a request that is on its way to nobody."""
        super().initialize(name, **options)
        self._place: dict[str, str] = {}
        self._passage: Passage | None = None
        self._sending: asyncio.Future[None] | None = None
        self._answered: dict[str, str] = {}
        self._is_whole = False

    @property
    def operation(self) -> Operation | None:
        """What is asked for; who may push may also give up an upload."""
        found = _OPERATIONS.get(self.request.method or "")
        return _PUSH if found is _DELETE and "uploads" in self._place else found

    async def prepare(self) -> None:  # type: ignore[override]
        """See who asks, and whether he may, before anything of the body is taken."""
        registry, path = self.path_kwargs["registry"], self.path_kwargs["path"]
        self._place = _place_of(path)
        self.about(registry=registry, **_named(self._place))
        await super().prepare()
        await self.require(self.known_operation().action, self._resource)
        self._client = self.agent.client(registry)
        app = self.agent.contents.app(self._client)
        self._passage = Passage(app, scope_of(self.request, path))
        self._sending = asyncio.ensure_future(self._send(self._passage))

    def data_received(self, chunk: bytes) -> Coroutine[Any, Any, None] | None:  # type: ignore[override]
        """Hand a piece of the body over; the next one is read when that has room."""
        return self._passage.put(chunk) if self._passage is not None else None

    @web.authenticated
    async def get(self, registry: str, path: str) -> None:
        """Wait for the answer's end; it is on its way since the request's headers have come."""
        if self._passage is not None and self._sending is not None:
            self._passage.end_body()
            await self._sending

    head = post = put = patch = delete = get

    def on_connection_close(self) -> None:
        """Take note that nobody is there any more."""
        super().on_connection_close()
        self._leave()

    def failure_answer(self, failure: Failure) -> Any:
        """Refuse as registries do: who pushes understands that."""
        return refused_by_agent(failure)

    async def _send(self, passage: Passage) -> None:
        """Answer as the application does; taken to its end, also if nobody is there any more."""
        try:
            async for message in passage.messages():
                await self._pass_back(message)
            await passage.finish()
        except Exception as e:
            self._break_off(e)
        if not self._finished:
            kind = self._answered.get("content-type", "application/json")
            self.finish(set_content_type=kind)

    async def _pass_back(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._begin(message)
            return
        self._is_whole = not message.get("more_body", False)
        if self._has_left.is_set():
            return
        if body := message.get("body"):
            self.write(body)
        # The last goes with the end: what was done is remembered before that.
        if self._is_whole:
            return
        try:
            await self.flush_in_time()
        except StreamClosedError:
            self._leave()

    def _begin(self, message: Message) -> None:
        prefix = f"{self.routes_url}/registries/{quote(self._about['registry'])}"
        self._answered = dict(headers_of(message, prefix))
        self.set_status(message["status"])
        self.clear_header("Content-Type")
        self.set_header("X-Request-Id", self.request_id)
        for name, value in self._answered.items():
            self.set_header(name, value)
        reference, action = self._place.get("reference"), _EVENTS.get(self.request.method or "")
        if reference and action and message["status"] < 300:
            # Before the answer: whoever has it may list what is there.
            self._tell(action, reference)

    def _break_off(self, error: Exception) -> None:
        """Tell of what failed: the client by a status, or by an end that is missing."""
        self._leave()
        if self._passage is not None:
            self._passage.cancel()
        if isinstance(error, GhostnbError):
            _log.warning("%s %s broke off: %s", self.request.method, self.request.path, error)
        elif self._is_whole:
            _log.error("%s %s failed.", self.request.method, self.request.path, exc_info=error)
        if not self._is_whole:
            if not self._headers_written:
                self.clear()
            self.fail(failure_of(error), error)

    def _leave(self) -> None:
        self._has_left.set()
        if self._passage is not None:
            self._passage.leave()

    def _tell(self, action: str, reference: str) -> None:
        client = self._client
        is_digest = ":" in reference
        self.agent.done(
            action,
            actor=self.actor,
            registry=client.name,
            repository=client.registry.repository(self._place["repository"]),
            tag=None if is_digest else reference,
            digest=reference if is_digest else self._answered.get("docker-content-digest"),
            media_type=self.request.headers.get("Content-Type") if action == "push" else None,
        )

    def _log(self) -> None:
        # An answer like any other: who pushes asks for each blob first.
        if self.get_status() != 404:
            super()._log()

    def _bound_body(self) -> None:
        connection: Any = self.request.connection
        connection.set_body_timeout(None)
        connection.set_max_body_size(_MAX_BODY_BYTES)

    def _methods(self) -> list[str]:
        return list(_OPERATIONS)


def _place_of(path: str) -> dict[str, str]:
    """Say what a path is about: only what there is of it."""
    found = _PLACE.fullmatch(path)
    return {name: text for name, text in found.groupdict().items() if text} if found else {}


def _named(place: dict[str, str]) -> dict[str, str]:
    """Give the names by which the audit remembers a place."""
    names = {"repository": place.get("repository"), "digest": place.get("digest")}
    if reference := place.get("reference"):
        names["digest" if ":" in reference else "tag"] = reference
    return {name: text for name, text in names.items() if text}
