"""What is inside of images, as a notebook user asks for it."""

import pandas as pd

from ghostnb.arguments import checked_text, parsed_platform
from ghostnb.errors import UnsupportedError
from ghostnb.frames import files_frame
from ghostnb.inventory import attach_failures
from ghostnb.loop import hop
from ghostnb.progress_bar import StepProgress, transfer_bar
from ghostnb.registries.images import Image, Layer
from ghostnb.registries.protocol import Registry
from ghostnb.registries.reading import read_image
from ghostnb.registries.threads import finished
from ghostnb.registries.walk import Failure
from ghostnb.transfer import TransferTally
from ghostnb.transfer.inside import read_files

__all__ = ["FileMethods"]


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
        parsed = self.registry.reference(checked_text(reference, "A reference", "team/app:1.0"))
        wanted, tally = parsed_platform(platform), TransferTally()

        async def read() -> tuple[Image, pd.DataFrame]:
            image = await read_image(self.registry, parsed, wanted)
            layers = await read_files(self.registry, image, tally)
            listed = ((layer, found.entries) for layer, found in layers)
            # It takes a while, and the loop has others to serve.
            return image, await finished(files_frame, listed)

        with transfer_bar(tally, self.registry.name, progress) as bar:
            image, frame = await hop(tally.watch(read()), on_tick=bar.refresh)
        foreign = [layer for layer in image.layers if layer not in image.stored_layers]
        failures = [_foreign(image, layer) for layer in foreign]
        return attach_failures(frame, failures, "The table of files")


def _foreign(image: Image, layer: Layer) -> Failure:
    error = UnsupportedError(
        f"The layer {layer.digest} is foreign: its bytes are in no registry.",
        registry=image.registry,
    )
    return Failure(image.registry, image.repository, image.tag, error)
