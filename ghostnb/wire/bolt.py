"""Bolt's shelves on a Drift registry: requests built, replies decoded.

Source: Drift's published routes below ``/v1/``. They are no part of the
distribution protocol, but take its tokens: what is listed needs the scope of the
catalog, one thing that of its repository. A token that is sent ahead spares a
large upload from being sent twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from ghostnb.errors import InvalidReferenceError
from ghostnb.oci import check_repository, check_tag
from ghostnb.wire.messages import Reply, Request
from ghostnb.wire.paging import not_json

__all__ = [
    "PLUGINS",
    "PROFILES",
    "TEMPLATES",
    "BoltEndpoint",
    "BoltUpload",
    "Entry",
    "EntryPage",
    "PluginEntry",
    "ProfileEntry",
    "Shelf",
    "SystemRequirements",
    "TemplateEntry",
    "decode_entries",
    "decode_upload",
]

_NAMES = "Names are lower-case letters and digits, joined by single . _ or by -: steam-gaming."
_LIST = ("registry:catalog:*",)
_JSON = {"accept": "application/json", "content-type": "application/json"}
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Rating = Annotated[float, msgspec.Meta(ge=0, le=5)]


class SystemRequirements(msgspec.Struct, frozen=True):
    """What a machine needs for a profile; None is not said."""

    min_cpu_cores: Count | None = None
    min_memory_gb: Count | None = None
    required_gpu_vendor: str | None = None
    min_gpu_memory_gb: Count | None = None
    supported_os: tuple[str, ...] = ()


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of something on a shelf.

    Attributes
    ----------
    name, version, description, author : str
    downloads : int or None
        None where the registry cannot tell at the moment.
    rating : float
        From above 0 to 5; 0 is not rated.
    author_email, license, repository, documentation : str or None
    digest : str
        Of its manifest, by which it can also be pulled.
    size_bytes : int or None
        Of its content.
    updated_at : str or None
        When this version was uploaded, in RFC 3339.
    versions : tuple of str
        All that there are, the newest first; only where one entry is asked for.
    """

    name: str
    version: str
    description: str = ""
    author: str = ""
    downloads: Count | None = None
    rating: Rating = 0.0
    author_email: str | None = None
    license: str | None = None
    repository: str | None = None
    documentation: str | None = None
    digest: str = ""
    size_bytes: Count | None = None
    updated_at: str | None = None
    versions: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET


class ProfileEntry(Entry, frozen=True, kw_only=True):
    """An optimization profile."""

    tags: tuple[str, ...] = ()
    compatible_games: tuple[str, ...] = ()
    system_requirements: SystemRequirements = SystemRequirements()


class PluginEntry(Entry, frozen=True, kw_only=True):
    """A plugin."""

    plugin_type: str = ""
    supported_platforms: tuple[str, ...] = ()


class TemplateEntry(Entry, frozen=True, kw_only=True):
    """A Boltfile that others can begin with."""

    tags: tuple[str, ...] = ()


AnyEntry = TypeVar("AnyEntry", bound=Entry)


class EntryPage(msgspec.Struct, Generic[AnyEntry], frozen=True):
    """A part of a list."""

    results: tuple[AnyEntry, ...]
    total: int
    page: int
    per_page: int
    pages: int


@dataclass(frozen=True, slots=True)
class Shelf(Generic[AnyEntry]):
    """One sort of things.

    Attributes
    ----------
    name, plural : str
        ``profile``, ``profiles``.
    entry : type
        Of what is known of each.
    suffix : str
        Of files that hold the content.
    """

    name: str
    plural: str
    entry: type[AnyEntry]
    suffix: str

    def repository(self, name: str) -> str:
        """Give the repository of something on the shelf.

        Raises
        ------
        InvalidReferenceError
            If nothing can be called so.
        """
        repository = f"{self.folder}/{name}"
        try:
            if "/" not in name:
                return check_repository(repository)
        except InvalidReferenceError:
            pass  # said below, in words that fit
        raise InvalidReferenceError(f"{name[:200]!r} cannot be a {self.name}'s name.", hint=_NAMES)

    @property
    def folder(self) -> str:
        """The namespace of the repositories: ``bolt/profiles``."""
        return f"bolt/{self.plural}"


PROFILES = Shelf("profile", "profiles", ProfileEntry, ".toml")
PLUGINS = Shelf("plugin", "plugins", PluginEntry, ".bin")
TEMPLATES = Shelf("template", "templates", TemplateEntry, ".toml")


@dataclass(frozen=True, slots=True)
class BoltUpload:
    """What a registry answered to an upload.

    Attributes
    ----------
    registry, name, version : str
    digest : str
        Of the manifest; empty if the registry does not tell.
    """

    registry: str
    name: str
    version: str
    digest: str = ""


@dataclass(frozen=True, slots=True)
class BoltEndpoint:
    """Builds the requests.

    Attributes
    ----------
    base_url : str
        Without a slash at its end.
    """

    base_url: str

    def listing(self, shelf: Shelf[AnyEntry], page: int, per_page: int) -> Request:
        """Ask for a page of all that is on a shelf."""
        query = urlencode({"page": page, "per_page": per_page})
        url = f"{self.base_url}/v1/{shelf.plural}?{query}"
        return Request("GET", url, f"the list of {shelf.plural}", _LIST, headers=_JSON)

    def search(
        self, shelf: Shelf[AnyEntry], wanted: Mapping[str, Any], page: int, per_page: int
    ) -> Request:
        """Ask for a page of what fits some filters."""
        url = f"{self.base_url}/v1/{shelf.plural}/search"
        body = msgspec.json.encode({**wanted, "page": page, "per_page": per_page})
        what = f"a search in the {shelf.plural}"
        return Request("POST", url, what, _LIST, headers=_JSON, body=body)

    def download(self, shelf: Shelf[AnyEntry], name: str, version: str | None) -> Request:
        """Ask for content.

        Raises
        ------
        InvalidReferenceError
            If there can be no such name or version.
        """
        return self._item("GET", shelf, name, version, "/download")

    def delete(self, shelf: Shelf[AnyEntry], name: str, version: str | None) -> Request:
        """Ask to delete one version, or all.

        Raises
        ------
        InvalidReferenceError
            If there can be no such name or version.
        """
        return self._item("DELETE", shelf, name, version)

    def upload(
        self, shelf: Shelf[AnyEntry], document: Mapping[str, Any], *, overwrite: bool
    ) -> Request:
        """Ask to take something new.

        Parameters
        ----------
        shelf : Shelf
        document : mapping
            As the registry takes it; bytes in it are written in base64.
        overwrite : bool
            Also in place of other content of the same version.

        Raises
        ------
        InvalidReferenceError
            If nothing can be called so.
        """
        name = str(document[shelf.name].get("name", ""))
        repository = shelf.repository(name)
        query = "?overwrite=true" if overwrite else ""
        return Request(
            "POST",
            f"{self.base_url}/v1/{shelf.plural}/upload{query}",
            f"an upload of the {shelf.name} {name}",
            (f"repository:{repository}:pull,push",),
            headers=_JSON,
            body=msgspec.json.encode(document),
        )

    def _item(
        self, method: str, shelf: Shelf[AnyEntry], name: str, version: str | None, path: str = ""
    ) -> Request:
        repository = shelf.repository(name)
        url = f"{self.base_url}/v1/{shelf.plural}/{quote(name)}{path}"
        what = f"the {shelf.name} {name}"
        if version is not None:
            url += f"?version={quote(check_tag(version))}"
            what += f" {version}"
        action = "delete" if method == "DELETE" else "pull"
        return Request(method, url, what, (f"repository:{repository}:{action}",))


def decode_entries(reply: Reply, shelf: Shelf[AnyEntry], *, registry: str) -> EntryPage[AnyEntry]:
    """Read a page of a list.

    Raises
    ------
    ProtocolError
        If the reply is none.
    """
    page: EntryPage[AnyEntry] = _decoded(reply, EntryPage[shelf.entry], registry)  # type: ignore[name-defined]
    return page


def decode_upload(reply: Reply, shelf: Shelf[AnyEntry], *, registry: str) -> BoltUpload:
    """Read the answer to an upload.

    Raises
    ------
    ProtocolError
        If the reply is none.
    """
    found = _decoded(reply, dict[str, Any], registry)
    texts = {key: str(found.get(key, "")) for key in (shelf.name, "version", "digest")}
    return BoltUpload(registry, texts[shelf.name], texts["version"], texts["digest"])


def _decoded(reply: Reply, kind: Any, registry: str) -> Any:
    try:
        return msgspec.json.decode(reply.body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
        raise not_json(reply, registry, e) from e
