"""zot's GraphQL schema, as far as it is asked, and a reader of queries that is as strict as it.

Source: github.com/project-zot/zot, ``pkg/extensions/search/schema.graphql`` (commit ea03398).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

_TEXT, _INT = "String", "Int"
SCHEMA: dict[str, dict[str, str]] = {
    "Query": {
        "RepoListWithNewestImage": "PaginatedReposResult",
        "ImageList": "PaginatedImagesResult",
        "GlobalSearch": "GlobalSearchResult",
    },
    "PageInfo": {"TotalCount": _INT, "ItemCount": _INT},
    "PaginatedReposResult": {"Page": "PageInfo", "Results": "RepoSummary"},
    "PaginatedImagesResult": {"Page": "PageInfo", "Results": "ImageSummary"},
    "GlobalSearchResult": {"Page": "PageInfo", "Images": "ImageSummary", "Repos": "RepoSummary"},
    "RepoSummary": {
        "Name": _TEXT,
        "LastUpdated": _TEXT,
        "Size": _TEXT,
        "Platforms": "Platform",
        "NewestImage": "ImageSummary",
        "DownloadCount": _INT,
        "StarCount": _INT,
    },
    "ImageSummary": {
        "RepoName": _TEXT,
        "Tag": _TEXT,
        "Digest": _TEXT,
        "MediaType": _TEXT,
        "Manifests": "ManifestSummary",
        "Size": _TEXT,
        "DownloadCount": _INT,
        "LastPullTimestamp": _TEXT,
        "PushTimestamp": _TEXT,
        "TaggedTimestamp": _TEXT,
        "LastUpdated": _TEXT,
        "Description": _TEXT,
    },
    "ManifestSummary": {
        "Digest": _TEXT,
        "LastUpdated": _TEXT,
        "Size": _TEXT,
        "Platform": "Platform",
        "Layers": "LayerSummary",
        "ArtifactType": _TEXT,
    },
    "Platform": {"Os": _TEXT, "Arch": _TEXT},
    "LayerSummary": {"Size": _TEXT, "Digest": _TEXT},
}
ARGUMENTS = {
    "RepoListWithNewestImage": ["requestedPage"],
    "ImageList": ["repo", "requestedPage"],
    "GlobalSearch": ["query", "requestedPage"],
}
_SORTS = ("RELEVANCE", "ALPHABETIC_ASC")
_TOKEN = re.compile(r'\s*([{}():,]|"(?:[^"\\]|\\.)*"|-?\d+|[A-Za-z_]\w*)')

Tree = dict[str, "Tree"]


class UnknownFieldError(Exception):
    """A query asks for what the schema does not have: the field, and its type."""


@dataclass
class Asked:
    """A query: what is asked, by what arguments, and for which fields."""

    name: str
    arguments: dict[str, Any]
    fields: Tree = field(default_factory=dict)

    def page(self, *, most: int) -> slice:
        """Give the place of the page that is asked for, which must be one of a bounded size."""
        page = self.arguments["requestedPage"]
        assert list(page) == ["limit", "offset", "sortBy"]
        assert 1 <= page["limit"] <= most
        assert page["offset"] >= 0
        assert page["sortBy"] in _SORTS
        # Ties by relevance are in any order: its pages do not fit together.
        assert page["offset"] == 0 or page["sortBy"] == "ALPHABETIC_ASC"
        return slice(page["offset"], page["offset"] + page["limit"])


def read(query: str, *, missing: set[str]) -> Asked:
    """Read a query; the fields that are `missing` (``Type.Field``) are not in the schema."""
    assert "$" not in query, "a zot in a cluster cannot read variables"
    tokens = _TOKEN.findall(query)
    assert re.sub(r"\s", "", "".join(tokens)) == re.sub(r"\s", "", query), "no GraphQL"
    tokens.reverse()
    _take(tokens, "{")
    asked = Asked(tokens.pop(), {})
    _take(tokens, "(")
    asked.arguments = _pairs(tokens, ")")
    assert list(asked.arguments) == ARGUMENTS[asked.name]
    asked.fields = _fields(tokens, SCHEMA["Query"][asked.name], missing)
    _take(tokens, "}")
    assert not tokens
    return asked


def project(value: Any, fields: Tree) -> Any:
    """Give of a value what a query asks for."""
    if isinstance(value, list):
        return [project(one, fields) for one in value]
    if value is None or not fields:
        return value
    return {name: project(value[name], inner) for name, inner in fields.items()}


def _take(tokens: list[str], wanted: str) -> None:
    found = tokens.pop()
    assert found == wanted, f"{found} in the place of {wanted}"


def _pairs(tokens: list[str], end: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    while True:
        name = tokens.pop()
        _take(tokens, ":")
        found[name] = _value(tokens)
        if (mark := tokens.pop()) == end:
            return found
        assert mark == ","


def _value(tokens: list[str]) -> Any:
    token = tokens.pop()
    if token == "{":
        return _pairs(tokens, "}")
    return json.loads(token) if token[0] == '"' or token[-1].isdigit() else token


def _fields(tokens: list[str], kind: str, missing: set[str]) -> Tree:
    _take(tokens, "{")
    found: Tree = {}
    while (name := tokens.pop()) != "}":
        inner = SCHEMA[kind].get(name)
        if inner is None or f"{kind}.{name}" in missing:
            raise UnknownFieldError(name, kind)
        assert name not in found, f"{name} is asked for twice"
        found[name] = _fields(tokens, inner, missing) if inner in SCHEMA else {}
    assert found, f"nothing of {kind} is asked for"
    return found
