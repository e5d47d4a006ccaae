"""The columns of the browser's tables, and the rows of its registries."""

import pandas as pd

from ghostnb.client import RegistryClient
from ghostnb.errors import ForbiddenError, GhostnbError, UnauthorizedError
from ghostnb.registries.vendors import vendor_title
from ghostnb.widgets.table import Column

__all__ = ["REGISTRIES", "REPOSITORIES", "TAGS", "greeting", "registry_rows", "status_row"]

REGISTRIES = [
    Column("status", "", "dot", "30px"),
    Column("name", "Name", width="minmax(6.8em, 1fr)"),
    Column("badges", "", "badges", is_optional=True),
    Column("url", "URL", width="minmax(11em, 2.4fr)"),
    Column("kind", "Kind", width="minmax(4.5em, 1fr)", is_optional=True),
]
REPOSITORIES = [
    Column("repository", "Repository"),
    Column("tag_count", "Tags", "number", "76px", is_optional=True),
]
TAGS = [
    Column("tag", "Tag", width="minmax(6em, 1fr)"),
    Column("size_bytes", "Size", "bytes", "80px"),
    Column("created", "Created", "time", "122px"),
    Column("platforms", "Platforms", width="minmax(5em, 1fr)"),
    Column("inspect", "Inspect", "action", "84px"),
]


def registry_rows(registries: pd.DataFrame) -> pd.DataFrame:
    """Give the rows of a fleet's registries; how each answers is not known yet."""
    badges = [
        ["AUTH"] * bool(row.has_auth) + ["INSECURE"] * bool(row.insecure)
        for row in registries.itertuples()
    ]
    rows = registries[["name", "url"]].assign(badges=badges, status=pd.NA)
    kinds = registries["kind"].map(vendor_title).astype("string")
    return rows.assign(status=rows["status"].astype("string"), kind=kinds)


async def greeting(client: RegistryClient) -> tuple[str, str]:
    """Ask a registry whether it is there: what its dot shows, and with which rights it is used."""
    try:
        ping = await client.ping()
    except (UnauthorizedError, ForbiddenError):
        return "refused", ""
    except GhostnbError:
        return "unreachable", ""
    return "reachable", ping.rights


def status_row(client: RegistryClient, status: str) -> pd.DataFrame:
    """Give the row of a registry that has answered, or not; what it is may be known since."""
    frame = pd.DataFrame(
        {"name": [client.name], "status": [status], "kind": [vendor_title(client.kind)]}
    )
    return frame.astype("string")
