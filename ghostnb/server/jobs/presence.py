"""Which agents are alive, for those that share a directory."""

import secrets
import sqlite3
from pathlib import Path

__all__ = ["Presence"]


class Presence:
    """A sign of life: a file that is locked as long as the process lives, however it ends.

    A process's number says less: after a restart, in a container always, another process has
    it. SQLite's locks are there on every system.

    Parameters
    ----------
    file : Path
        What is shared; signs stand beside it.

    Attributes
    ----------
    name : str
        What nobody else is called.

    Raises
    ------
    sqlite3.Error
        If no file can be made there.
    """

    def __init__(self, file: Path) -> None:
        self.name = secrets.token_hex(8)
        self._file = file
        self._lock = _locked(self._sign(self.name), mode="rwc")

    def is_alive(self, name: str) -> bool:
        """Tell whether the process of that name lives; of one that is gone, the sign goes, too.

        Raises
        ------
        sqlite3.Error
            If its sign is there and cannot be looked at.
        """
        if name == self.name:
            return True
        sign = self._sign(name)
        if not sign.exists():
            return False
        try:
            _locked(sign, mode="rw").close()
        except sqlite3.OperationalError as e:
            if e.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            return True
        sign.unlink(missing_ok=True)
        return False

    def others(self) -> list[str]:
        """Name the other processes that have a sign."""
        found = self._file.parent.glob(self._sign("*").name)
        names = (one.name.removeprefix(f"{self._file.name}.").split(".")[0] for one in found)
        return [name for name in names if name != self.name]

    def end(self) -> None:
        """Take the sign away."""
        self._lock.close()
        self._sign(self.name).unlink(missing_ok=True)

    def _sign(self, name: str) -> Path:
        return self._file.with_name(f"{self._file.name}.{name}.alive")


def _locked(sign: Path, *, mode: str) -> sqlite3.Connection:
    database = sqlite3.connect(
        f"{sign.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=0,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        database.execute("PRAGMA journal_mode = MEMORY")  # no second file
        database.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error:
        database.close()
        raise
    return database
