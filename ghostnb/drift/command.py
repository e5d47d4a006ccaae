"""The command ``ghostnb drift``."""

import argparse
import asyncio
from collections.abc import Callable
from pathlib import Path

import platformdirs

from ghostnb.drift.app import create_app
from ghostnb.drift.auth.access import KnownUsers
from ghostnb.drift.auth.guard import checked_public_url, is_loopback
from ghostnb.drift.auth.identity import Role, check_one_role
from ghostnb.drift.auth.tokens import read_key
from ghostnb.drift.auth.users import Users
from ghostnb.drift.limits import Limits
from ghostnb.drift.server import Server, check_exposure, listen, tls_options
from ghostnb.errors import ConfigError
from ghostnb.registries.layout import LayoutRegistry

__all__ = ["default_root", "run_drift"]


def default_root() -> Path:
    """Say where Drift keeps its content unless told: in the user's data directory."""
    return platformdirs.user_data_path("ghostnb") / "drift"


def run_drift(options: argparse.Namespace, say: Callable[[str], None]) -> None:
    """Serve until Ctrl-C.

    Parameters
    ----------
    options : argparse.Namespace
        ``root``, ``host``, ``port``, ``public_url``; ``htpasswd``, ``admin``,
        ``developer``, ``anonymous_pull``, ``allow_anonymous``; ``tls_cert``,
        ``tls_key``.
    say : callable
        Shows a line to the user.

    Raises
    ------
    GhostnbError
        If it cannot begin: a port that is taken, a directory that is none,
        users or a certificate that cannot be read.
    """
    check_exposure(
        options.host, has_users=bool(options.htpasswd), allow_anonymous=options.allow_anonymous
    )
    public_url = checked_public_url(options.public_url) if options.public_url else ""
    tls = tls_options(options.tls_cert, options.tls_key)
    access = _access(options, public_url)
    limits = Limits()
    registry = LayoutRegistry(options.root or default_root(), name="drift")
    app = create_app(
        registry,
        access=access,
        limits=limits,
        public_url=public_url,
        local_only=is_loopback(options.host) and (access is None or access.anonymous_pull),
    )
    asyncio.run(registry.prepare())
    bound = listen(options.host, options.port)
    host, port = bound.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    place = registry.url.removeprefix("oci:")
    say(f"Drift serves {place} at {'https' if tls else 'http'}://{shown}:{port}")
    if access is not None and not (tls or is_loopback(host) or public_url.startswith("https:")):
        say("Passwords travel unencrypted: give --tls-cert and --tls-key, or put a proxy before.")
    asyncio.run(Server(app, bound, limits, **tls).serve())


def _access(options: argparse.Namespace, public_url: str) -> KnownUsers | None:
    """Give who may do what; None if there are no users."""
    roles = _roles(options.admin, options.developer)
    if not options.htpasswd:
        if roles or options.anonymous_pull:
            raise ConfigError(
                "--admin, --developer and --anonymous-pull say what users may do; there are none.",
                hint="Name their file: --htpasswd FILE; a line of it is made by htpasswd -nB USER.",
            )
        return None
    return KnownUsers(
        Users(Path(options.htpasswd), roles),
        read_key(platformdirs.user_data_path("ghostnb") / "drift-tokens.key"),
        anonymous_pull=options.anonymous_pull,
        public_url=public_url,
    )


def _roles(admins: list[str], developers: list[str]) -> dict[str, Role]:
    check_one_role(admins, developers)
    return dict.fromkeys(developers, Role.DEVELOPER) | dict.fromkeys(admins, Role.ADMIN)
