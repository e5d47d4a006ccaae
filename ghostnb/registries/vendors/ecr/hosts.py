"""Where Amazon's registries are: what a host says of account, region and endpoint."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from ghostnb.registries.config import RegistryConfig

__all__ = ["PUBLIC_HOSTS", "Place", "place_of", "private_place", "public_place"]

PUBLIC_HOSTS = frozenset({"public.ecr.aws", "ecr-public.aws.com"})
_DUAL_STACK = "ecr-public.aws.com"
# Amazon ECR Public's API is there alone.
_PUBLIC_REGION = "us-east-1"
_PRIVATE = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr(?P<fips>-fips)?\.(?P<region>[a-z0-9-]+)\."
    r"(?:(?P<dual>on\.aws|on\.amazonwebservices\.com\.cn)"
    r"|amazonaws\.com|amazonaws\.com\.cn|amazonaws\.eu"
    r"|c2s\.ic\.gov|sc2s\.sgov\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the API of a registry is.

    Attributes
    ----------
    region : str
    account : str
        Whose registry it is; empty for the public one, which many share.
    is_fips, is_dual_stack : bool
        What its host says of the endpoint: the API's is to be of the same kind.
    """

    region: str
    account: str = ""
    is_fips: bool = False
    is_dual_stack: bool = False


def private_place(host: str) -> Place | None:
    """Read the host, without a port, of a private registry; None for any other.

    Notes
    -----
    Source: AWS General Reference, "Amazon ECR endpoints and quotas"; Amazon ECR User Guide,
    "Getting started making requests over IPv6"; github.com/awslabs/
    amazon-ecr-credential-helper, ecr-login/api/client.go, for China and what is isolated.
    """
    found = _PRIVATE.fullmatch(host.lower())
    if found is None:
        return None
    return Place(found["region"], found["account"], bool(found["fips"]), bool(found["dual"]))


def public_place(host: str) -> Place | None:
    """Read the host, without a port, of Amazon ECR Public; None for any other."""
    name = host.lower()
    if name not in PUBLIC_HOSTS:
        return None
    return Place(_PUBLIC_REGION, is_dual_stack=name == _DUAL_STACK)


def place_of(config: RegistryConfig, *, is_public: bool) -> Place | None:
    """Give the place of a registry that is surely Amazon's; None if it may be another's.

    By an encrypted connection to the usual port, whose certificate is verified: what Amazon's
    software has here is for nobody else.
    """
    parts = urlsplit(config.url)
    if parts.scheme != "https" or parts.port not in (None, 443) or config.insecure:
        return None
    if not config.stored_credentials:
        return None
    host = parts.hostname or ""
    return public_place(host) if is_public else private_place(host)
