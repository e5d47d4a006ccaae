"""One image: what it is, its layers and files, how it was made, and what another has instead."""

import traitlets

from ghostnb.fleet import Fleet
from ghostnb.widgets.base import Panels
from ghostnb.widgets.image.comparison import ImageComparison
from ghostnb.widgets.image.files import ImageFiles
from ghostnb.widgets.image.sheet import ImageSheet, Inspected, OnAct, OnPull

__all__ = ["ImageDetails"]


class ImageDetails(Panels):
    """What is known of one image.

    Parameters
    ----------
    fleet : Fleet
    on_pull, on_create : callable, optional
        Told the registry's name and the reference that is to be pulled, or of
        which a container is to be made; for a pull also the platform that was
        chosen, None for the daemon's own.
    on_copy, on_delete : callable, optional
        Told the registry's name and the reference that is to be copied elsewhere, or
        deleted; there is a button for each that is given.

    Attributes
    ----------
    tab : str
        ``Overview``, ``Layers``, ``History``, ``Files``, ``Manifest`` or ``Compare``.
    """

    tab = traitlets.Unicode("Overview")

    def __init__(
        self,
        fleet: Fleet,
        *,
        on_pull: OnPull | None = None,
        on_create: OnAct | None = None,
        on_copy: OnAct | None = None,
        on_delete: OnAct | None = None,
    ) -> None:
        self._files = ImageFiles()
        self._comparison = ImageComparison(fleet)
        self._inspected: Inspected | None = None
        self._sheet = ImageSheet(
            fleet,
            on_pull=on_pull,
            on_create=on_create,
            on_copy=on_copy,
            on_delete=on_delete,
            on_image=self._take,
        )
        super().__init__([self._sheet, self._files, self._comparison])
        traitlets.link((self._sheet, "tab"), (self, "tab"))
        self.observe(lambda _: self._turn(), "tab")
        self._turn()

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
        self._sheet.show(registry, reference, platform=platform)

    def clear(self) -> None:
        """Show nothing."""
        self._sheet.clear()

    @property
    def shown(self) -> tuple[str, str] | None:
        """The registry and the reference that are shown, if any."""
        return self._sheet.shown

    def focus(self) -> None:
        """Let the keyboard go on here, unless it is outside of the dashboard."""
        self._sheet.focus()

    def reveal(self) -> None:
        """Bring what is shown into sight, once it is there."""
        self._sheet.reveal()

    def _take(self, inspected: Inspected | None) -> None:
        self._inspected = inspected
        self._files.show(inspected)
        self._comparison.show(inspected)
        self._turn()

    def _turn(self) -> None:
        for name, panel in (("Files", self._files), ("Compare", self._comparison)):
            is_shown = self._inspected is not None and self.tab == name
            panel.layout.display = "" if is_shown else "none"
            if is_shown and panel is self._comparison:
                self._comparison.offer()
