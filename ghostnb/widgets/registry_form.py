"""The form that adds a registry."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from ghostnb.client import RegistryClient
from ghostnb.errors import (
    ConfigError,
    ForbiddenError,
    GhostnbError,
    NotFoundError,
    ProtocolError,
    TransportError,
    UnauthorizedError,
)
from ghostnb.fleet import Fleet
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.config_file import key_of
from ghostnb.registries.system_keyring import find_keyring
from ghostnb.registries.vendors import KINDS, check_address, title_of, vendor_at
from ghostnb.widgets.form import Field, Form, Values
from ghostnb.widgets.tasks import Tasks

__all__ = ["RegistryForm"]

_FIELDS = (
    Field(
        "kind",
        "Kind",
        "choice",
        value="auto",
        choices=KINDS,
        choice_names=("Find out", *map(title_of, KINDS[1:])),
        is_watched=True,
    ),
    Field("name", "Name", placeholder="my-registry"),
    Field("url", "URL", placeholder="https://registry.example.com", is_watched=True),
    Field("username", "Username", placeholder="optional"),
    Field("password", "Password", "password", placeholder="optional"),
    Field("namespace", "Namespace"),
    Field("profile", "Profile"),
    Field("token_host", "Token host"),
    Field("insecure", "Allow insecure connections (HTTP)", "checkbox", value=False),
    Field("remember", "Remember (password in the system keyring)", "checkbox", value=False),
)
# They mean something for some kinds alone, and not the same for each.
_OF_SOME = ("namespace", "profile", "token_host")
_TICK = "Use https://, or allow insecure connections below."


class RegistryForm(Form):
    """Asks for a registry's address and credentials, tries them, and adds it.

    Parameters
    ----------
    fleet : Fleet
        Where it is added; saved only on request.
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
            on_change=self._ask_for,
        )
        self._fleet, self._on_added, self._on_closed = fleet, on_added, on_closed
        self._tasks = Tasks()
        self._vendor = vendor_at("auto", "")
        # The address that was filled in for a kind.
        self._own_url = ""
        self.note("remember", "", is_disabled=True)
        self._ask_for({"kind": "auto", "url": ""})

    def reset(self) -> None:
        """Ask anew; offer to remember if there is a keyring now."""
        super().reset()
        self._ask_for({"kind": "auto", "url": ""})
        self._tasks.spawn(self._offer(), key="keyring", on_error=self._offer_nothing)

    async def _offer(self) -> None:
        keyring = await find_keyring()
        self.note("remember", f"In {self._fleet.config_file}, and the password in {keyring}.")

    def _offer_nothing(self, error: GhostnbError) -> None:
        self.note("remember", str(error), is_disabled=True)

    def close(self) -> None:
        """End what goes on, and the widget."""
        self._tasks.cancel()
        super().close()

    def _ask_for(self, values: Values) -> None:
        """Ask for what the vendor needs, as far as kind and address say whose registry it is."""
        url = values["url"].strip()
        vendor = vendor_at(values["kind"], _host_of(url))
        needs = vendor.needs
        if vendor is not self._vendor:
            self._vendor = vendor
            self.fill(**dict.fromkeys(_OF_SOME, ""))
            self.tell()
        # Another kind's one address was typed by nobody.
        if url in ("", self._own_url):
            self._own_url = needs.url if needs.has_one_address else ""
            if url != self._own_url:
                self.fill(url=self._own_url)
        told = vendor.title if needs.documents else ""
        self.note("kind", told and f"{told}: how to log in, see", link=needs.documents)
        self.note("url", "", placeholder=needs.url)
        self.note("username", needs.username)
        self.note("password", needs.password, label=needs.credential_name)
        for field, help_text, label in (
            ("namespace", needs.namespace, needs.namespace_name),
            ("profile", needs.profile, None),
            ("token_host", needs.token_host, None),
        ):
            self.note(field, help_text, is_hidden=not help_text, label=label)

    def _close(self) -> None:
        self._tasks.cancel()
        self.reset()
        self._on_closed()

    def _test(self, values: dict[str, Any]) -> None:
        config = self._config(values)
        if config is not None:
            self.tell(f"Asking {config.url} …", "working")

            def fail(error: GhostnbError) -> None:
                self._fail(error, config)

            self._tasks.spawn(self._try(config), key="test", on_error=fail)

    def _add(self, values: dict[str, Any]) -> None:
        config = self._config(values)
        if config is None:
            return
        try:
            self._fleet.add(config)
        except ConfigError as e:
            self.tell(problems={_field_of(e): str(e)})
            return
        self._tasks.cancel()
        if values["remember"]:
            self.tell(f"Saving {config.name} …", "working")
            work = self._remember(config.name)
            self._tasks.spawn(work, key="remember", on_error=self._fail_to_remember)
        else:
            self._end(config.name)

    async def _remember(self, name: str) -> None:
        try:
            await self._fleet.remember(name)
        except BaseException:  # a cancelled one, too, is asked for anew
            self._fleet.remove(name)
            raise
        self._end(name)

    def _fail_to_remember(self, error: GhostnbError) -> None:
        self.tell(problems={"remember": f"{error} It was not added."})

    def _end(self, name: str) -> None:
        self.reset()
        self._on_added(name)

    async def _try(self, config: RegistryConfig) -> None:
        async with RegistryClient(config) as client:
            ping = await client.ping()
        known = f"as {config.username}" if config.username else "with a login found on this machine"
        who = known if ping.authenticated else "anonymously"
        latency = f"{1000 * ping.latency_seconds:.0f} ms"
        text = f"It answers {who} within {latency}; its kind is {ping.kind}"
        if ping.doubt:
            self.tell(f"{text}, but {ping.doubt}", "error")
        else:
            self.tell(f"{text}.", "good")

    def _config(self, values: dict[str, Any]) -> RegistryConfig | None:
        """Make the configuration, or say at its field what is wrong."""
        given: dict[str, Any] = {
            key: value.strip() or None for key, value in values.items() if isinstance(value, str)
        }
        given["password"] = values["password"] or None
        needs = vendor_at(values["kind"], _host_of(given["url"] or "")).needs
        # What was typed before another kind was chosen, and is not asked for any more.
        for field in _OF_SOME:
            given[field] = given[field] if getattr(needs, field) else None
        problems = {field: "This is needed." for field in ("name", "url") if not given[field]}
        if not problems:
            try:
                config = RegistryConfig(**given, insecure=values["insecure"])
                check_address(config)
                return config
            except ConfigError as e:
                # The error's own hint is for who writes Python, or the file.
                hint = _TICK if "insecure=True" in (e.hint or "") else e.hint
                problems = {_field_of(e): " ".join(filter(None, [e.message, hint]))}
        self.tell(problems=problems)
        return None

    def _fail(self, error: GhostnbError, config: RegistryConfig) -> None:
        if isinstance(error, UnauthorizedError | ForbiddenError):
            self.tell(problems={"password" if config.username else "username": str(error)})
        elif isinstance(error, TransportError | ProtocolError | NotFoundError):
            self.tell(problems={"url": str(error)})
        elif isinstance(error, ConfigError) and key_of(error) == "password":
            self.tell(problems={"password": str(error)})
        else:
            self.tell(str(error), "error")


def _field_of(error: ConfigError) -> str:
    """Find the field that a configuration's error is about."""
    return "username" if error.message.endswith("no username.") else key_of(error)


def _host_of(url: str) -> str:
    """Give the host of what somebody has typed so far; empty if it is none."""
    try:
        return urlsplit(url if "//" in url else f"//{url}").netloc.rpartition("@")[2]
    except ValueError:
        return ""
