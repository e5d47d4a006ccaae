"""Every vendor, by kind: in this order a registry is compared with them."""

from ghostnb.registries.vendors.acr import ACR
from ghostnb.registries.vendors.docker_hub import DockerHub
from ghostnb.registries.vendors.drift import Drift
from ghostnb.registries.vendors.ecr import ECR, ECRPublic
from ghostnb.registries.vendors.ghcr import GHCR
from ghostnb.registries.vendors.gitlab import GitLab
from ghostnb.registries.vendors.google import ArtifactRegistry
from ghostnb.registries.vendors.harbor import Harbor
from ghostnb.registries.vendors.plain import Vendor
from ghostnb.registries.vendors.quay import Quay
from ghostnb.registries.vendors.zot import Zot

__all__ = ["VENDORS"]

VENDORS: dict[str, type[Vendor]] = {
    vendor.kind: vendor
    for vendor in (
        Vendor,
        DockerHub,
        Drift,
        ACR,
        ArtifactRegistry,
        ECR,
        ECRPublic,
        GHCR,
        GitLab,
        Harbor,
        Quay,
        Zot,
    )
}
