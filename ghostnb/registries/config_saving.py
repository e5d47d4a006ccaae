"""Registries are kept: in the configuration file, their passwords in the system keyring."""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from ghostnb.errors import ConfigError
from ghostnb.registries import system_keyring
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.config_file import parse_configs
from ghostnb.registries.config_text import default_text, with_registry, without_registry

try:
    import fcntl
except ImportError:  # not a POSIX system: there, the file is read and replaced without a lock
    fcntl = None  # type: ignore[assignment]

__all__ = ["forget", "remember", "remembered"]

# Only entries of this kind are ours to delete; a file may name any.
_SERVICE = "ghostnb:"
_BOM = "\ufeff"
_LOCK_SECONDS = 10.0
_LOCK_POLL_SECONDS = 0.01
Edit = Callable[[str], str | None]
Work = Callable[[], Coroutine[Any, Any, None]]
_log = logging.getLogger(__name__)


async def remember(config: RegistryConfig, file: Path) -> None:
    """Write a registry into the configuration file, and its password into the keyring.

    Parameters
    ----------
    config : RegistryConfig
        What is already said by reference (``env:NAME``, ``keyring:SERVICE``) is kept so.
    file : path
        Without it, it is made, with what is there without a file.

    Raises
    ------
    ConfigError
        Then nothing was saved, and the file is as it was; so, too, if this is cancelled.
    """
    if config.holds_token:
        raise ConfigError(
            f"{config.name} is reached with a token, which is not written down.",
            hint='Keep it in an environment variable, and say which: token="env:NAME".',
        )
    kept = config.in_keyring(f"{_SERVICE}{config.url}") if config.has_secret else config

    def edit(text: str) -> str:
        return with_registry(text, kept, source=str(file))

    with _told_what_was_not("saved", kept.name) as undoing:
        # Nobody is to unlock a keyring for a file that cannot be written anyway.
        text = await asyncio.to_thread(_read, file)
        edit(text)
        async with undoing:
            if config.has_secret:
                await _change_password(kept, config.password, undoing)
            await _edit(file, kept.name, edit, undoing)
            earlier, others = _parted(parse_configs(text), kept.name)
            if earlier is not None and _is_last_of(earlier, [kept, *others]):
                await _change_password(earlier, None, undoing)
            undoing.pop_all()


async def forget(name: str, file: Path) -> None:
    """Take a registry out of the configuration file, and its password out of the keyring.

    Raises
    ------
    ConfigError
        If it is not there, or cannot be taken out. Then file and password are as they
        were, and it can be tried again; so, too, if this is cancelled.
    """

    def edit(text: str) -> str:
        return without_registry(text, name, source=str(file))

    text = await asyncio.to_thread(_read, file)
    edit(text)
    config, others = _parted(parse_configs(text), name)
    with _told_what_was_not("forgotten", name) as undoing:
        async with undoing:
            # The file last: only it knows which password there is to delete.
            if config is not None and _is_last_of(config, others):
                await _change_password(config, None, undoing)
            await _edit(file, name, edit, undoing)
            undoing.pop_all()


class _Undoing(AsyncExitStack):
    """Steps that are undone, the last first, if those after them fail or are cancelled."""

    def __init__(self) -> None:
        super().__init__()
        self.left: list[str] = []

    def add(self, what: str, undo: Work) -> None:
        async def settle() -> None:
            try:
                await _settle(undo)
            except ConfigError as e:
                self.left.append(f"{what} could not be put back as it was: {e.message}")
                _log.warning(self.left[-1])  # whoever is cancelled tells nobody

        self.push_async_callback(settle)


@contextmanager
def _told_what_was_not(done: str, name: str) -> Iterator[_Undoing]:
    undoing = _Undoing()
    try:
        yield undoing
    except ConfigError as e:
        outcome = " ".join(undoing.left) or f"Nothing was {done} of {name}."
        raise ConfigError(f"{e.message} {outcome}", hint=e.hint) from e


async def _change_password(config: RegistryConfig, password: str | None, undoing: _Undoing) -> None:
    """Store the password of an entry, or delete it."""
    entry = config.keyring_service, config.username or ""
    before = await system_keyring.read_password(*entry)
    await _put_password(entry, password)
    undoing.add(f"The keyring's entry {entry[0]}", lambda: _put_password(entry, before))


async def _put_password(entry: tuple[str, str], password: str | None) -> None:
    if password is None:
        await system_keyring.delete_password(*entry)
    else:
        await system_keyring.store_password(*entry, password)


async def _edit(file: Path, name: str, edit: Edit, undoing: _Undoing) -> None:
    """Edit the file; what is cancelled meanwhile has an end, and is undone then."""
    replaced: list[tuple[str | None, str | None]] = []

    async def replace() -> None:
        replaced.append(await asyncio.to_thread(_replace, file, edit))

    async def undo() -> None:
        for before, after in replaced:
            restore = _restoring(before, after, name, str(file))
            await asyncio.to_thread(_replace, file, restore)

    undoing.add(str(file), undo)
    await _settle(replace)


async def _settle(work: Work) -> None:
    """Await something to its end, and only then be cancelled: a thread cannot be."""
    task = asyncio.ensure_future(work())
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as e:
            cancelled = e
    if cancelled is not None:
        raise cancelled from task.exception()
    task.result()


def _restoring(before: str | None, after: str | None, name: str, source: str) -> Edit:
    """Give the edit that undoes one, and nothing that another kernel has written since."""

    def restore(text: str) -> str | None:
        if text == after:
            return before
        earlier, _ = _parted(parse_configs(before or default_text()), name)
        if earlier is not None:
            return with_registry(text, earlier, source=source)
        return without_registry(text, name, source=source)

    return restore


def _parted(
    configs: Iterable[RegistryConfig], name: str
) -> tuple[RegistryConfig | None, list[RegistryConfig]]:
    """Give the one of the name, and the others."""
    by_name = {config.name: config for config in configs}
    return by_name.pop(name, None), list(by_name.values())


def _is_last_of(config: RegistryConfig, others: list[RegistryConfig]) -> bool:
    """Tell whether a password is ours, and nobody else's in the same file."""
    entry = config.keyring_service, config.username
    is_shared = entry in [(one.keyring_service, one.username) for one in others]
    return config.keyring_service.startswith(_SERVICE) and not is_shared


def remembered(file: Path) -> tuple[str, ...]:
    """List the names that there will be the next time.

    Raises
    ------
    ConfigError
        If the file is invalid.
    """
    return tuple(config.name for config in parse_configs(_read(file), source=str(file)))


def _read(file: Path) -> str:
    try:
        # By bytes: what ends its lines is kept.
        return file.read_bytes().decode().removeprefix(_BOM)
    except FileNotFoundError:
        return default_text()
    except (OSError, UnicodeDecodeError) as e:
        # Not chained: a decoding error holds what it could not decode.
        raise ConfigError(f"The configuration file {file} cannot be read: {e}.") from None


def _replace(file: Path, edit: Edit) -> tuple[str | None, str | None]:
    """Put an edited text in the file's place: before, or after, at any moment of a crash.

    Gives both. None is no file.
    """
    target = Path(os.path.realpath(file))  # a link stays one
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(target):
            before = _read(target) if target.exists() else None
            text = edit(_read(target))
            if text is None:
                target.unlink()
            else:
                new = target.with_name(f".{target.name}.new")
                _write(new, text, like=target)
                os.replace(new, target)
            _sync_directory(target.parent)
            return before, text
    except OSError as e:
        raise ConfigError(
            f"The configuration file {file} cannot be written: {e.strerror or e}.",
            hint="Make it and its directory writable, or name another by GHOSTNB_CONFIG.",
        ) from e


def _write(new: Path, text: str, *, like: Path) -> None:
    """Write a file that its owner alone may read, or who may read the one that it is like."""
    mode, mark = 0o600, b""
    with suppress(FileNotFoundError):
        mode = like.stat().st_mode & 0o777
        mark = _BOM.encode() if like.read_bytes().startswith(_BOM.encode()) else b""
    new.unlink(missing_ok=True)  # of a process that was killed here
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(handle, "wb") as stream:
        stream.write(mark + text.encode())
        stream.flush()
        os.fsync(handle)
    new.chmod(mode)


def _sync_directory(directory: Path) -> None:
    """Have it survive a power failure that the file was replaced, where that can be had.

    Not every network's file system can (EINVAL); the file is replaced all the same.
    """
    if fcntl is None:  # only there can a directory be opened
        return
    with suppress(OSError):
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def _locked(target: Path) -> Iterator[None]:
    """Keep other kernels from writing meanwhile; what they wrote is read afterwards."""
    if fcntl is None:
        yield
        return
    # A file beside it, which stays: the one itself is replaced by each writer.
    handle = os.open(target.with_name(f".{target.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _wait(handle, target)
        yield
    finally:
        # A forked child may hold the file open: closing alone would not let go.
        fcntl.flock(handle, fcntl.LOCK_UN)
        os.close(handle)


def _wait(handle: int, target: Path) -> None:
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise ConfigError(
                    f"Another process has been writing {target} for {_LOCK_SECONDS:.0f} s.",
                    hint="See whether one hangs, and try again.",
                ) from None
        time.sleep(_LOCK_POLL_SECONDS)
