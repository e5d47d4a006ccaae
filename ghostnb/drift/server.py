"""Drift as a process: uvicorn, a port, and an end."""

import socket
import ssl
from typing import Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ghostnb.drift.auth.guard import is_loopback
from ghostnb.drift.service import Limits
from ghostnb.errors import ConfigError

__all__ = ["check_exposure", "listen", "serve", "tls_options"]

_SHUTDOWN_SECONDS = 5


def check_exposure(host: str, *, has_users: bool, allow_anonymous: bool) -> None:
    """Refuse to let other machines in without asking who they are.

    Raises
    ------
    ConfigError
    """
    if has_users or allow_anonymous or is_loopback(host):
        return
    raise ConfigError(
        f"Listening on {host} would let everyone who reaches this machine push and delete.",
        hint="Configure users with --htpasswd FILE, or say --allow-anonymous if that is meant.",
    )


def tls_options(certificate: str | None, key: str | None) -> dict[str, Any]:
    """Check a certificate and its key.

    Parameters
    ----------
    certificate, key : str or None
        PEM files; the certificate's may hold the authorities between, too.

    Returns
    -------
    dict
        For `serve`; empty if there is none.

    Raises
    ------
    ConfigError
        If they cannot be read, or do not belong together.
    """
    if not certificate and not key:
        return {}
    if not certificate or not key:
        raise ConfigError("--tls-cert and --tls-key need each other.", hint="Give both.")
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # Asked for a password only if the key is encrypted: nobody could give it here.
        context.load_cert_chain(certificate, key, password=lambda: b"")
    except (OSError, ValueError) as e:
        reason = getattr(e, "reason", None) or getattr(e, "strerror", None) or str(e)
        raise ConfigError(
            f"{certificate} and {key} cannot be used for TLS ({reason}).",
            hint="They must be a PEM certificate and the unencrypted private key that it is of.",
        ) from e
    return {"ssl_certfile": certificate, "ssl_keyfile": key}


def listen(host: str, port: int) -> socket.socket:
    """Bind a port; 0 is any that is free.

    Raises
    ------
    ConfigError
        If it is taken, or may not be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only where the protocol is named: without it an answer's
    # body waits 40 ms for the client's acknowledgement of its headers.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as e:
        bound.close()
        raise ConfigError(
            f"Port {port} of {host} cannot be had ({e.strerror or e}).",
            hint="Choose another with --port; --port 0 takes any that is free.",
        ) from e
    return bound


async def serve(app: Starlette, bound: socket.socket, limits: Limits, **options: Any) -> None:
    """Serve until the process is told to end.

    Parameters
    ----------
    app : Starlette
    bound : socket
        As `listen` gave it.
    limits : Limits
    **options
        Of `uvicorn.Config`: certificates.
    """

    class Protocol(_CarefulProtocol):
        max_header_bytes = limits.header_bytes

    config = uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        lifespan="on",
        log_level="error",
        access_log=False,
        server_header=False,
        # Whoever comes from here could say that he comes from elsewhere, and guess on.
        proxy_headers=False,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        **options,
    )
    await uvicorn.Server(config).serve(sockets=[bound])


class _CarefulProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with an end to the headers that it takes."""

    max_header_bytes = 64 * 1024
    # Of one request: bytes that came before its headers were complete, and of its headers alone.
    _pending_bytes = 0
    _header_bytes = 0

    def data_received(self, data: bytes) -> None:
        if self._pending_bytes >= 0:
            self._pending_bytes += len(data)
        super().data_received(data)
        # Still counted: a header goes on and on, of which the parser has said nothing yet.
        if self._pending_bytes > self.max_header_bytes and not self.transport.is_closing():
            self._refuse()

    def on_message_begin(self) -> None:
        self._header_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + 4)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._pending_bytes = -1
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._pending_bytes = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        if self._header_bytes > self.max_header_bytes:
            self._refuse()
        else:
            super().send_400_response(msg)

    def _count(self, size_bytes: int) -> None:
        self._header_bytes += size_bytes
        if self._header_bytes > self.max_header_bytes:
            # The parser stops at this, and `send_400_response` answers.
            raise ValueError("the headers are too large")

    def _refuse(self) -> None:
        self.transport.write(
            b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
            b"content-length: 0\r\nconnection: close\r\n\r\n"
        )
        self.transport.close()
