"""Google's own credentials, by google-auth: the machine's, or a service account's key."""

import asyncio
import base64
import binascii
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from ghostnb.errors import RegistryError, TransportError, UnauthorizedError, UnsupportedError
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.threads import answered

__all__ = [
    "INSTALL",
    "SignIn",
    "default_credentials",
    "is_long",
    "key_account",
    "key_credentials",
    "may_have_defaults",
    "signs",
]

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
INSTALL = "pip install 'ghostnb[google]'"
_KEY_FILE = "GOOGLE_APPLICATION_CREDENTIALS"
_ADC_FILE = "application_default_credentials.json"
# Set where Google's own services run somebody's program, which has a metadata server then.
_AT_GOOGLE = ("GCE_METADATA_HOST", "GCE_METADATA_ROOT", "GCE_METADATA_IP", "K_SERVICE")
_PRODUCT = Path("/sys/class/dmi/id/product_name")
_MAX_TEXT = 200
# google-auth asks a metadata server that is silent again and again.
_PATIENCE_SECONDS = 10.0
_HINTS: dict[type[RegistryError], str] = {
    UnsupportedError: f"Install it: {INSTALL}",
    UnauthorizedError: "Log in anew: gcloud auth application-default login; or get another key.",
    TransportError: "Check the network and the proxy settings; Google's servers are asked.",
}


class SignIn:
    """Gets access tokens for one of Google's identities, and a new one before the end of each.

    Parameters
    ----------
    config : RegistryConfig
        Of the registry for which it is.
    who : str
        Whose credentials they are, for messages.
    load : callable
        Gives credentials of google-auth; called on a thread, once.

    Notes
    -----
    Source: google-auth, ``google.auth.credentials.Credentials``. Its calls block.
    """

    def __init__(self, config: RegistryConfig, who: str, load: Callable[[], Any]) -> None:
        self._config = config
        self._who = who
        self._load = load
        self._lock = asyncio.Lock()
        self._held: Any = None

    def __repr__(self) -> str:
        return f"<SignIn of {self._who}>"

    @property
    def account(self) -> str:
        """The account's address, as far as google-auth knows it."""
        held = self._held
        names = (getattr(held, name, "") for name in ("service_account_email", "account"))
        # On a machine at Google it is called so until its address was asked for.
        return next((name for name in names if name and name != "default"), "")

    @property
    def quota_project(self) -> str:
        """The project to which requests are counted; empty if it is the account's own."""
        return getattr(self._held, "quota_project_id", None) or ""

    async def token(self) -> str:
        """Give an access token.

        Raises
        ------
        UnsupportedError
            If google-auth is not installed.
        UnauthorizedError
            If the credentials are none, or are taken no more.
        TransportError
            If Google's token server does not answer, or not within ten seconds.
        """
        async with self._lock:
            try:
                self._held = await self._in_time()
            except UnauthorizedError:
                # Somebody may have logged in anew when it is tried again.
                self._held = None
                raise
            return str(self._held.token)

    async def _in_time(self) -> Any:
        try:
            return await answered(
                partial(self._current, self._held),
                name="ghostnb-google",
                seconds=_PATIENCE_SECONDS,
            )
        except TimeoutError:
            problem = f"Google gives no access token within {_PATIENCE_SECONDS:g} s"
            raise self._error(TransportError, problem) from None

    def _current(self, held: Any) -> Any:
        """Give credentials with a token that is good: those that are held, if there are any."""
        try:
            from google.auth import exceptions
            from google.auth.credentials import TokenState
        except ImportError:
            problem = "needs google-auth, which is not installed"
            raise self._error(UnsupportedError, f"{self._config.name} {problem}") from None
        try:
            held = held or self._load()
            if held.token_state is not TokenState.FRESH:
                held.refresh(_request(self._config.timeout_seconds))
        # Not chained: what could not be read may be in them, and that is a key.
        except exceptions.TransportError as e:
            problem = f"Google's token server does not answer ({_words(e)})"
            raise self._error(TransportError, problem) from None
        except exceptions.GoogleAuthError as e:
            problem = f"Google gives no access token ({_words(e)})"
            raise self._error(UnauthorizedError, problem) from None
        except ImportError:
            problem = "needs google-auth with requests, which is not installed"
            raise self._error(UnsupportedError, f"{self._config.name} {problem}") from None
        # A file of credentials may be unreadable, or JSON of any other form.
        except (ValueError, OSError, AttributeError, TypeError, msgspec.MsgspecError) as e:
            problem = (
                f"google-auth makes nothing of what {self._config.name} has ({type(e).__name__})"
            )
            raise self._error(UnauthorizedError, problem) from None
        return held

    def _error(self, kind: type[RegistryError], problem: str) -> RegistryError:
        return kind(
            f"{problem}, for {self._who}.",
            hint=_HINTS.get(kind, ""),
            registry=self._config.name,
            url=self._config.url,
        )


def may_have_defaults() -> bool:
    """Tell without asking anybody whether this machine may have credentials for programs.

    Notes
    -----
    Source: "How Application Default Credentials works". google-auth would look for a metadata
    server, too, and wait seconds for it where there is none.
    """
    if any(os.environ.get(name) for name in (_KEY_FILE, *_AT_GOOGLE)):
        return True
    return (_configuration() / _ADC_FILE).is_file() or _is_machine_of_google()


def signs() -> tuple[object, ...]:
    """Give what says where this machine's credentials are: others, once somebody has changed it."""
    named = [os.environ.get(name) for name in (_KEY_FILE, *_AT_GOOGLE)]
    files = (_configuration() / _ADC_FILE, Path(os.environ.get(_KEY_FILE) or os.devnull))
    return *named, *map(_changed_at, files)


def _changed_at(file: Path) -> int | None:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return None


def is_long(seconds: float) -> bool:
    """Tell whether a sign-in that failed was waited for: google-auth gives up by itself, too."""
    return seconds >= _PATIENCE_SECONDS / 2


def default_credentials() -> Any:
    """Find the credentials that this machine has for programs; blocks."""
    import google.auth

    return google.auth.default(scopes=[_SCOPE])[0]


def key_credentials(key: str) -> Any:
    """Make credentials of a service account's key file, given as text or in base64.

    Raises
    ------
    ValueError
        If it is none.
    """
    from google.oauth2 import service_account

    info = _decoded(key)
    return service_account.Credentials.from_service_account_info(info, scopes=[_SCOPE])


def key_account(key: str) -> str:
    """Read whose key it is; empty if that cannot be read."""
    try:
        return str(_decoded(key).get("client_email", ""))
    except (ValueError, msgspec.MsgspecError):
        return ""


def _decoded(key: str) -> dict[str, Any]:
    text = key.strip().encode()
    if not text.startswith(b"{"):
        try:
            text = base64.b64decode(text)
        except binascii.Error:
            raise ValueError("neither a key file's text, nor that in base64") from None
    return msgspec.json.decode(text, type=dict[str, Any])


def _configuration() -> Path:
    """Give the directory of gcloud's configuration."""
    if chosen := os.environ.get("CLOUDSDK_CONFIG"):
        return Path(chosen)
    if os.name == "nt":
        return Path(os.environ.get("APPDATA", "C:\\")) / "gcloud"
    return Path("~/.config/gcloud").expanduser()


def _is_machine_of_google() -> bool:
    try:
        return _PRODUCT.read_text(encoding="utf-8", errors="replace").startswith("Google")
    except OSError:
        return False


def _request(timeout_seconds: float) -> Any:
    """Make what google-auth asks by; it would wait two minutes for each answer."""
    from google.auth.transport.requests import Request

    class Patient(Request):
        def __call__(
            self,
            url: str,
            method: str = "GET",
            body: Any = None,
            headers: Any = None,
            timeout: float | None = timeout_seconds,
            **more: Any,
        ) -> Any:
            return super().__call__(url, method, body, headers, timeout, **more)

    return Patient()


def _words(error: Exception) -> str:
    """Give the first of what an error says: what follows may be a whole answer."""
    told = error.args[0] if error.args else ""
    return str(told)[:_MAX_TEXT] if isinstance(told, str) and told else type(error).__name__
