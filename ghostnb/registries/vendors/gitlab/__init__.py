"""GitLab Container Registry."""

from ghostnb.registries.vendors.gitlab.vendor import GitLab

__all__ = ["GitLab"]
