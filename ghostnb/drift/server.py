"""Drift as a process: uvicorn, a port, and an end."""

import asyncio
import os
import socket
import ssl
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from ghostnb.drift.auth.guard import is_loopback
from ghostnb.drift.connection import SHUTDOWN_SECONDS, protocol_for
from ghostnb.drift.limits import Limits
from ghostnb.errors import ConfigError

__all__ = ["Server", "check_exposure", "listen", "tls_options"]

_BACKLOG = 512


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
        For `Server`; empty if there is none.

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
    """Listen at a port; 0 is any that is free.

    From then on it is nobody else's, and who connects waits until somebody serves.

    Parameters
    ----------
    host : str
    port : int

    Returns
    -------
    socket
        It does not block.

    Raises
    ------
    ConfigError
        If it is taken, may not be had, or is none.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only where the protocol is named: without it an answer's
    # body waits 40 ms for the client's acknowledgement of its headers.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name == "posix":  # elsewhere it would let two have the port
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        # Where two have bound it, it is the first to listen that has it.
        bound.listen(_BACKLOG)
    except (OSError, OverflowError) as e:
        bound.close()
        raise ConfigError(
            f"Port {port} of {host} cannot be had ({getattr(e, 'strerror', None) or e}).",
            hint="Choose another with --port; --port 0 takes any that is free.",
        ) from e
    bound.setblocking(False)
    return bound


class Server:
    """Drift at a port, until it is told to end.

    Parameters
    ----------
    app : Starlette
    bound : socket
        As `listen` gave it.
    limits : Limits
    **options
        Of `uvicorn.Config`: certificates.
    """

    def __init__(
        self, app: Starlette, bound: socket.socket, limits: Limits, **options: Any
    ) -> None:
        self._bound = bound
        config = uvicorn.Config(
            _ending_quietly(app),
            http=protocol_for(limits),
            ws="none",
            lifespan="on",
            log_level="error",
            access_log=False,
            server_header=False,
            # Whoever comes from here could say that he comes from elsewhere, and guess on.
            proxy_headers=False,
            # By then the connections are closed; what has no end is broken off.
            timeout_graceful_shutdown=int(SHUTDOWN_SECONDS) + 1,
            **options,
        )
        self._server = uvicorn.Server(config)

    async def serve(self) -> None:
        """Serve; on the main thread also until a signal ends the process."""
        await self._server.serve(sockets=[self._bound])

    def stop(self) -> None:
        """Let `serve` return when those who are being answered are, or after some seconds.

        May be called on any thread.
        """
        self._server.should_exit = True


def _ending_quietly(app: ASGIApp) -> ASGIApp:
    """Keep uvicorn from telling of what it breaks off itself as of a mistake."""

    async def called(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except asyncio.CancelledError:
            if scope["type"] != "http":
                raise

    return called
