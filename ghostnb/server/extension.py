"""The agent as a Jupyter Server extension."""

import logging
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from jupyter_server.extension.application import ExtensionApp
from traitlets import Bool, Dict, List, Unicode

from ghostnb.auditing import usual_state_dir
from ghostnb.engine import Engine
from ghostnb.fleet import Fleet
from ghostnb.server.agent import Agent
from ghostnb.server.app import AgentServer
from ghostnb.server.audit import AuditTrail
from ghostnb.server.routes import ROUTES, handlers
from ghostnb.server.subscriptions import Subscriptions

__all__ = ["AgentExtension"]

_log = logging.getLogger("ghostnb.server")


class AgentExtension(ExtensionApp):
    """Adds the agent's routes to a Jupyter Server, below ``api/v1``.

    Its options stand in ``jupyter_ghostnb_config.py``, as ``c.AgentExtension.…``.
    """

    name = "ghostnb"
    extension_url = "/"
    load_other_extensions = False

    config_file = Unicode(
        help="A registries.toml other than the usual.",
    ).tag(config=True)
    state_dir = Unicode(
        str(usual_state_dir()),
        help="Where the audit and the records of jobs are kept.",
    ).tag(config=True)
    daemon = Unicode(
        help="The container daemon: a Docker context or an address; by default the usual one.",
    ).tag(config=True)

    webhook_secrets = Dict(
        key_trait=Unicode(),
        value_trait=Unicode(),
        help="By which each source of webhooks proves itself: {'distribution': 'env:NAME'}.",
    ).tag(config=True)
    subscriptions = List(
        Dict(),
        help="Who is sent what happens: [{'url': …, 'secret': 'env:NAME', 'actions': [], "
        "'registries': []}].",
    ).tag(config=True)
    allow_internal_subscriptions = Bool(
        False,
        help="Whether events may be sent to this machine and to link-local addresses.",
    ).tag(config=True)

    routes = ROUTES
    # None where it could not be made: the log says why.
    agent: Agent | None = None

    def initialize_settings(self) -> None:
        """Make what the handlers share."""
        state = Path(self.state_dir)
        server: Any = self.serverapp
        fleet, engine = Fleet.from_config(self.config_file or None), Engine(self.daemon or None)
        subscriptions = Subscriptions.from_config(
            self.subscriptions, allow_internal=self.allow_internal_subscriptions
        )
        audit = AuditTrail(server.event_logger, state / "audit.jsonl")
        with ExitStack() as undo:
            undo.callback(audit.close)
            self.agent = Agent(
                fleet,
                engine,
                audit,
                state,
                subscriptions=subscriptions,
                webhook_secrets=self.webhook_secrets,
            )
            undo.pop_all()

    def initialize_handlers(self) -> None:
        """Add the routes."""
        self.handlers.extend(handlers(is_alone=isinstance(self.serverapp, AgentServer)))

    async def _start_jupyter_server_extension(self, serverapp: Any) -> None:
        if self.agent is not None:
            await self.agent.open()

    async def stop_extension(self) -> None:
        """End what goes on."""
        if self.agent is not None:
            await self.agent.close()
