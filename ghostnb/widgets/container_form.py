"""The form that creates a container."""

from collections.abc import Callable
from typing import Any

from ghostnb.engine import ContainerSpec, Engine
from ghostnb.errors import GhostnbError, InvalidContainerError
from ghostnb.widgets.activity.own import OnEvent, failed_event, own_event
from ghostnb.widgets.form import Field, Form
from ghostnb.widgets.tasks import Tasks

__all__ = ["ContainerForm"]

_FIELDS = (
    Field("image", "Image", placeholder="localhost:5000/team/app:1.0"),
    Field("name", "Name", placeholder="chosen by the daemon"),
    Field("command", "Command", placeholder="the image's own"),
    Field("ports", "Ports", "lines", placeholder="8080:80", help="One a line: HOST:CONTAINER"),
    Field("volumes", "Volumes", "lines", placeholder="data:/var/lib/data:ro"),
    Field("env", "Environment", "lines", placeholder="NAME=value"),
    Field("network", "Network", placeholder="the daemon's default"),
    Field(
        "restart_policy",
        "Restart policy",
        "choice",
        value="no",
        choices=("no", "always", "unless-stopped", "on-failure"),
    ),
)


class ContainerForm(Form):
    """Asks what a container is to be like, and has it made.

    Parameters
    ----------
    engine : Engine
    on_created : callable, optional
        Told the container's id.
    on_closed : callable, optional
        Told that none is to be made.
    on_event : callable, optional
        Told the event of a container that was created, or could not be.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        on_created: Callable[[str], object] | None = None,
        on_closed: Callable[[], object] | None = None,
        on_event: OnEvent = lambda _: None,
    ) -> None:
        super().__init__(
            "Create container",
            _FIELDS,
            {"Create": self._create, "Cancel": lambda _: self._close()},
        )
        self._engine, self._on_created, self._on_closed = engine, on_created, on_closed
        self._on_event = on_event
        self._tasks = Tasks()

    def ask(self, image: str) -> None:
        """Ask anew, for this image."""
        self.reset()
        self.fill(image=image)

    def close(self) -> None:
        """End what goes on, and the widget."""
        self._tasks.cancel()
        super().close()

    def _close(self) -> None:
        self._tasks.cancel()
        self.reset()
        if self._on_closed is not None:
            self._on_closed()

    def _create(self, values: dict[str, Any]) -> None:
        try:
            spec = ContainerSpec.parse(**values)
        except InvalidContainerError as e:
            self.tell("Nothing was created.", "error", e.problems)
            return
        self.tell(f"Creating a container of {spec.image} …", "working")

        def fail(error: GhostnbError) -> None:
            self.tell(str(error), "error")

        self._tasks.spawn(self._make(spec), key="create", on_error=fail)

    async def _make(self, spec: ContainerSpec) -> None:
        try:
            created = await self._engine.create_container(spec)
        except GhostnbError as e:
            self._on_event(failed_event("container-create", e))
            raise
        self.tell(f"Created {created[:12]}.", "good")
        text = f"{spec.name or created[:12]} was created of {spec.image}."
        self._on_event(own_event("container-create", text))
        if self._on_created is not None:
            self._on_created(created)
