"""boto3: AWS credentials as they are found here, and one client for each service.

Nothing here is imported from boto3 before it is needed; everything blocks, and runs on threads.
"""

import threading
import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from ghostnb.errors import RegistryError, UnauthorizedError, UnsupportedError
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.vendors.ecr.hosts import Place
from ghostnb.registries.vendors.ecr.refusals import NO_BOTO3, translated

__all__ = ["SDK", "metadata"]

_CONNECT_SECONDS = 5
# Of calls that may pass: standard mode waits up to 20 s between them.
_ATTEMPTS = 3
# botocore's own name for the credentials of the machine that this runs on.
_METADATA = "iam-role"
_METADATA_PAUSE_SECONDS = 600.0
# Sources beside a profile, which botocore goes on to where the profile has no credentials.
_BESIDE_PROFILE = ("ec2-credentials-file", "boto-config", "container-role", _METADATA)

metadata = SimpleNamespace(silent_until=0.0)
"""Until when the metadata of an EC2 instance is not asked for again, in this whole process.

Where this is none, nobody answers, and that is waited for: botocore does so for a second, twice.
Who knows that it is none sets AWS_EC2_METADATA_DISABLED=true, and does not wait at all.
"""


@dataclass(slots=True)
class _Held:
    """A session of boto3 and its clients: what was looked up once."""

    session: Any = field(default=None, repr=False)
    clients: dict[str, Any] = field(default_factory=dict, repr=False)


class SDK:
    """Calls operations of Amazon's APIs, on behalf of one registry.

    Parameters
    ----------
    config : RegistryConfig
        Its profile is used; without one, what AWS's own software uses by default.
    place : Place
        The region and the kind of endpoint.

    Notes
    -----
    Source: Boto3 documentation, "Credentials" and "Clients": clients may be shared by threads,
    and are made by one thread at a time.
    """

    def __init__(self, config: RegistryConfig, place: Place) -> None:
        self._config = config
        self._place = place
        self._lock = threading.Lock()
        self._held = _Held()

    def __repr__(self) -> str:
        return f"<SDK in {self._place.region} for {self._config.name}>"

    def call(self, service: str, operation: str, what: str, parameters: dict[str, Any]) -> Any:
        """Call an operation.

        Parameters
        ----------
        service, operation : str
            As boto3 calls them: ``ecr``, ``describe_images``.
        what : str
            What is asked for, for messages.
        parameters : dict

        Raises
        ------
        RegistryError
            Of the class that fits.
        """
        asked = f"{self._config.name} asked Amazon in {self._place.region} for {what}"
        try:
            return getattr(self._client(service), operation)(**parameters)
        except RegistryError:
            raise
        except ImportError as e:
            raise UnsupportedError(
                f"{asked}: {NO_BOTO3}.",
                registry=self._config.name,
                url=self._config.url,
            ) from e
        except Exception as e:  # botocore has two trees, and its parsers raise what they stumble on
            error = translated(
                e,
                asked,
                registry=self._config.name,
                url=self._config.url,
                profile=self._config.profile,
            )
            if isinstance(error, UnauthorizedError):
                # Others may be there by now: who logs in after this is to be found.
                self.forget()
                # Not chained: what was wrongly signed is repeated with its secrets.
                raise error from None
            raise error from e

    def check_profile(self) -> None:
        """Raise if the registry's profile is not there, or boto3; asks nobody."""
        name, profile = self._config.name, self._config.profile
        what = f"The profile of {name}, {profile}, cannot be used"
        try:
            import boto3  # noqa: F401 - what asks is it
            import botocore.session

            botocore.session.Session(profile=profile).get_scoped_config()
        except ImportError as e:
            raise UnsupportedError(
                f"{what}: {NO_BOTO3}.", registry=name, url=self._config.url
            ) from e
        except Exception as e:  # of botocore's files, and of its parsers
            raise translated(
                e, what, registry=name, url=self._config.url, profile=profile
            ) from None

    def forget(self) -> None:
        """Look for credentials anew when they are needed next.

        The lock is not waited for: a thread may have it for as long as credentials are looked
        for, and this is called on the event loop.
        """
        self._held = _Held()

    def _client(self, service: str) -> Any:
        with self._lock:
            held = self._held
            if service not in held.clients:
                held.clients[service] = self._new_client(held, service)
            return held.clients[service]

    def _new_client(self, held: "_Held", service: str) -> Any:
        from botocore.config import Config

        if held.session is None:
            held.session = self._new_session()
        options: dict[str, Any] = {}
        # Only where the host says so: else it is for AWS's own configuration to say.
        if self._place.is_fips:
            options["use_fips_endpoint"] = True
        if self._place.is_dual_stack and service != "sts":
            options["use_dualstack_endpoint"] = True
        config = Config(
            connect_timeout=min(_CONNECT_SECONDS, self._config.timeout_seconds),
            read_timeout=self._config.timeout_seconds,
            max_pool_connections=self._config.max_connections,
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
            **options,
        )
        return held.session.client(service, region_name=self._place.region, config=config)

    def _new_session(self) -> Any:
        import boto3
        import botocore.session
        from botocore.exceptions import CredentialRetrievalError, NoCredentialsError

        core = botocore.session.Session(profile=self._config.profile)
        asks_metadata = time.monotonic() >= metadata.silent_until and not self._config.profile
        sources = core.get_component("credential_provider")
        if self._config.profile:
            # Who names one means nobody else; what a profile itself refers to is not among these.
            for name in _BESIDE_PROFILE:
                sources.remove(name)
        elif not asks_metadata:
            sources.remove(_METADATA)
        try:
            found = core.get_credentials()
        except ValueError as e:
            # Of a program that is to print credentials; what it printed is told to nobody.
            raise CredentialRetrievalError(
                provider="custom-process", error_msg=f"unreadable output ({type(e).__name__})"
            ) from None
        if found is None:
            if asks_metadata:
                metadata.silent_until = time.monotonic() + _METADATA_PAUSE_SECONDS
            raise NoCredentialsError()
        return boto3.Session(botocore_session=core)
