"""The manifests of an image layout, wherever its files are: found, read, and held together."""

import logging
import threading
from collections.abc import Callable

from ghostnb.errors import IntegrityError, NotFoundError, ProtocolError, RegistryError
from ghostnb.oci import AnyManifest, Descriptor, Digest, Index, media_types, parse_manifest
from ghostnb.registries.layout.index import Contents
from ghostnb.registries.referrers import Referrer, as_referrer
from ghostnb.registries.storing import no_such_manifest
from ghostnb.registries.verify import check_content

__all__ = ["Manifests"]

_MAX_REFERRERS = 2**16
_log = logging.getLogger("ghostnb.registries")


class Manifests:
    """Reads the manifests of a layout. Every method blocks: call them on a thread.

    Parameters
    ----------
    registry : str
        The registry's name, for messages.
    read : callable
        Gives the bytes of a digest's file, unchecked; raises `FileNotFoundError`
        where there is none.
    """

    def __init__(self, registry: str, read: Callable[[Digest], bytes]) -> None:
        self._registry = registry
        self._bytes = read
        self._referrers: dict[Digest, Referrer | None] = {}
        self._told: set[Digest] = set()
        self._turn = threading.Lock()

    def find(self, repository: str, contents: Contents, locator: str) -> AnyManifest:
        """Read a manifest by tag or digest, and check it.

        Raises
        ------
        NotFoundError
        IntegrityError
        """
        if ":" in locator:
            descriptor = self._member(repository, contents, Digest(locator))
        else:
            descriptor = contents.tags.get(locator)
        if descriptor is None:
            raise no_such_manifest(self._registry, repository, locator)
        return self._read(repository, contents, descriptor)

    def existing(self, descriptor: Descriptor) -> AnyManifest | None:
        """Read a manifest; None for what is none, or is not there."""
        if descriptor.media_type not in media_types.MANIFESTS | media_types.INDEXES:
            return None
        digest = descriptor.digest
        try:
            raw = self._bytes(digest)
        except FileNotFoundError:
            return None
        source = f"{digest} in {self._registry}"
        check_content(raw, digest, source=source)
        return parse_manifest(raw, descriptor.media_type, digest=digest, source=source)

    def undamaged(self, descriptor: Descriptor) -> AnyManifest | None:
        """Read a manifest; None also for one that is damaged, which the log says once.

        For questions that are about others: who asks for it itself is told.
        """
        try:
            return self.existing(descriptor)
        except (IntegrityError, ProtocolError) as e:
            self._tell(descriptor.digest, e)
            return None

    def referrers(self, contents: Contents, digest: Digest) -> list[Descriptor]:
        """Give what is attached to a manifest, in the order of the index."""
        known = (self._referrer(entry) for entry in contents.entries.values())
        return [found[1] for found in known if found is not None and found[0] == digest]

    def _member(self, repository: str, contents: Contents, digest: Digest) -> Descriptor | None:
        """Find a manifest among a repository's entries, then in the indexes among them."""
        tried: set[Digest] = set()
        while (found := contents.find(digest)) is None:
            fresh = [index for index in contents.unopened if index.digest not in tried]
            if not fresh:
                return None
            for index in fresh:
                tried.add(index.digest)
                self._open_index(repository, contents, index)
        return found

    def _open_index(self, repository: str, contents: Contents, index: Descriptor) -> None:
        try:
            self._read(repository, contents, index)
        except RegistryError:
            # Damaged or absent: who asks for it is told, others are not held up by it.
            return

    def _read(self, repository: str, contents: Contents, descriptor: Descriptor) -> AnyManifest:
        digest, source = descriptor.digest, f"{repository} in {self._registry}"
        try:
            raw = self._bytes(digest)
        except FileNotFoundError as e:
            raise self._lost(repository, digest) from e
        check_content(raw, digest, descriptor.size_bytes, source=source)
        manifest = parse_manifest(raw, descriptor.media_type, digest=digest, source=source)
        if isinstance(manifest, Index):
            contents.add_children(digest, manifest.manifests)
        return manifest

    def _tell(self, digest: Digest, error: RegistryError) -> None:
        """Log why a manifest is passed over: once, however often others are asked about."""
        with self._turn:
            is_new = digest not in self._told
            self._told.add(digest)
        if is_new:
            _log.warning("A manifest is passed over: %s", error)

    def _lost(self, repository: str, digest: Digest) -> NotFoundError:
        return NotFoundError(
            f"{repository} in {self._registry} names the manifest {digest}, "
            "but the layout has no such file.",
            hint="It was copied in part only: copy the image again.",
            registry=self._registry,
        )

    def _referrer(self, descriptor: Descriptor) -> Referrer | None:
        digest = descriptor.digest
        if digest in self._referrers:
            return self._referrers[digest]
        manifest = self.undamaged(descriptor)
        if manifest is None:
            # It may come yet, or be mended.
            return None
        if len(self._referrers) >= _MAX_REFERRERS:
            self._referrers.clear()
        found = self._referrers[digest] = as_referrer(manifest)
        return found
