"""The columns of the browser's tables, and the rows of its registries."""

import pandas as pd

from ghostnb.client import RegistryClient
from ghostnb.errors import ForbiddenError, GhostnbError, UnauthorizedError
from ghostnb.widgets.table import Column

__all__ = ["REGISTRIES", "REPOSITORIES", "TAGS", "registry_rows", "status_row"]

REGISTRIES = [
    Column("status", "", "dot", "30px"),
    Column("name", "Name", width="minmax(7.5em, 1fr)"),
    Column("badges", "", "badges", is_optional=True),
    Column("url", "URL", width="minmax(14.5em, 2fr)"),
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
    return rows.assign(status=rows["status"].astype("string"))


async def status_row(client: RegistryClient) -> pd.DataFrame:
    """Ask a registry whether it is there, and give the row that says so."""
    try:
        await client.ping()
    except (UnauthorizedError, ForbiddenError):
        state = "refused"
    except GhostnbError:
        state = "unreachable"
    else:
        state = "reachable"
    return pd.DataFrame({"name": [client.name], "status": [state]})
