"""Amazon ECR: private registries, and the public one."""

from ghostnb.registries.vendors.ecr.public import ECRPublic
from ghostnb.registries.vendors.ecr.vendor import ECR

__all__ = ["ECR", "ECRPublic"]
