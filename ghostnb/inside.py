"""What is inside of images, as a notebook user asks for it."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pandas as pd

from ghostnb.analysis.difference import (
    ImageDiff,
    config_changes,
    file_changes,
    layer_changes,
    package_changes,
)
from ghostnb.arguments import parsed_platform, parsed_reference, wrong_type
from ghostnb.errors import PlatformNotFoundError, UnsupportedError
from ghostnb.frames import files_frame, packages_frame
from ghostnb.inventory import attach_failures
from ghostnb.loop import hop
from ghostnb.oci import Platform, Reference
from ghostnb.oci.media_types import is_foreign
from ghostnb.progress_bar import StepProgress, transfer_bar
from ghostnb.registries.files.layer import LayerFiles
from ghostnb.registries.files.packages import package_reader
from ghostnb.registries.images import Image, Layer
from ghostnb.registries.protocol import Registry
from ghostnb.registries.reading import read_image
from ghostnb.registries.threads import finished
from ghostnb.registries.walk import Failure
from ghostnb.transfer import TransferTally
from ghostnb.transfer.inside import read_files

__all__ = ["FileMethods"]

_Layers = list[tuple[Layer, LayerFiles]]
_Result = TypeVar("_Result")


class FileMethods:
    """What a client reads out of layers."""

    @property
    def registry(self) -> Registry:
        """What speaks to the registry."""
        raise NotImplementedError

    async def files(
        self, reference: str, *, platform: str | None = None, progress: StepProgress = None
    ) -> pd.DataFrame:
        """Tabulate the files of an image: what each layer adds, changes and removes.

        Parameters
        ----------
        reference : str
            ``repository[:tag][@digest]``; the tag is ``latest`` if none is given.
        platform : str, optional
            ``os/architecture[/variant]``, of those that an index offers. By
            default this machine's, else linux/amd64, else the first.
        progress : bool or callable, optional
            By default a bar of bytes, where there is someone to see it, for what takes over a
            second; False for none; or a function that takes the `Progress` of each layer.

        Returns
        -------
        pandas.DataFrame, shape (n_changes, 7)
            path, size_bytes, mode, link, layer, digest, change, as
            `ghostnb.frames.files_frame`. Foreign layers, whose bytes are in no registry, have
            no rows, and stand in ``.attrs["errors"]``, as for `tags`.

        Raises
        ------
        NotFoundError
            If there is no such image, or not for that platform.
        ProtocolError
            If a layer is no archive of files, is damaged, or a bomb.
        IntegrityError
            If what came is not what its digest says.

        Warns
        -----
        UserWarning
            If there are foreign layers.

        Notes
        -----
        Layers are unpacked as they come, two at once, and neither stored nor extracted: names
        and links in them are data. gzip, zstd and what is not compressed can be read.
        """
        parsed, wanted = parsed_reference(self.registry, reference), parsed_platform(platform)

        async def read(tally: TransferTally) -> tuple[Image, pd.DataFrame]:
            image = await read_image(self.registry, parsed, wanted)
            layers = await read_files(self.registry, image, tally)
            listed = ((layer, found.entries) for layer, found in layers)
            # It takes a while, and the loop has others to serve.
            return image, await finished(files_frame, listed)

        image, frame = await self._with_bar(read, progress)
        return attach_failures(frame, _foreign(image), "The table of files")

    async def packages(
        self, reference: str, *, platform: str | None = None, progress: StepProgress = None
    ) -> pd.DataFrame:
        """Tabulate the packages of an image: Debian's, Alpine's, Python's and Node's.

        Parameters
        ----------
        reference, platform, progress
            As for `files`.

        Returns
        -------
        pandas.DataFrame, shape (n_packages, 5)
            manager, name, version, path, layer, as `ghostnb.frames.packages_frame`. Foreign
            layers are told as for `files`.

        Raises
        ------
        NotFoundError, ProtocolError, IntegrityError
            As for `files`.

        Notes
        -----
        What package managers have noted in files is read, and nothing is guessed: what was
        copied without one is not seen. The database of RPM is not read.
        """
        parsed, wanted = parsed_reference(self.registry, reference), parsed_platform(platform)

        async def read(tally: TransferTally) -> tuple[Image, pd.DataFrame]:
            image = await read_image(self.registry, parsed, wanted)
            layers = await read_files(self.registry, image, tally, reader=package_reader)
            return image, await finished(packages_frame, layers)

        image, frame = await self._with_bar(read, progress)
        return attach_failures(frame, _foreign(image), "The table of packages")

    async def diff(
        self,
        reference: str,
        other: str,
        *,
        registry: "FileMethods | None" = None,
        platform: str | None = None,
        progress: StepProgress = None,
    ) -> ImageDiff:
        """Say what is different between two images: settings, layers, files and packages.

        Parameters
        ----------
        reference, other : str
            Before and after; each ``repository[:tag][@digest]``.
        registry : RegistryClient, optional
            Where the other one is; by default here.
        platform : str, optional
            Of both; by default that of the first, as for `files`, and the same of the other
            if it has that.
        progress
            As for `files`.

        Returns
        -------
        ImageDiff
            With the frames ``config``, ``layers``, ``files`` and ``packages``; in a notebook,
            it shows the largest differences. Foreign layers are told as for `files`, in the
            attributes of its ``files``.

        Raises
        ------
        NotFoundError, ProtocolError, IntegrityError
            As for `files`.

        Notes
        -----
        Every layer of both is read, those that they share once. Files are different if their
        content is (SHA-256), their mode, or where they link to; not by their times.
        """
        if not isinstance(registry, FileMethods | None):
            raise wrong_type("registry", "a RegistryClient", registry)
        there = (registry or self).registry
        first = parsed_reference(self.registry, reference)
        second = parsed_reference(there, other, "team/app:1.1")
        wanted = parsed_platform(platform)

        async def read(tally: TransferTally) -> ImageDiff:
            before = await read_image(self.registry, first, wanted)
            after = await _like(there, second, wanted, before)
            old = await read_files(self.registry, before, tally, hashed=True, reader=package_reader)
            known = {layer.digest: found for layer, found in old}
            missing = [one for one in after.stored_layers if one.digest not in known]
            fresh = await read_files(
                there, after, tally, layers=missing, hashed=True, reader=package_reader
            )
            known |= {layer.digest: found for layer, found in fresh}
            new = [(layer, known[layer.digest]) for layer in after.stored_layers]
            return await finished(_difference, before, after, old, new)

        found = await self._with_bar(read, progress)
        failures = [*_foreign(found.before), *_foreign(found.after)]
        attach_failures(found.files, failures, "The comparison")
        return found

    async def _with_bar(
        self,
        read: Callable[[TransferTally], Coroutine[Any, Any, _Result]],
        progress: StepProgress,
    ) -> _Result:
        tally = TransferTally()
        with transfer_bar(tally, self.registry.name, progress) as bar:
            return await hop(tally.watch(read(tally)), on_tick=bar.refresh)


async def _like(
    registry: Registry, reference: Reference, wanted: Platform | None, before: Image
) -> Image:
    """Read the other image: for the platform of the first, if it has that."""
    if wanted is None and before.platform is not None:
        try:
            return await read_image(registry, reference, Platform.parse(before.platform))
        except PlatformNotFoundError:
            pass
    return await read_image(registry, reference, wanted)


def _difference(before: Image, after: Image, old: _Layers, new: _Layers) -> ImageDiff:
    listed = [[(layer, found.entries) for layer, found in layers] for layers in (old, new)]
    files = [files_frame(layers, sha256=True) for layers in listed]
    packages = [packages_frame(layers) for layers in (old, new)]
    return ImageDiff(
        before,
        after,
        config_changes(before, after),
        layer_changes(before, after),
        file_changes(*files),
        package_changes(*packages),
    )


def _foreign(image: Image) -> list[Failure]:
    """Say which layers cannot be read, since their bytes are in no registry."""
    return [
        Failure(
            image.registry,
            image.repository,
            image.tag,
            UnsupportedError(
                f"The layer {layer.digest} is foreign: its bytes are in no registry.",
                registry=image.registry,
            ),
        )
        for layer in image.layers
        if is_foreign(layer.media_type)
    ]
