"""What every handler of the agent is made of: reading, answering, failing, and being remembered."""

import asyncio
import logging
import re
import secrets
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from jupyter_core.utils import ensure_async
from jupyter_server.base.handlers import APIHandler
from jupyter_server.extension.handler import ExtensionHandlerMixin
from tornado import web
from tornado.iostream import StreamClosedError

from ghostnb.server.answers import FailureAnswer
from ghostnb.server.failures import Failure, FailureError, failure_of
from ghostnb.server.operations import Operation, operations_of

if TYPE_CHECKING:
    from ghostnb.server.agent import Agent

__all__ = ["PREFIX", "AgentHandler"]

PREFIX = "/api/v1"
"""Where the agent's routes stand below the server's own address."""

_log = logging.getLogger("ghostnb.server")
_MAX_BODY_BYTES = 2**20
# Who takes longer to send so little is not waited for.
_BODY_SECONDS = 30.0
# Who takes nothing for so long keeps others waiting for nothing.
_IDLE_SECONDS = 60.0
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
# What Jupyter Server itself reads of a query.
_JUPYTER = frozenset({"token", "_xsrf", "no_track_activity"})
_CHALLENGES = 'Bearer realm="ghostnb"'
_SAY = "Say who you are: send Authorization: Bearer TOKEN."
_UNKNOWN = "Nobody has this token or password here."
_encoder = msgspec.json.Encoder(enc_hook=str)

Asked = TypeVar("Asked")


@web.stream_request_body
class AgentHandler(ExtensionHandlerMixin, APIHandler):
    """A handler of the agent.

    Its methods are operations (`ghostnb.server.operations`), which parse, await and write.
    """

    auth_resource = "ghostnb"
    max_body_bytes = _MAX_BODY_BYTES
    _track_activity = False

    def initialize(self, name: str, **options: Any) -> None:
        """Begin with a request of which nothing is known yet."""
        super().initialize(name, **options)
        self._raw_body = bytearray()
        self._is_too_large = False
        self._about: dict[str, str] = {}
        self._failure: Failure | None = None
        self._refused_resource: str | None = None
        self._has_left = asyncio.Event()
        given = self.request.headers.get("X-Request-Id", "")
        self.request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)

    @property
    def agent(self) -> "Agent":
        """What all handlers share."""
        return self.extensionapp.agent  # type: ignore[attr-defined]

    @property
    def routes_url(self) -> str:
        """Where the agent's routes stand, without the host."""
        return f"{self.base_url.rstrip('/')}{PREFIX}"

    @property
    def operation(self) -> Operation | None:
        """Which operation is asked for; None for a method that there is not."""
        if self.request.method not in self.SUPPORTED_METHODS:
            return None
        return getattr(getattr(self, self.request.method.lower(), None), "operation", None)

    def known_operation(self) -> Operation:
        """Give the operation that is asked for.

        Raises
        ------
        tornado.web.HTTPError
            405, if there is none.
        """
        found = self.operation
        if found is None:
            raise web.HTTPError(405, f"There is no {self.request.method} here.")
        return found

    @property
    def actor(self) -> str | None:
        """Who asks; None as long as that is not known."""
        user = getattr(self, "_jupyter_current_user", None)
        return user.username if user else None

    async def prepare(self) -> None:  # type: ignore[override]
        """Find out who asks, before anything is read."""
        self._bound_body()
        self.known_operation()
        if not self.check_host():
            raise web.HTTPError(403, "The agent is not addressed by this name: see --allow-host.")
        try:
            await super().prepare()
        except web.HTTPError as e:
            if e.status_code == 403:
                self._check_known(e)
            raise
        self._check_known(None)

    def _check_known(self, cause: Exception | None) -> None:
        is_open = self.operation is not None and self.operation.is_open
        if self.actor is None and not is_open:
            is_said = "Authorization" in self.request.headers
            raise web.HTTPError(401, _UNKNOWN if is_said else _SAY) from cause

    async def may(self, action: str, resource: str) -> bool:
        """Tell whether who asks may also do this."""
        user = self.current_user
        allowed: bool = await ensure_async(
            self.authorizer.is_authorized(self, user, action, resource)
        )
        return allowed

    async def require(self, action: str, resource: str) -> None:
        """Go on only for who may also do this.

        Raises
        ------
        FailureError
            403, for everybody else.
        """
        if not await self.may(action, resource):
            self._refused_resource = resource
            right = f"the right to {action} {resource}"
            message = f"{self.actor}'s role does not allow it: it needs {right}."
            raise FailureError(403, "forbidden", message)

    @property
    def has_begun(self) -> bool:
        """True if a part of the answer is on its way already."""
        return bool(self._headers_written)

    async def flush_in_time(self) -> None:
        """Wait until the network has taken what was written; who takes nothing is let go of.

        Raises
        ------
        StreamClosedError
            If nobody is there any more, or takes anything.
        """
        try:
            await asyncio.wait_for(self.flush(), _IDLE_SECONDS)
        except TimeoutError as e:
            self.request.connection.stream.close()  # type: ignore[union-attr]
            raise StreamClosedError from e

    def note_left(self) -> None:
        """Note that who asked has left before he was answered."""
        self._failure = Failure(499, "left", "Nobody is there any more.")
        self.set_status(499, "Left")

    async def left(self) -> None:
        """Wait until nobody is there any more to be answered."""
        await self._has_left.wait()

    def on_connection_close(self) -> None:
        """Note that whoever asked has left."""
        super().on_connection_close()
        self._has_left.set()

    def check_xsrf_cookie(self) -> None:
        """Ask for the page's own token only where a cookie says who asks.

        Whoever is known by a token, or proves himself in another way, is no browser that was
        tricked into it.
        """
        is_open = self.operation is not None and self.operation.is_open
        if self.actor is None or is_open or self.token_authenticated:
            return
        super().check_xsrf_cookie()

    def data_received(self, chunk: bytes) -> None:
        """Keep what comes, up to the bound."""
        if len(self._raw_body) + len(chunk) > self.max_body_bytes:
            self._is_too_large = True
        if not self._is_too_large:
            self._raw_body += chunk

    @property
    def raw_body(self) -> bytes:
        """The body that came.

        Raises
        ------
        FailureError
            413, if it is too large.
        """
        if self._is_too_large:
            raise _too_large(self.max_body_bytes)
        return bytes(self._raw_body)

    def body_as(self, kind: type[Asked]) -> Asked:
        """Read the body.

        Raises
        ------
        FailureError
            413, 415, 400 for what is no JSON, 422 for what says something else; none of them
            shows what came.
        """
        raw = self.raw_body
        media_type = self.request.headers.get("Content-Type", "").partition(";")[0].strip()
        if media_type.lower() != "application/json":
            message = "The body must be JSON: send Content-Type: application/json."
            raise FailureError(415, "unsupported_media_type", message)
        try:
            return msgspec.json.decode(raw, type=kind)
        except msgspec.ValidationError as e:
            raise FailureError(422, "invalid_body", f"The body is not as it should be: {e}.") from e
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
            raise FailureError(400, "invalid_json", f"The body is no JSON: {e}.") from e

    def query_as(self, kind: type[Asked]) -> Asked:
        """Read the query.

        Raises
        ------
        FailureError
            422, for a field that is not known, given twice or wrong.
        """
        given: dict[str, str] = {}
        for name, value in parse_qsl(self.request.query, keep_blank_values=True):
            if name in given:
                message = f"The query has {name[:64]!r} twice."
                raise FailureError(422, "invalid_query", message)
            if name not in _JUPYTER:
                given[name] = value
        try:
            return msgspec.convert(given, kind, strict=False)
        except msgspec.ValidationError as e:
            message = f"The query is not as it should be: {e}."
            raise FailureError(422, "invalid_query", message) from e

    def about(self, **names: str) -> None:
        """Remember what the request is about, for the audit."""
        self._about.update(names)

    def answer(self, answer: Any, status: int = 200) -> None:
        """Write an answer and end."""
        self.set_status(status)
        self.set_header("X-Request-Id", self.request_id)
        self.finish(_encoder.encode(answer))

    def fail(self, failure: Failure, error: BaseException | None = None) -> None:
        """Write what is wrong and end."""
        if failure.status == 500:
            _log.error("%s %s failed.", self.request.method, self.request.path, exc_info=error)
        self._failure = failure
        if self.has_begun:  # a stream that breaks off: its end is missing
            self.request.connection.stream.close()  # type: ignore[union-attr]
            return
        if failure.status == 401:
            self.set_header("WWW-Authenticate", _CHALLENGES)
        for name, value in failure.headers.items():
            self.set_header(name, value)
        self.answer(self.failure_answer(failure), failure.status)

    def failure_answer(self, failure: Failure) -> Any:
        """Give what says what is wrong."""
        problems = failure.problems or msgspec.UNSET
        return FailureAnswer(message=failure.message, code=failure.code, problems=problems)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer what was raised outside of an operation."""
        info = kwargs.get("exc_info")
        error = info[1] if info else web.HTTPError(status_code)
        if isinstance(error, web.HTTPError) and status_code == 405:
            self.set_header("Allow", ", ".join(self._methods()))
        self.fail(failure_of(error), error)

    def log_exception(self, *info: Any) -> None:
        """Leave it to the log of requests, which shows no token; `fail` logs mistakes."""

    def compute_etag(self) -> None:
        """Give none: what is answered is never the same for long."""

    def finish(self, *args: Any, **kwargs: Any) -> Any:
        """Have it remembered what was done, or refused, and only then end the answer."""
        self._remember()
        return super().finish(*args, **kwargs)

    def _remember(self) -> None:
        if self.operation is None:
            return
        status = self.get_status()
        if not (self.operation.is_audited or status in (401, 403)):
            return
        self.agent.audit.note(
            action=self.operation.name,
            actor=self.actor,
            # What strangers write is not kept.
            about=self._about if self.actor is not None or self.operation.is_open else {},
            status=status,
            code=self._failure.code if self._failure else None,
            request_id=self.request_id,
            address=self.request.remote_ip,
            resource=self._resource,
        )

    @property
    def _resource(self) -> str:
        """What the roles decided about; where they refused, what was lacking."""
        own = self.operation.resource if self.operation else None
        return self._refused_resource or own or self.auth_resource

    def _bound_body(self) -> None:
        connection: Any = self.request.connection
        connection.set_body_timeout(_BODY_SECONDS)
        length = self.request.headers.get("Content-Length", "")
        if length.isdigit() and int(length) > self.max_body_bytes:
            # Said before it comes; what comes nevertheless is thrown away, not kept.
            self._is_too_large = True
            self.set_header("Connection", "close")
            raise web.HTTPError(413, str(_too_large(self.max_body_bytes)))

    def _methods(self) -> list[str]:
        return [name.upper() for name in operations_of(type(self))]


def _too_large(limit: int) -> FailureError:
    return FailureError(413, "too_large", f"The body is larger than {limit:,} bytes.")
