"""From what a client uploads to the artifact that is stored: checked, and always the same bytes."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import tomli_w

from ghostnb.drift.bolt.documents import Draft, Metadata
from ghostnb.drift.bolt.kinds import PROFILE, Kind
from ghostnb.drift.replies import RefusedError
from ghostnb.errors import InvalidReferenceError
from ghostnb.oci import Descriptor, Digest, check_tag, media_types

__all__ = ["LATEST", "Parcel", "check_version", "decoded", "open_parcel"]

LATEST = "latest"
# Line breaks count: all but a description stands on one line.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROLS_IN_PROSE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# A key of 10,000 parts takes Python's TOML parser a second, one of 100,000 minutes.
_MAX_DOTS = 1000
_PREFIX = "org.opencontainers.image"

Blob = tuple[Descriptor, bytes]


@dataclass(frozen=True, slots=True)
class Parcel:
    """Something that is to be stored.

    Attributes
    ----------
    kind : Kind
    name, version : str
    config, content : Descriptor and bytes
        The metadata, and what they are of.
    annotations : dict of str to str
        Of the manifest, but for the moment.
    """

    kind: Kind
    name: str
    version: str
    config: Blob
    content: Blob
    annotations: dict[str, str]

    @property
    def repository(self) -> str:
        """Where it belongs."""
        return self.kind.shelf.repository(self.name)

    def manifest(self, created: str) -> bytes:
        """Write the manifest; apart from the moment, the same for the same upload.

        Notes
        -----
        Source: OCI image-spec v1.1, "Guidelines for Artifact Usage" and "Annotations".
        """
        document = {
            "schemaVersion": 2,
            "mediaType": media_types.OCI_MANIFEST,
            "artifactType": self.kind.artifact_type,
            "config": self.config[0],
            "layers": [self.content[0]],
            "annotations": dict(
                sorted({**self.annotations, f"{_PREFIX}.created": created}.items())
            ),
        }
        return msgspec.json.encode(document, enc_hook=str)


def open_parcel(kind: Kind, raw: bytes | bytearray) -> Parcel:
    """Read an upload; it may take long, so that it is for a thread.

    Parameters
    ----------
    kind : Kind
    raw : bytes or bytearray
        The request's body.

    Raises
    ------
    RefusedError
        400, or 413 for content that is too large; it says what is wrong and where.
    """
    upload = decoded(raw, kind.upload)
    draft, metadata = upload.draft, upload.metadata
    _check_name(kind, draft.name)
    check_version(draft.version, where=f"{kind.name}.version")
    _check_lines(draft, kind.name)
    _check_lines(metadata, "metadata")
    entry = _entry(draft, metadata)
    content = upload.data
    content = _as_toml(entry) if content is None else _checked(kind, draft, content)
    title = {f"{_PREFIX}.title": kind.title.format(name=draft.name)}
    return Parcel(
        kind,
        draft.name,
        draft.version,
        _blob(kind.config_type, msgspec.json.encode(entry)),
        _blob(kind.layer_type, content, title),
        _annotations(draft, metadata),
    )


def decoded(raw: bytes | bytearray, kind: type[Any]) -> Any:
    """Read JSON of some shape.

    Raises
    ------
    RefusedError
        400, which says where it is wrong.
    """
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
        reason = "it is nested too deeply" if isinstance(e, RecursionError) else str(e)
        message = f"The body is not the JSON that is wanted here: {reason}."
        raise RefusedError(400, "BODY_INVALID", message) from e


def check_version(text: str, *, where: str) -> str:
    """Give a version back if it can be a tag, and is none that moves.

    Raises
    ------
    RefusedError
    """
    try:
        check_tag(text)
    except InvalidReferenceError as e:
        hint = " For 1.0.0+build write 1.0.0_build." if "+" in text else ""
        raise RefusedError(400, "VERSION_INVALID", f"{where}: {e}{hint}") from e
    if text == LATEST:
        message = f"{where}: latest always is the newest upload; give this one a version: 1.0.0."
        raise RefusedError(400, "VERSION_INVALID", message)
    return text


def _check_name(kind: Kind, name: str) -> None:
    try:
        kind.shelf.repository(name)
    except InvalidReferenceError as e:
        raise RefusedError(400, "NAME_INVALID", f"{kind.name}.name: {e}") from e


def _check_lines(document: Draft | Metadata, where: str) -> None:
    for place, text in _texts(msgspec.to_builtins(document), where):
        forbidden = _CONTROLS_IN_PROSE if place.endswith(".description") else _CONTROLS
        if found := forbidden.search(text):
            message = f"{place} has the control character {found[0]!r} in it; leave it out."
            raise RefusedError(400, "BODY_INVALID", message)


def _texts(value: Any, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, f"{where}.{key}")
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _texts(inner, f"{where}[{number}]")


def _entry(draft: Draft, metadata: Metadata) -> dict[str, Any]:
    """Gather what is known; its order is that of the fields, whatever order it came in."""
    entry = {**msgspec.to_builtins(draft), **msgspec.to_builtins(metadata)}
    if "system_requirements" in entry:
        entry["system_requirements"] = _filled(entry["system_requirements"])
    return _filled({key: value for key, value in entry.items() if key != "downloads"})


def _filled(document: dict[str, Any]) -> dict[str, Any]:
    """Leave out what says nothing, so that it cannot make two documents differ."""
    return {key: value for key, value in document.items() if value}


def _as_toml(entry: dict[str, Any]) -> bytes:
    """Write a profile that has nothing but what it says of itself."""
    document = {
        "profile": _some(entry, "name", "version", "description", "author"),
        "metadata": _some(entry, "author_email", "license", "repository", "documentation"),
        "requirements": entry.get("system_requirements", {}),
        "tags": {"values": entry.get("tags", [])},
        "games": {"compatible": entry.get("compatible_games", [])},
    }
    return tomli_w.dumps(_filled({key: _filled(part) for key, part in document.items()})).encode()


def _some(entry: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: entry[key] for key in keys if key in entry}


def _checked(kind: Kind, draft: Draft, content: bytes) -> bytes:
    where = f"{kind.name}_data"
    if not content:
        raise RefusedError(400, "BODY_INVALID", f"{where} is empty: there is nothing to store.")
    if len(content) > kind.content_bytes:
        message = f"{where} has {len(content):,} bytes; it may have {kind.content_bytes:,}."
        raise RefusedError(413, "SIZE_INVALID", message)
    if kind.layer_type.endswith("+toml"):
        document = _read_toml(content.decode(), where)
        if kind is PROFILE:
            _check_same(document.get("profile"), draft, where)
    return content


def _read_toml(text: str, where: str) -> dict[str, Any]:
    if max(line.count(".") for line in text.split("\n")) > _MAX_DOTS:
        message = f"{where} has a line with more than {_MAX_DOTS:,} dots; break it up."
        raise RefusedError(400, "BODY_INVALID", message)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as e:
        reason = "it is nested too deeply" if isinstance(e, RecursionError) else str(e)
        raise RefusedError(400, "BODY_INVALID", f"{where} is not valid TOML: {reason}.") from e


def _check_same(said: object, draft: Draft, where: str) -> None:
    """Refuse a profile that calls itself otherwise than it is uploaded."""
    if not isinstance(said, dict):
        return
    for key in ("name", "version"):
        wanted = getattr(draft, key)
        if said.get(key, wanted) != wanted:
            message = f"{where} says that its {key} is {said[key]!r}; it is uploaded as {wanted!r}."
            raise RefusedError(400, "BODY_INVALID", f"{message} Make them the same.")


def _annotations(draft: Draft, metadata: Metadata) -> dict[str, str]:
    email = f"<{metadata.author_email}>" if metadata.author_email else ""
    found = {
        "title": draft.name,
        "version": draft.version,
        "description": draft.description,
        "authors": " ".join(part for part in (draft.author, email) if part),
        "licenses": metadata.license,
        "source": metadata.repository,
        "documentation": metadata.documentation,
    }
    return {f"{_PREFIX}.{key}": value for key, value in found.items() if value}


def _blob(media_type: str, content: bytes, annotations: dict[str, str] | None = None) -> Blob:
    return (
        Descriptor(media_type, Digest.of(content), len(content), annotations=annotations),
        content,
    )
