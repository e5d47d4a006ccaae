"""Where things are at Google: by a registry's host and names, and by the API's resource names."""

import re
from dataclasses import dataclass, replace
from urllib.parse import quote, unquote

from ghostnb.errors import InvalidReferenceError
from ghostnb.oci import check_repository, is_within

__all__ = ["Place", "is_google", "location_of"]

# Repositories that took the place of Container Registry, and where they are.
_GCR_LOCATIONS = {
    "gcr.io": "us",
    "us.gcr.io": "us",
    "eu.gcr.io": "europe",
    "asia.gcr.io": "asia",
}
_AR_HOST = re.compile(r"([a-z0-9-]+)-docker\.pkg\.dev|docker\.([a-z0-9-]+)\.rep\.pkg\.dev")
_GCR_HOST = re.compile(r"([a-z0-9-]+\.)?gcr\.io")


def is_google(host: str) -> bool:
    """Tell by a host, without a port, that a registry is Google's.

    Notes
    -----
    Source: github.com/google/go-containerregistry, pkg/v1/google/keychain.go; gcloud CLI,
    googlecloudsdk/api_lib/container/images/util.py, ``IsInvalidRegistry``.
    """
    return bool(_AR_HOST.fullmatch(host) or _GCR_HOST.fullmatch(host))


def location_of(host: str) -> str:
    """Give the location that a host serves; empty where that is not known.

    Notes
    -----
    Source: Artifact Registry, "Transition from Container Registry", "gcr.io repositories".

    Examples
    --------
    >>> location_of("europe-west1-docker.pkg.dev"), location_of("eu.gcr.io")
    ('europe-west1', 'europe')
    """
    match = _AR_HOST.fullmatch(host)
    return (match[1] or match[2]) if match else _GCR_LOCATIONS.get(host, "")


@dataclass(frozen=True, slots=True)
class Place:
    """A project, a repository in it, or what is in that.

    Attributes
    ----------
    host : str
        The registry's, without a port.
    project : str
        As the API has it: ``example.com:project`` for one of a domain.
    repository : str
        Of Artifact Registry: it holds images. Empty for all of a project.
    package : str
        An image's name within the repository, or the beginning of several.

    Notes
    -----
    Source: Artifact Registry, "Repository and image names"; REST reference,
    ``projects.locations.repositories.packages``; projects of a domain: as `is_google`,
    ``RecoverProjectId``.
    """

    host: str
    project: str
    repository: str = ""
    package: str = ""

    @classmethod
    def of(cls, host: str, name: str) -> "Place":
        """Find the place that the name of a registry's repository, or its beginning, says.

        Raises
        ------
        InvalidReferenceError
            If it is no such name.

        Examples
        --------
        >>> Place.of("us-docker.pkg.dev", "example.com/shop/apps/team/cart").path
        '/v1/projects/example.com:shop/locations/us/repositories/apps/packages/team%2Fcart'
        """
        project, *rest = check_repository(name).split("/")
        # Only a domain has a dot; a project's own name has none.
        if "." in project:
            if not rest:
                raise InvalidReferenceError(
                    f"{name!r} is a domain's name, and no project's.",
                    hint=f"Write {name}/PROJECT.",
                )
            project = f"{project}:{rest.pop(0)}"
        repository = host if host in _GCR_LOCATIONS else rest.pop(0) if rest else ""
        return cls(host, project, repository, "/".join(rest))

    @property
    def prefix(self) -> str:
        """How the registry's names begin that are there: ``project/repository/``."""
        parts = [self.project.replace(":", "/"), self.repository]
        if self.host in _GCR_LOCATIONS:
            parts.pop()
        return "".join(f"{part}/" for part in parts if part)

    @property
    def path(self) -> str:
        """The place's path in the API, quoted; that of its repositories for a whole project."""
        parent = f"/v1/projects/{quote(self.project, safe=':')}/locations/{location_of(self.host)}"
        path = f"{parent}/repositories"
        if self.repository:
            path += f"/{quote(self.repository, safe='')}"
        return f"{path}/packages/{quote(self.package, safe='')}" if self.package else path

    @property
    def whole(self) -> "Place":
        """The repository of Artifact Registry in which this is."""
        return replace(self, package="")

    def within(self, resource: str) -> "Place":
        """Give the place that a resource's name in the API says, in the same project.

        Parameters
        ----------
        resource : str
            ``projects/P/locations/L/repositories/R``, perhaps ``/packages/team%2Fcart``.
        """
        _, _, tail = resource.partition("/repositories/")
        repository, _, package = tail.partition("/packages/")
        return replace(self, repository=repository, package=unquote(package))

    def holds(self, package: str) -> bool:
        """Tell whether an image's name is here, where only the beginning was asked for."""
        return is_within(package, self.package or None)
