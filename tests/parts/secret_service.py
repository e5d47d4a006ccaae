"""GNOME's keyring on a session bus of its own: a real Secret Service, without a screen."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.parts.processes import PartError, end, find_program, launch, log_tail

START_SECONDS = 20
BUS = "DBUS_SESSION_BUS_ADDRESS"
# Without <standard_session_servicedirs/>: else the bus starts another keyring before ours is
# there, and what asks for passwords on a screen.
CONFIG = """<busconfig><type>session</type><listen>{address}</listen><policy context="default">
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
</policy></busconfig>"""


@dataclass(frozen=True)
class SecretService:
    """A keyring that runs: who has this in the environment, uses it."""

    environment: dict[str, str]
    process: subprocess.Popen[bytes] = field(repr=False)

    def lock(self) -> None:
        """Lock it; without a screen, nobody can unlock it again."""
        import secretstorage

        with contextlib.closing(self._connection()) as bus:
            secretstorage.get_default_collection(bus).lock()

    @contextlib.contextmanager
    def hanging(self) -> Iterator[None]:
        """Let it answer nobody meanwhile."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def passwords(self) -> dict[tuple[str, str], str]:
        """Read all that it has by service and user, past the package keyring."""
        import secretstorage

        with contextlib.closing(self._connection()) as bus:
            items = list(secretstorage.get_default_collection(bus).get_all_items())
            return {_key(item.get_attributes()): item.get_secret().decode() for item in items}

    def is_up(self) -> bool:
        """Tell whether it can be used; who asks for the default one too early makes another."""
        import secretstorage

        try:
            with contextlib.closing(self._connection()) as bus:
                default = secretstorage.Collection(bus)
                return default.get_label() == "Login" and not default.is_locked()
        except (
            OSError,
            secretstorage.exceptions.ItemNotFoundException,
            secretstorage.exceptions.SecretServiceNotAvailableException,
        ):
            return False

    def _connection(self):
        from jeepney.io.blocking import open_dbus_connection

        return open_dbus_connection(self.environment[BUS])


def _key(attributes: dict[str, str]) -> tuple[str, str]:
    return attributes["service"], attributes["username"]


@contextlib.contextmanager
def secret_service() -> Iterator[SecretService]:
    """Run an unlocked, empty keyring."""
    # Not the tests' own directory: the path of a socket must be short.
    directory = Path(tempfile.mkdtemp(prefix="ghostnb-keyring-"))
    log, address = directory / "log", f"unix:path={directory / 'bus'}"
    places = {"XDG_DATA_HOME": str(directory), "XDG_RUNTIME_DIR": str(directory), BUS: address}
    (directory / "bus.conf").write_text(CONFIG.format(address=address))
    bus = [find_program("dbus-daemon", "dbus-daemon"), "--nofork", "--nopidfile"]
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        stack.callback(end, launch([*bus, f"--config-file={directory / 'bus.conf'}"], log, places))
        _wait(lambda: (directory / "bus").exists(), log)
        process = launch(_daemon(directory), log, places)
        stack.callback(end, process)
        running = SecretService({BUS: address}, process)
        _wait(running.is_up, log)
        yield running


def _daemon(directory: Path) -> list[str]:
    daemon = [find_program("gnome-keyring-daemon", "gnome-keyring"), "--foreground"]
    # It reads there what unlocks it.
    (directory / "unlock").write_text("unlock")
    reading = ["sh", "-c", 'exec "$@" <"$0"', str(directory / "unlock")]
    return [*reading, *daemon, "--unlock", "--components=secrets"]


def _wait(is_there, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not is_there():
        if time.monotonic() > deadline:
            raise PartError(f"The keyring did not start. Its log:\n{log_tail(log)}")
        time.sleep(0.02)
