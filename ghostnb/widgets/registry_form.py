"""The form that adds a registry."""

from collections.abc import Callable
from typing import Any

from ghostnb.client import RegistryClient
from ghostnb.errors import ConfigError, GhostnbError, TransportError, UnauthorizedError
from ghostnb.fleet import Fleet
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.config_file import key_of
from ghostnb.registries.vendors import KINDS
from ghostnb.widgets.form import Field, Form
from ghostnb.widgets.tasks import Tasks

__all__ = ["RegistryForm"]

_FIELDS = (
    Field("name", "Name", placeholder="my-registry"),
    Field("url", "URL", placeholder="https://registry.example.com"),
    Field("username", "Username", placeholder="optional"),
    Field("password", "Password", "password", placeholder="optional"),
    Field("insecure", "Allow insecure connections (HTTP)", "checkbox", value=False),
    Field("kind", "Kind", "choice", value="auto", choices=KINDS),
)


class RegistryForm(Form):
    """Asks for a registry's address and credentials, tries them, and adds it.

    Parameters
    ----------
    fleet : Fleet
        Where it is added; nothing is saved.
    on_added : callable
        Told the registry's name.
    on_closed : callable
        Told that nothing is to be added.
    """

    def __init__(
        self, fleet: Fleet, *, on_added: Callable[[str], object], on_closed: Callable[[], object]
    ) -> None:
        super().__init__(
            "Add registry",
            _FIELDS,
            {"Add": self._add, "Test connection": self._test, "Cancel": lambda _: self._close()},
        )
        self._fleet, self._on_added, self._on_closed = fleet, on_added, on_closed
        self._tasks = Tasks()

    def _close(self) -> None:
        self._tasks.cancel()
        self.reset()
        self._on_closed()

    def _test(self, values: dict[str, Any]) -> None:
        config = self._config(values)
        if config is not None:
            self.tell(f"Asking {config.url} …", "working")
            self._tasks.spawn(self._try(config), key="test", on_error=self._fail)

    def _add(self, values: dict[str, Any]) -> None:
        config = self._config(values)
        if config is None:
            return
        try:
            self._fleet.add(config)
        except ConfigError as e:
            self.tell(problems={"name": str(e)})
            return
        self._tasks.cancel()
        self.reset()
        self._on_added(config.name)

    async def _try(self, config: RegistryConfig) -> None:
        async with RegistryClient(config) as client:
            ping = await client.ping()
        who = f"as {config.username}" if ping.authenticated else "anonymously"
        latency = f"{1000 * ping.latency_seconds:.0f} ms"
        self.tell(f"It answers {who} within {latency}; its kind is {ping.kind}.", "good")

    def _config(self, values: dict[str, Any]) -> RegistryConfig | None:
        """Make the configuration, or say at its field what is wrong."""
        given: dict[str, Any] = {
            key: value.strip() or None for key, value in values.items() if isinstance(value, str)
        }
        given["password"] = values["password"] or None
        problems = {field: "This is needed." for field in ("name", "url") if not given[field]}
        if not problems:
            try:
                return RegistryConfig(**given, insecure=values["insecure"])
            except ConfigError as e:
                problems = {_field_of(e): str(e)}
        self.tell(problems=problems)
        return None

    def _fail(self, error: GhostnbError) -> None:
        field = "password" if isinstance(error, UnauthorizedError) else "url"
        if isinstance(error, TransportError | UnauthorizedError):
            self.tell(problems={field: str(error)})
        else:
            self.tell(str(error), "error")


def _field_of(error: ConfigError) -> str:
    """Find the field that a configuration's error is about."""
    return "username" if error.message.endswith("no username.") else key_of(error)
