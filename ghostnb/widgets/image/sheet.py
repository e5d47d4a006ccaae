"""One image: what it is, its layers, how it was made, and its manifest."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import traitlets

from ghostnb.client import RegistryClient
from ghostnb.errors import GhostnbError
from ghostnb.fleet import Fleet
from ghostnb.pull_commands import no_pull_reason, pull_commands
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.images import Image
from ghostnb.widgets.base import View
from ghostnb.widgets.sources import javascript, stylesheet
from ghostnb.widgets.states import state
from ghostnb.widgets.tasks import Tasks

__all__ = ["ImageSheet", "Inspected", "OnAct", "OnPull"]

OnPull = Callable[[str, str, str | None], object]
OnAct = Callable[[str, str], object]
# To find the layers that others share, each tag is asked once: not for thousands of them.
_MOST_SIBLINGS = 200
_ADD_IT = "Select another, or add it and retry."


@dataclass(frozen=True, slots=True)
class Inspected:
    """An image that is shown, and where it is."""

    client: RegistryClient
    image: Image

    @property
    def reference(self) -> str:
        """Of just this image, whatever its tag leads to by now."""
        return f"{self.image.repository}@{self.image.digest}"


class ImageSheet(View):
    """What is known of one image without its layers' bytes.

    Parameters
    ----------
    fleet, on_pull, on_create, on_copy, on_delete
        As for `ImageDetails`.
    on_image : callable, optional
        Told what is shown now, as `Inspected`; None while nothing is.

    Attributes
    ----------
    tab : str
        As for `ImageDetails`; for ``Files`` and ``Compare``, the sheet leaves the room below
        to others.
    """

    _esm = javascript("format", "clipboard", "state", "layer_lines", "image_sheet")
    _css = stylesheet("layers", "image_sheet")

    _image = traitlets.Dict().tag(sync=True)
    _state = traitlets.Dict().tag(sync=True)
    _offers: traitlets.List[str] = traitlets.List().tag(sync=True)
    tab = traitlets.Unicode("Overview").tag(sync=True)

    def __init__(
        self,
        fleet: Fleet,
        *,
        on_pull: OnPull | None = None,
        on_create: OnAct | None = None,
        on_copy: OnAct | None = None,
        on_delete: OnAct | None = None,
        on_image: Callable[[Inspected | None], object] = lambda _: None,
    ) -> None:
        acts = {"create": on_create, "copy": on_copy, "delete": on_delete}
        self._acts = {name: act for name, act in acts.items() if act is not None}
        super().__init__(
            _state=state("empty", "Select a tag and inspect it."), _offers=[*self._acts]
        )
        self._fleet = fleet
        self._tasks = Tasks()
        self._wanted: tuple[str, str, str | None] | None = None
        self._on_pull, self._on_image = on_pull, on_image
        self.on_msg(self._answer)

    def show(self, registry: str, reference: str, *, platform: str | None = None) -> None:
        """Show an image.

        Parameters
        ----------
        registry : str
            Its name in the fleet.
        reference : str
            ``repository[:tag][@digest]``.
        platform : str, optional
            As for `RegistryClient.image`.
        """
        self._wanted = registry, reference, platform
        self._tasks.cancel()
        self._on_image(None)
        self._state = state("loading", f"Reading {reference} …")
        self._tasks.spawn(self._load(*self._wanted), key="image", on_error=self._fail)

    def clear(self) -> None:
        """Show nothing."""
        self._tasks.cancel()
        self._on_image(None)
        self._wanted, self._image = None, {}
        self._state = state("empty", "Select a tag and inspect it.")

    @property
    def shown(self) -> tuple[str, str] | None:
        """The registry and the reference that are shown, if any."""
        return None if self._wanted is None else self._wanted[:2]

    def focus(self) -> None:
        """Let the keyboard go on here, unless it is outside of the dashboard."""
        self.send({"kind": "focus"})

    def reveal(self) -> None:
        """Bring what is shown into sight, once it is there."""
        self.send({"kind": "reveal"})

    def close(self) -> None:
        """End what goes on, and the widget."""
        self._tasks.cancel()
        super().close()

    async def _load(self, registry: str, reference: str, platform: str | None) -> None:
        if registry not in self._fleet:
            # A link may name one that is not here, or no longer.
            raise GhostnbError(f"There is no registry {registry} here.", hint=_ADD_IT)
        client = self._fleet[registry]
        image = await client.image(reference, platform=platform)
        # A layout's names are read from the disk.
        commands = await asyncio.to_thread(pull_commands, client.config, image.name, platform)
        if self._wanted != (registry, reference, platform):
            return
        self._image = _described(image, client.config, commands)
        self._state = state("ready")
        self._on_image(Inspected(client, image))
        # Where pulls are counted, nobody's are spent on what was not asked for.
        if client.rate_limit is None:
            work = self._look_for_shared(client, image, commands)
            self._tasks.spawn(work, key="shared", on_error=self._fail_partly)

    async def _look_for_shared(
        self, client: RegistryClient, image: Image, commands: Mapping[str, str]
    ) -> None:
        siblings = await client.tags(image.repository)
        if len(siblings) <= _MOST_SIBLINGS:
            layers = await client.inventory([image.repository], progress=False)
            self._image = _described(image, client.config, commands, _sharing(layers, image))

    def _fail_partly(self, error: GhostnbError) -> None:
        self._state = state("partial", "Which layers other tags share is not known.", str(error))

    def _fail(self, error: GhostnbError) -> None:
        self._image = {}
        self._state = state("error", error.message, error.hint, retry=True)

    def _answer(self, widget: object, message: dict[str, str], buffers: object) -> None:
        if self._wanted is None:
            return
        registry, reference, platform = self._wanted
        kind = message.get("kind", "")
        if kind == "platform":
            self.show(registry, reference, platform=message["platform"])
        elif kind == "retry":
            self.show(registry, reference, platform=platform)
        elif kind == "pull" and self._on_pull is not None:
            self._on_pull(registry, reference, platform)
        elif kind in self._acts:
            self._acts[kind](registry, reference)


def _sharing(layers: pd.DataFrame, image: Image) -> Mapping[str, int]:
    """Count the other tags that have each layer."""
    tags = layers.drop_duplicates(["tag", "digest"])
    return Counter(tags.loc[tags["tag"] != image.tag, "digest"].astype(str))


def _described(
    image: Image,
    config: RegistryConfig,
    commands: Mapping[str, str],
    shared: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    known = shared or {}
    created = pd.to_datetime(image.created, utc=True, errors="coerce")
    return {
        "reference": image.name,
        "digest": str(image.digest),
        "size_bytes": image.size_bytes,
        "created": None if pd.isna(created) else created.timestamp() * 1000,
        "author": image.author,
        "platform": image.platform,
        "platforms": list(image.platforms) or [image.platform or "unknown"],
        "media_type": image.media_type,
        "entrypoint": " ".join(image.entrypoint),
        "cmd": " ".join(image.cmd),
        "ports": ", ".join(image.ports),
        "env": list(image.env),
        "labels": [f"{key}={value}" for key, value in image.labels.items()],
        "layers": [
            {
                "position": layer.position,
                "digest": str(layer.digest),
                "size_bytes": layer.size_bytes,
                "media_type": layer.media_type,
                "created_by": layer.created_by,
                "shared_with": known.get(str(layer.digest), 0),
            }
            for layer in image.layers
        ],
        "history": [
            {
                "created_by": step.entry.created_by,
                "size_bytes": None if step.layer is None else step.layer.size_bytes,
                "empty": step.layer is None,
            }
            for step in image.history
        ],
        "manifest": image.raw_manifest.decode("utf-8", "replace"),
        "commands": dict(commands),
        "no_pull": no_pull_reason(config),
    }
