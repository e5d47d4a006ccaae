"""Pushes of what lies on this machine's disk, as a notebook user makes them."""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from ghostnb.arguments import checked_several, checked_text, parsed_platforms, wrong_type
from ghostnb.loop import hop
from ghostnb.progress_bar import StepProgress, transfer_bar
from ghostnb.registries.protocol import Registry
from ghostnb.registries.storing import writable
from ghostnb.transfer import ArtifactOptions, Pushed, TransferTally, push_path

__all__ = ["PushMethods"]

_Path = str | os.PathLike[str]
# RFC 6838, section 4.2
_NAME = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
_MEDIA_TYPE = re.compile(f"{_NAME}/{_NAME}")


class PushMethods:
    """What a client pushes by itself, without a container daemon."""

    @property
    def registry(self) -> Registry:
        """What speaks to the registry."""
        raise NotImplementedError

    async def push(
        self,
        path: _Path | Iterable[_Path],
        reference: str,
        *,
        image: str | None = None,
        platforms: str | Iterable[str] = (),
        compress: bool = True,
        as_artifact: bool = False,
        artifact_type: str | None = None,
        media_type: str | None = None,
        annotations: Mapping[str, str] | None = None,
        progress: StepProgress = None,
    ) -> Pushed:
        """Push an image from an archive or a layout, or any files as an artifact.

        What a path is, its content says. A directory that is an OCI image layout, and a tar
        that is one or that ``docker save``, ``podman save`` or `save` wrote, is pushed as the
        image in it. Every other file or directory is an OCI artifact, as ORAS makes it, and so
        are several paths together.

        Parameters
        ----------
        path : str or path, or iterable of them
        reference : str
            ``repository[:tag]``; the tag is ``latest`` if none is given.
        image : str, optional
            Which image, where there are several: a name such as ``team/app:1.0``, or a digest.
        platforms : str or iterable of str, optional
            Only these of an index: one is the image itself, with its own digest; several are a
            smaller index. By default all, with the digest unchanged.
        compress : bool, optional
            By default the layers of a Docker archive, which are not compressed, are sent as
            gzip, as ``docker push`` and skopeo do. Layers of OCI layouts and archives are never
            changed.
        as_artifact : bool, optional
            Push an archive or layout of images as the file or directory that it is.
        artifact_type : str, optional
            What an artifact is, as a media type: ``application/vnd.example.model``. By default
            ``application/vnd.unknown.artifact.v1``.
        media_type : str, optional
            Of an artifact's files and directories. By default guessed by each name's ending,
            ``application/octet-stream`` for what is not known, and a gzipped tar's for
            directories.
        annotations : mapping of str to str, optional
            Of an artifact's manifest.
        progress : bool or callable, optional
            By default a bar of bytes, where there is someone to see it, for what takes over a
            second; False for none; or a function that takes the `Progress` of each blob.

        Returns
        -------
        Pushed
            ``reference`` (str, with the digest), ``digest``, ``bytes_moved`` (int: blobs and
            manifests that the registry did not have) and ``is_image`` (False for an artifact).

        Raises
        ------
        PathError
            If a path is not there, may not be read or changes meanwhile, is a pipe, a socket or
            a device; or holds several images, and `image` does not say which.
        NotFoundError
            If there is no such image in it, or not for that platform.
        UnsupportedError
            If the registry is only read, such as an archive.
        RegistryError
            If the registry does not take it; whatever fails, the tag is as it was.

        Notes
        -----
        What the registry has is not sent again, and the same files become the same digest,
        whenever and by whomever they are pushed. In a directory, links stay links and are never
        followed; owners and times are left out. ``oras pull`` puts it all back.
        """
        paths = _checked_paths(path)
        parsed = self.registry.reference(checked_text(reference, "A reference", "team/app:1.0"))
        wanted = parsed_platforms(platforms)
        options = ArtifactOptions(
            _checked_type(artifact_type, "An artifact type"),
            _checked_type(media_type, "A media type"),
            _checked_annotations(annotations),
        )
        name = "" if image is None else checked_text(image, "An image", "team/app:1.0")
        tally = TransferTally()
        with transfer_bar(tally, self.registry.name, progress) as bar:
            pushing = push_path(
                writable(self.registry),
                paths,
                parsed,
                image=name,
                as_artifact=as_artifact,
                options=options,
                platforms=wanted,
                compress=compress,
                tally=tally,
            )
            return await hop(tally.watch(pushing), on_tick=bar.refresh)


def _checked_paths(given: _Path | Iterable[_Path]) -> list[Path]:
    """Make paths that stay the same: a notebook may change its directory meanwhile."""
    wanted = "a path such as 'model.bin', or several of them,"
    paths = checked_several(given, (str, os.PathLike), "path", wanted)
    if not paths:
        raise ValueError("A push needs at least one path.")
    if "" in paths:
        raise ValueError("A path is empty; '.' is the directory where this runs.")
    return [Path(path).absolute() for path in paths]


def _checked_type(text: str | None, what: str) -> str:
    if text is None:
        return ""
    if not _MEDIA_TYPE.fullmatch(checked_text(text, what, "application/vnd.example.model")):
        raise ValueError(f"{what} is one such as 'application/vnd.example.model', not {text!r}.")
    return text


def _checked_annotations(given: Mapping[str, str] | None) -> dict[str, str]:
    if not isinstance(given, Mapping | None):
        raise wrong_type("annotations", "a mapping such as {'org.example.stage': 'test'}", given)
    annotations = dict(given or {})
    for key, value in annotations.items():
        checked_text(key, "An annotation's key", "org.opencontainers.image.title")
        checked_text(value, "An annotation's value", "1.0")
    return annotations
