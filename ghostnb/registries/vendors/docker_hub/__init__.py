"""Docker Hub."""

from ghostnb.registries.vendors.docker_hub.vendor import DockerHub

__all__ = ["DockerHub"]
