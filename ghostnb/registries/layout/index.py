"""The ``index.json`` of an image layout: whose entry is whose, and how one is added."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import msgspec

from ghostnb.errors import InvalidReferenceError, ProtocolError
from ghostnb.oci import Descriptor, Digest, Reference, check_repository, check_tag
from ghostnb.oci.descriptor import decode_digest
from ghostnb.oci.media_types import OCI_INDEX
from ghostnb.registries.records import ManifestRecord

__all__ = [
    "MAX_INDEX_BYTES",
    "REF_NAME",
    "REPOSITORY",
    "Contents",
    "Entry",
    "add_entry",
    "arranged",
    "default_repository",
    "digest_of_tag",
    "editable_index",
    "empty_index",
    "read_index",
    "remove_manifests",
    "remove_tag",
]

MAX_INDEX_BYTES = 256 * 2**20
REF_NAME = "org.opencontainers.image.ref.name"
IMAGE_NAME = "io.containerd.image.name"
REPOSITORY = "io.ghostnb.repository"


@dataclass(slots=True)
class Contents:
    """What belongs to one repository.

    Attributes
    ----------
    tags : dict of str to Descriptor
        In lexical order.
    entries : dict of Digest to Descriptor
        What stands in ``index.json``; never changed after reading.
    children : dict of Digest to Descriptor
        What was found since in the indexes among them.
    opened : set of Digest
        The indexes whose children are known.
    """

    tags: dict[str, Descriptor] = field(default_factory=dict)
    entries: dict[Digest, Descriptor] = field(default_factory=dict)
    children: dict[Digest, Descriptor] = field(default_factory=dict)
    opened: set[Digest] = field(default_factory=set)

    def add_children(self, index: Digest, children: Iterable[Descriptor]) -> None:
        """Note what an index holds: it belongs to the repository as the index does."""
        for child in children:
            self.children.setdefault(child.digest, child)
        self.opened.add(index)

    def find(self, digest: Digest) -> Descriptor | None:
        """Give an entry, or what is known to be in an index among them."""
        return self.entries.get(digest) or self.children.get(digest)

    def records(self) -> list[ManifestRecord]:
        """Describe the entries, each once."""
        tags: dict[Digest, list[str]] = {digest: [] for digest in self.entries}
        for tag, descriptor in self.tags.items():
            tags[descriptor.digest].append(tag)
        return [
            ManifestRecord(digest, entry.media_type, entry.size_bytes, tuple(tags[digest]))
            for digest, entry in self.entries.items()
        ]

    @property
    def unopened(self) -> list[Descriptor]:
        """The indexes of which it is not known yet what they hold."""
        known = [*self.entries.values(), *list(self.children.values())]
        return [entry for entry in known if entry.is_index and entry.digest not in self.opened]


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A manifest that is to stand in the index.

    Attributes
    ----------
    repository, tag : str
        `tag` is empty for a manifest that is to be found by digest alone.
    media_type : str
    digest : Digest
    size_bytes : int
    """

    repository: str
    tag: str
    media_type: str
    digest: Digest
    size_bytes: int

    def as_dict(self) -> dict[str, Any]:
        """Give the entry as it stands in the index, without its name."""
        return {"mediaType": self.media_type, "digest": str(self.digest), "size": self.size_bytes}


class _Document(msgspec.Struct, rename="camel"):
    manifests: list[Descriptor]
    schema_version: int = 2


class _EditableEntry(msgspec.Struct):
    """What of an entry is looked at when the index is changed; the rest stays as it is."""

    digest: str
    annotations: dict[str, str] | None = None


class _Editable(msgspec.Struct, rename="camel"):
    manifests: list[_EditableEntry]
    schema_version: int = 2


_decoder = msgspec.json.Decoder(_Document, dec_hook=decode_digest)


def read_index(raw: bytes, default: str, *, source: str) -> dict[str, Contents]:
    """Arrange an ``index.json`` by repository.

    Parameters
    ----------
    raw : bytes
    default : str
        The repository of entries that name none.
    source : str
        For messages.

    Returns
    -------
    dict of str to Contents
        As `arranged` gives it.

    Raises
    ------
    ProtocolError
        If it is no index.

    Notes
    -----
    Source: OCI image-spec v1.1, "Image Layout", index.json file.
    """
    return arranged(_decode(raw, source).manifests, default)


def arranged(entries: Iterable[Descriptor], default: str) -> dict[str, Contents]:
    """Arrange manifests by the repositories that their annotations name.

    Parameters
    ----------
    entries : iterable of Descriptor
    default : str
        The repository of those that name none.

    Returns
    -------
    dict of str to Contents
        In lexical order. Of several entries with one name the first counts,
        as it does for skopeo 1.9.
    """
    found: dict[str, Contents] = {}
    for descriptor in entries:
        repository, tag = name_of(descriptor.annotations or {}, default)
        contents = found.setdefault(repository, Contents())
        contents.entries.setdefault(descriptor.digest, descriptor)
        if tag:
            contents.tags.setdefault(tag, descriptor)
    for contents in found.values():
        contents.tags = dict(sorted(contents.tags.items()))
    return dict(sorted(found.items()))


def editable_index(raw: bytes, *, source: str) -> dict[str, Any]:
    """Read an ``index.json`` to be changed: all of it, also what nobody knows.

    Raises
    ------
    ProtocolError
        If it is no index.
    """
    with _refusing(source):
        document: dict[str, Any] = msgspec.json.decode(raw)
        _check_version(msgspec.convert(document, _Editable).schema_version, source)
    return document


def _decode(raw: bytes, source: str) -> _Document:
    with _refusing(source):
        document = _decoder.decode(raw)
        _check_version(document.schema_version, source)
    return document


@contextmanager
def _refusing(source: str) -> Iterator[None]:
    try:
        yield
    except (msgspec.MsgspecError, InvalidReferenceError, UnicodeDecodeError, RecursionError) as e:
        raise ProtocolError(
            f"{source} is not a valid index: {e}.",
            hint="If another program is writing it, try again; else copy the layout again.",
        ) from e


def _check_version(version: int, source: str) -> None:
    if version != 2:
        raise ProtocolError(f"{source} has the schema version {version}, where 2 was expected.")


def empty_index() -> bytes:
    """Give the index of a layout that holds nothing yet."""
    return msgspec.json.encode({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []})


def add_entry(document: dict[str, Any], entry: Entry, default: str) -> None:
    """Put a manifest into an index; its tag, if it has one, leaves where it was.

    What lost its tag stays in its repository and is found by digest.
    Everything else in the document stays as it is.
    """
    entries: list[dict[str, Any]] = document["manifests"]
    freed = _free_tag(entries, entry.repository, entry.tag, default) if entry.tag else []
    same = [one for one in entries if _is_same(one, entry, default)]
    if entry.tag:
        spare = next((one for one in same if not _name(one, default)[1]), None)
        _set_name(spare if spare is not None else _append(entries, entry), entry)
    elif not same:
        _set_name(_append(entries, entry), entry)
    for one in freed:
        if _is_needless(one, entries, default):
            entries[:] = [other for other in entries if other is not one]


def remove_tag(document: dict[str, Any], repository: str, tag: str, default: str) -> None:
    """Take a tag out of an index; what it pointed to stays in its repository."""
    entries: list[dict[str, Any]] = document["manifests"]
    for one in _free_tag(entries, repository, tag, default):
        if _is_needless(one, entries, default):
            entries[:] = [other for other in entries if other is not one]


def digest_of_tag(
    document: dict[str, Any], repository: str, tag: str, default: str
) -> Digest | None:
    """Say what a tag leads to in an index; None if it is not there."""
    found = (
        one["digest"] for one in document["manifests"] if _name(one, default) == (repository, tag)
    )
    digest = next(found, None)
    return None if digest is None else Digest(digest)


def remove_manifests(
    document: dict[str, Any], going: Collection[tuple[str, Digest]], default: str
) -> None:
    """Take manifests and all their tags out of their repositories."""
    document["manifests"] = [
        one for one in document["manifests"] if (_name(one, default)[0], one["digest"]) not in going
    ]


def _append(entries: list[dict[str, Any]], entry: Entry) -> dict[str, Any]:
    entries.append(entry.as_dict())
    return entries[-1]


def _free_tag(
    entries: list[dict[str, Any]], repository: str, tag: str, default: str
) -> list[dict[str, Any]]:
    freed = [one for one in entries if _name(one, default) == (repository, tag)]
    for one in freed:
        kept = {key: text for key, text in one["annotations"].items() if key not in _NAMING}
        one["annotations"] = kept | {REPOSITORY: repository}
    return freed


def _set_name(one: dict[str, Any], entry: Entry) -> None:
    name = {REF_NAME: f"{entry.repository}:{entry.tag}"} if entry.tag else {}
    one["annotations"] = (one.get("annotations") or {}) | name | {REPOSITORY: entry.repository}


def _is_same(one: dict[str, Any], entry: Entry, default: str) -> bool:
    return bool(one["digest"] == entry.digest and _name(one, default)[0] == entry.repository)


def _is_needless(one: dict[str, Any], entries: list[dict[str, Any]], default: str) -> bool:
    """Tell whether an entry without a tag says nothing that another does not say too."""
    if set(one["annotations"]) != {REPOSITORY}:
        return False
    wanted = (one["digest"], one["annotations"][REPOSITORY])
    return any(
        other is not one and (other["digest"], _name(other, default)[0]) == wanted
        for other in entries
    )


_NAMING = frozenset({REF_NAME, IMAGE_NAME, REPOSITORY})


def _name(one: dict[str, Any], default: str) -> tuple[str, str]:
    return name_of(one.get("annotations") or {}, default)


def name_of(annotations: Mapping[str, str], default: str) -> tuple[str, str]:
    """Give the repository and tag of an entry; the tag is empty if there is none."""
    get = annotations.get
    return _read_name(get(REF_NAME, ""), get(IMAGE_NAME, ""), get(REPOSITORY, ""), default)


# Every push and every reading asks for the same names again.
@lru_cache(maxsize=2**16)
def _read_name(ref_name: str, image_name: str, own: str, default: str) -> tuple[str, str]:
    own = own if _is_repository(own) else ""
    # Ours says which part is the repository: "my.team/app:1" may look like a host's.
    if own and ref_name.startswith(f"{own}:") and _is_tag(ref_name[len(own) + 1 :]):
        return own, ref_name[len(own) + 1 :]
    whole = _parse(ref_name) if set(ref_name) & set("/:@") else None
    if whole is not None:
        return whole
    tag = ref_name if _is_tag(ref_name) else ""
    repository, image_tag = _parse(image_name) or (own or default, "")
    return repository, tag or image_tag


def _parse(text: str) -> tuple[str, str] | None:
    """Read a whole reference without its host; None if it is none."""
    try:
        # Only where a host is named does a short name mean Docker Hub's library.
        reference = Reference.parse(text) if "/" in text else Reference.within(text, "")
    except InvalidReferenceError:
        return None
    has_tag = ":" in text.partition("@")[0].rpartition("/")[2]
    return reference.repository, reference.tag if has_tag else ""


def _is_repository(text: str) -> bool:
    try:
        return bool(check_repository(text))
    except InvalidReferenceError:
        return False


def _is_tag(text: str) -> bool:
    try:
        return bool(check_tag(text))
    except InvalidReferenceError:
        return False


def default_repository(directory: str) -> str:
    """Make a repository's name of a directory's.

    A legal name stays as it is; otherwise letters become lower case, anything
    else than letters and digits a dash, and of nothing ``layout`` is made.

    Examples
    --------
    >>> default_repository("my_app-1.0"), default_repository("My App (1)")
    ('my_app-1.0', 'my-app-1')
    """
    if _is_repository(directory):
        return directory
    return re.sub(r"[^a-z0-9]+", "-", directory.lower())[:255].strip("-") or "layout"
