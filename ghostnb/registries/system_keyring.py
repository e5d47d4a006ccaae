"""The system's keyring, where passwords may be kept; nothing else knows the package `keyring`."""

import asyncio
import importlib
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TypeVar

from ghostnb.errors import ConfigError

__all__ = ["delete_password", "find_keyring", "read_password", "store_password"]

Result = TypeVar("Result")
_log = logging.getLogger(__name__)

# Someone may have to unlock it; a fleet's patience with a registry is a little longer.
_PATIENCE_SECONDS = 15.0
_LOCKED_HINT = "Unlock it, and try again."
_NONE_HINT = (
    "On Linux, it takes a session with a Secret Service, such as GNOME Keyring, KWallet or "
    "KeePassXC. Without one, keep the password in an environment variable: env:NAME."
)
# Who puts back an earlier password must not put it over somebody's new one.
_changing = threading.Lock()


async def find_keyring() -> str:
    """Say what keyring would keep passwords; asks nobody to unlock it.

    Raises
    ------
    ConfigError
        Why none would, and what to do.
    """
    return await _ask(_find)


async def read_password(service: str, username: str) -> str | None:
    """Read a password; None if there is none.

    Raises
    ------
    ConfigError
        If the keyring is missing or locked, or does not answer.
    """
    return await _ask(lambda keyring: keyring.get_password(service, username))


async def store_password(service: str, username: str, password: str) -> None:
    """Keep a password in place of an earlier one.

    Raises
    ------
    ConfigError
        As `read_password`; or if the keyring may keep passwords unprotected, and nobody
        has chosen it.
        Then, or if this is cancelled, the earlier one stays, also where the keyring
        answers later.
    """
    await _change(service, username, password)


async def delete_password(service: str, username: str) -> None:
    """Delete a password; nothing happens if there is none.

    Raises
    ------
    ConfigError
        As `read_password`. Then, or if this is cancelled, it stays.
    """
    await _change(service, username, None)


async def _change(service: str, username: str, password: str | None) -> None:
    is_taken: Future[bool] = Future()  # whether somebody was still there for the answer

    @contextmanager
    def change(keyring: Any) -> Iterator[None]:
        with _changing:
            if password is not None:
                _find(keyring)
            before = keyring.get_password(service, username)
            # What an unlocked keyring does a minute later, nobody has asked for any more.
            if not is_taken.done():
                _put(keyring, service, username, before, password)
            yield
            if not is_taken.result():
                now = keyring.get_password(service, username)
                _put(keyring, service, username, now, before)

    is_done = False
    try:
        await _ask_within(change)
        is_done = True
    finally:
        is_taken.set_result(is_done)


def _put(keyring: Any, service: str, username: str, now: str | None, wanted: str | None) -> None:
    if wanted is not None and wanted != now:
        keyring.set_password(service, username, wanted)
    elif wanted is None and now is not None:
        keyring.delete_password(service, username)


def _find(keyring: Any) -> str:
    backend = keyring.get_keyring()
    # Of several, the first is what keeps passwords.
    backend = next(iter(getattr(backend, "backends", ())), backend)
    if not backend.viable or backend.priority <= 0:  # such as keyring's "fail" and "null"
        raise _no_backend()
    # Where there is nothing better, keyring takes a plain file's; that is for people to choose.
    if not keyring.core.recommended(backend) and not _is_chosen(keyring, backend):
        raise ConfigError(
            f"Of the keyrings here, {backend.name} is the one in use, which the package keyring "
            "rates below those that it recommends: it may not protect passwords.",
            hint=f"{_NONE_HINT} To use it nevertheless, name it in PYTHON_KEYRING_BACKEND "
            "or in keyringrc.cfg.",
        )
    return str(backend.name)


def _is_chosen(keyring: Any, backend: Any) -> bool:
    """Tell whether somebody has named it, by the variable or in keyring's own file."""
    chosen = keyring.core.load_env() or keyring.core.load_config()
    return type(chosen) is type(backend)


async def _ask(call: Callable[[Any], Result]) -> Result:
    return await _ask_within(lambda keyring: nullcontext(call(keyring)))


async def _ask_within(call: Callable[[Any], AbstractContextManager[Result]]) -> Result:
    """Call the package on a thread, since it blocks, and wait for it with a limit.

    The thread is no executor's: one that waits for ever must not keep Python from ending.
    """
    answer: Future[Result] = Future()
    answer.set_running_or_notify_cancel()  # else an answer that is too late would be an error
    threading.Thread(target=_call, args=(call, answer), name="ghostnb-keyring", daemon=True).start()
    try:
        return await asyncio.wait_for(asyncio.wrap_future(answer), _PATIENCE_SECONDS)
    except TimeoutError:
        raise ConfigError(
            f"The system keyring has not answered within {_PATIENCE_SECONDS:g} s; "
            "it may be waiting to be unlocked.",
            hint=_LOCKED_HINT,
        ) from None


def _call(call: Callable[[Any], AbstractContextManager[Result]], answer: Future[Result]) -> None:
    try:
        keyring = importlib.import_module("keyring")
    except ImportError:
        answer.set_exception(
            ConfigError(
                "The system keyring needs the package keyring, which is not installed.",
                hint="Install it: pip install 'ghostnb[keyring]'.",
            )
        )
        return
    try:
        with call(keyring) as result:
            answer.set_result(result)
    except Exception as e:  # each backend has its own
        error = e if isinstance(e, ConfigError) else _translated(e, keyring)
        if answer.done():  # nobody waits any more
            _log.warning("A change that was given up stays in the keyring. %s", error)
        else:
            answer.set_exception(error)


def _translated(error: Exception, keyring: Any) -> ConfigError:
    if isinstance(error, keyring.errors.NoKeyringError):
        return _no_backend()
    if isinstance(error, keyring.errors.KeyringLocked):
        return ConfigError("The system keyring is locked.", hint=_LOCKED_HINT)
    # Not its text: nobody knows what a backend writes into it.
    return ConfigError(
        f"The system keyring failed ({type(error).__name__}).",
        hint="See whether the command `keyring` works in the same environment.",
    )


def _no_backend() -> ConfigError:
    return ConfigError("There is no system keyring here that works.", hint=_NONE_HINT)
