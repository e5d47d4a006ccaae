"""docs/registries.md says what the code does."""

from pathlib import Path

import pytest

from ghostnb.registries.vendors.known import VENDORS
from ghostnb.registries.vendors.plain import Vendor

TEXT = (Path(__file__).parents[1] / "docs/registries.md").read_text(encoding="utf-8")
ABILITIES = {
    "repositories": "repositories",
    "tag details": "tag_details",
    "search": "search",
    "tag deletion": "delete_tag",
    "usage": "usage",
    "rights": "rights",
}


def table(first: str) -> list[dict[str, str]]:
    """Give the rows of the table whose head begins so."""
    lines = TEXT[TEXT.index(f"| {first}") :].split("\n\n")[0].splitlines()
    head, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return [dict(zip(head, row, strict=True)) for row in rows]


def has_own(vendor: type[Vendor], method: str) -> bool:
    return getattr(vendor, method) is not getattr(Vendor, method)


def test_every_kind_has_its_row_in_both_tables():
    for first in ("Kind | What", "Kind | repositories"):
        assert {row["Kind"].strip("`") for row in table(first)} == set(VENDORS)


@pytest.mark.parametrize("kind", VENDORS)
def test_what_a_kind_offers_is_what_its_class_does(kind):
    (row,) = [row for row in table("Kind | repositories") if row["Kind"] == f"`{kind}`"]
    for column, method in ABILITIES.items():
        says = row[column]
        if "digests" in says:
            assert has_own(VENDORS[kind], "tag_digests")
        else:
            assert (says == "API") == has_own(VENDORS[kind], method), column
        assert says in {"API", "digests by API", "protocol", "—"}


@pytest.mark.parametrize("kind", VENDORS)
def test_each_kind_is_named_with_the_document_of_its_login(kind):
    vendor = VENDORS[kind]
    if vendor.needs.documents:
        section = TEXT[TEXT.index(f"### {vendor.title}\n") :].split("\n### ")[0]
        assert f"]({vendor.needs.documents})" in section


def test_what_is_said_to_be_replayed_has_replies_with_their_sources():
    rooms = {"artifact-registry": "google", "docker-hub": "docker_hub", "ecr-public": "ecr"}
    rows = [row for row in table("Kind | repositories") if "replayed" in row["Checked"]]
    said = {row["Kind"].strip("`") for row in rows}
    sources = (Path(__file__).parent / "registries/vendors").glob("*/replies/README.md")

    assert {rooms.get(kind, kind) for kind in said} == {one.parts[-3] for one in sources}
