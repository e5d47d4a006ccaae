"""Docker Hub."""

from ghostnb.oci import Reference, check_repository
from ghostnb.registries.vendors.plain import Vendor

__all__ = ["DockerHub"]


class DockerHub(Vendor):
    """Docker Hub: names without a slash are in ``library/``, and there is no catalog."""

    kind = "docker-hub"
    prefers_head = True
    hosts = frozenset({"registry-1.docker.io", "index.docker.io", "docker.io"})

    def repository(self, name: str) -> str:
        """Complete a name as Docker does: ``nginx`` is ``library/nginx``."""
        return check_repository(name if "/" in name else f"library/{name}")

    def reference(self, text: str) -> Reference:
        """Read a reference in Docker's familiar form."""
        reference = Reference.parse(text)
        return Reference("", reference.repository, reference.tag, reference.digest)
