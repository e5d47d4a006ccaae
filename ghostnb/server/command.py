"""The command ``ghostnb agent``."""

import argparse
import os
import secrets
from collections.abc import Callable

from traitlets.config import Config

from ghostnb.drift.auth.guard import is_loopback
from ghostnb.drift.auth.identity import Role, check_one_role
from ghostnb.drift.server import listen, tls_options
from ghostnb.errors import ConfigError
from ghostnb.fleet import Fleet
from ghostnb.server.app import AgentServer
from ghostnb.server.handler import PREFIX
from ghostnb.server.identity import OWNER, AgentIdentityProvider, check_name
from ghostnb.server.roles import RoleAuthorizer

__all__ = ["run_agent"]

_EXTENSION = "ghostnb.server"


def run_agent(options: argparse.Namespace, say: Callable[[str], None]) -> None:
    """Serve until Ctrl-C.

    Parameters
    ----------
    options : argparse.Namespace
        ``host``, ``port``, ``base_url``, ``allow_host``; ``config``, ``state``, ``daemon``;
        ``htpasswd``, ``admin``, ``developer``; ``tls_cert``, ``tls_key``.
    say : callable
        Shows a line to the user.

    Raises
    ------
    GhostnbError
        If it cannot begin: a port that is taken, a configuration or certificate that cannot be
        used.
    """
    Fleet.from_config(options.config)
    is_encrypted = bool(tls_options(options.tls_cert, options.tls_key))
    bound = listen(options.host, options.port)
    # Out of the environment, which what is started here would have, too.
    given = os.environ.pop("GHOSTNB_TOKEN", "")
    token = given or secrets.token_urlsafe(24)
    scheme = "https" if is_encrypted else "http"
    base_url = f"/{options.base_url.strip('/')}/".replace("//", "/")
    host, port = bound.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host

    def ready() -> None:
        known = "that of GHOSTNB_TOKEN" if given else token
        url = f"{scheme}://{shown}:{port}{base_url.rstrip('/')}{PREFIX}/"
        say(f"The agent: {url} (token: {known})")
        if not (is_encrypted or is_loopback(host)):
            say("Tokens travel unencrypted: give --tls-cert and --tls-key, or put a proxy before.")
        say("Ctrl-C ends it.")

    server = AgentServer.instance(config=_config(options, token, base_url, port), log_level="WARN")
    server.take(bound, ready)
    server.initialize([], find_extensions=False)
    _check(server, options)
    server.start()


def _config(options: argparse.Namespace, token: str, base_url: str, port: int) -> Config:
    config = Config()
    server = config.ServerApp
    server.jpserver_extensions = {_EXTENSION: True}
    server.identity_provider_class = AgentIdentityProvider
    server.authorizer_class = RoleAuthorizer
    server.allow_unauthenticated_access = False
    server.allow_remote_access = "*" in options.allow_host or not is_loopback(options.host)
    server.local_hostnames = ["localhost", *options.allow_host]
    server.base_url, server.port, server.ip = base_url, port, options.host
    server.certfile, server.keyfile = options.tls_cert or "", options.tls_key or ""
    config.AgentIdentityProvider.token = ""
    config.AgentIdentityProvider.owner_token = token
    config.AgentIdentityProvider.users_file = options.htpasswd or ""
    config.RoleAuthorizer.default_role = Role.VIEWER.value if options.htpasswd else ""
    for name, value in (("config_file", options.config), ("daemon", options.daemon)):
        if value:
            config.AgentExtension[name] = value
    if options.state:
        config.AgentExtension.state_dir = options.state
    return config


def _roles(options: argparse.Namespace) -> dict[str, str]:
    check_one_role(options.admin, options.developer)
    for name in (*options.admin, *options.developer):
        check_name(name)
    developers = dict.fromkeys(options.developer, Role.DEVELOPER.value)
    return developers | dict.fromkeys([*options.admin, OWNER], Role.ADMIN.value)


def _check(server: AgentServer, options: argparse.Namespace) -> None:
    identity, authorizer = server.identity_provider, server.authorizer
    if isinstance(identity, AgentIdentityProvider):
        identity.check((*options.admin, *options.developer))
    if isinstance(authorizer, RoleAuthorizer):
        # A file that names roles says nothing of those of the command.
        authorizer.roles = {**_roles(options), **authorizer.roles}
    if "ghostnb" not in server.web_app.settings:
        raise ConfigError("The agent could not be loaded; the log says why.")
