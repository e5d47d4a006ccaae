"""A login by Entra ID: what azure-identity finds here, for a registry's own refresh token."""

import logging
import os
import time
import warnings
from functools import partial
from types import SimpleNamespace
from urllib.parse import urlencode

import msgspec

from ghostnb.errors import ConfigError, ProtocolError
from ghostnb.registries.session import Session
from ghostnb.registries.threads import answered
from ghostnb.registries.vendors.acr.documents import RefreshToken, claims_of
from ghostnb.wire.messages import Request
from ghostnb.wire.tokens import Credentials

__all__ = ["NULL_USER", "EntraLogin", "silence"]

NULL_USER = "00000000-0000-0000-0000-000000000000"
"""Who has a refresh token instead of a password."""
# Of registries alone: a token for all of Azure would do as well, and may do more elsewhere.
_AUDIENCE = "https://containerregistry.azure.net/.default"
# A new one is another user to the cache of what was read; who signs in anew should not wait long.
_KEEP_SECONDS = 30 * 60.0
_MARGIN_SECONDS = 5 * 60.0
# So soon it is looked again where it could not be told whether somebody has signed in.
_PAUSE_SECONDS = 15.0
# Each look asks the machine's metadata, and starts az and azd.
_SILENCE_SECONDS = 600.0
# Metadata that accept and never answer, as behind a proxy, are waited for without an end.
_PATIENCE_SECONDS = 10.0
_AUTHORITIES = {"cn": "login.chinacloudapi.cn", "us": "login.microsoftonline.us"}
# What starts a shell or asks a desktop for it: whoever wants those says so by a variable.
_CHOICE = "AZURE_TOKEN_CREDENTIALS"
_SLOW = ("broker", "powershell", "shared_token_cache", "visual_studio_code")
# The registry does not take that sign-in; anything else is no word on it.
_REFUSED = (400, 401, 403, 404)

silence = SimpleNamespace(until=-float("inf"))
"""Until when azure-identity is not asked again, in this whole process, since it did not answer."""


class EntraLogin:
    """Logs in to one registry with what azure-identity finds.

    Parameters
    ----------
    session : Session
        Of a registry at Azure's own address: nobody else may see such a token.

    Notes
    -----
    Source: github.com/Azure/acr, docs/AAD-OAuth.md, "Calling POST /oauth2/exchange to get an
    ACR refresh token"; the audience is that of github.com/Azure/azure-sdk-for-python,
    azure-containerregistry.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._found: Credentials | None = None
        self._until = -float("inf")

    def __repr__(self) -> str:
        return f"<EntraLogin to {self._session.config.name}>"

    async def credentials(self) -> Credentials | None:
        """Give a refresh token; None if there is no sign-in here, or the registry takes none.

        Raises
        ------
        RegistryError
            If the registry cannot be asked now.
        """
        if time.monotonic() >= self._until:
            self._found, keep_seconds = await self._looked_up()
            self._until = time.monotonic() + keep_seconds
        return self._found

    async def _looked_up(self) -> tuple[Credentials | None, float]:
        """Give a login, if there is one, and for how many seconds that holds."""
        if (left := silence.until - time.monotonic()) > 0:
            return None, left
        try:
            token, pause_seconds = await answered(
                partial(_entra_token, self._session.config.host),
                name="ghostnb-entra",
                seconds=_PATIENCE_SECONDS,
            )
        except TimeoutError:
            self._keep_silence()
            return None, _SILENCE_SECONDS
        if token is None:
            return None, pause_seconds
        found = await self._exchanged(token)
        return found, _keep_seconds(found)

    def _keep_silence(self) -> None:
        """Say that no sign-in came, unless another registry has just said so."""
        now = time.monotonic()
        if now >= silence.until:
            warnings.warn(
                f"{self._session.config.name}: a sign-in by Entra ID, for which azure-identity "
                f"looks here, has not come within {_PATIENCE_SECONDS:g} s; registries are asked "
                f"without, and it is looked for again in {_SILENCE_SECONDS / 60:g} minutes. "
                "az login signs in; a username and a password do without; and "
                "stored_credentials = false in the registry's configuration switches it off.",
                UserWarning,
                stacklevel=2,
            )
        silence.until = now + _SILENCE_SECONDS

    async def _exchanged(self, token: str) -> Credentials | None:
        """Give a token of Entra ID for one of the registry.

        Notes
        -----
        The tenant may be left out (containerregistry.json 2021-07-01, "ExchangeAadAccessToken-
        ForAcrRefreshToken").
        """
        config = self._session.config
        told = (challenge.service for challenge in self._session.challenges if challenge.service)
        form = {
            "grant_type": "access_token",
            "service": next(told, config.host),
            "access_token": token,
        }
        request = Request(
            "POST",
            f"{config.url}/oauth2/exchange",
            "a login by Entra ID",
            headers={"content-type": "application/x-www-form-urlencoded"},
            body=urlencode(form).encode(),
            as_is=True,
        )
        reply = await self._session.send_plainly(request)
        if reply.status in _REFUSED:
            error = self._session.refusal(request, reply)
            warnings.warn(
                f"{config.name} does not take the sign-in that azure-identity finds here "
                f"({error.said}); it is asked without. az login signs in as somebody else.",
                UserWarning,
                stacklevel=2,
            )
            return None
        if reply.status != 200:
            raise self._session.refusal(request, reply)
        try:
            answer = msgspec.json.decode(reply.body, type=RefreshToken)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            # Not chained: a decoding error holds what it could not decode, perhaps a token.
            raise ProtocolError(
                f"{config.name} answered {request.what} without a refresh token.",
                hint="Is this the address of a registry, or of a web page or proxy?",
                registry=config.name,
                url=request.url,
                status=reply.status,
            ) from None
        return Credentials(NULL_USER, identity_token=answer.refresh_token)


def _entra_token(host: str) -> tuple[str | None, float]:
    """Ask azure-identity for a token; without one, say after how many seconds to look again.

    Notes
    -----
    Source: azure-identity, `DefaultAzureCredential`: the environment, a workload's identity,
    a machine's, and the command lines az and azd. If none of them has anything, or one that has
    is refused, that is a `ClientAuthenticationError`.
    """
    try:
        from azure.core.exceptions import AzureError, ClientAuthenticationError
        from azure.identity import DefaultAzureCredential
    except ImportError:
        return None, _PAUSE_SECONDS
    # It tells of each source that has nothing as a warning, for those who keep a log.
    logging.getLogger("azure.identity").addHandler(_UNHEARD)
    options: dict[str, object] = {}
    if _CHOICE not in os.environ:
        options = {f"exclude_{source}_credential": True for source in _SLOW}
    if authority := _AUTHORITIES.get(host.partition(":")[0].rpartition(".")[2]):
        options["authority"] = authority
    try:
        with DefaultAzureCredential(**options) as credential:
            return credential.get_token(_AUDIENCE).token, 0.0
    except ClientAuthenticationError:
        return None, _SILENCE_SECONDS
    except AzureError:
        return None, _PAUSE_SECONDS
    except (ValueError, OSError) as e:
        # OSError: of a certificate's file that a variable names.
        raise ConfigError(
            f"azure-identity cannot look for a sign-in: {e}",
            hint=f"Check the variables of the environment that begin with AZURE_, as {_CHOICE}.",
        ) from e


_UNHEARD = logging.NullHandler()


def _keep_seconds(found: Credentials | None) -> float:
    if found is None:
        return _PAUSE_SECONDS
    claims = claims_of(found.identity_token)
    if not claims.exp:
        return _KEEP_SECONDS
    return min(_KEEP_SECONDS, max(_PAUSE_SECONDS, claims.exp - claims.iat - _MARGIN_SECONDS))
