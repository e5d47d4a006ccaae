"""A daemon's images written to this machine's disk, as ``docker save`` does."""

import asyncio
import os
import shutil
from asyncio.subprocess import Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from ghostnb.engine import Engine
from ghostnb.errors import EngineError, PathError

__all__ = ["export_image", "save_command"]

_REFRESH_SECONDS = 0.2
_MAX_SAID = 500


async def save_command(engine: Engine) -> list[str]:
    """Find the command that has the engine's daemon save an image to its output.

    Returns
    -------
    list of str
        Without the image.

    Raises
    ------
    EngineError
        If no program here speaks to this daemon.
    EngineUnreachableError
        If no daemon answers.
    """
    daemon = await engine.ping()
    if docker := shutil.which("docker"):
        return [docker, *_docker_options(daemon.context, daemon.url), "save"]
    # Podman's own command speaks to nothing but Podman.
    if daemon.product == "podman" and (podman := shutil.which("podman")):
        return [podman, f"--url={daemon.url}", "save", "--format=docker-archive"]
    raise EngineError(
        f"No program on this machine can export images from {daemon.product} at {daemon.url}.",
        hint="Install the command docker (Debian: docker-cli or docker.io); "
        "or have the daemon push by itself: engine.tag and engine.push.",
    )


def _docker_options(context: str, url: str) -> list[str]:
    if context == "default" and os.environ.get("DOCKER_HOST"):
        return []  # as it stands there, with a user's name if need be
    is_named = context != "default" and "://" not in context
    return [f"--context={context}" if is_named else f"--host={url}"]


async def export_image(
    command: Sequence[str], image: str, path: Path, on_bytes: Callable[[int], object]
) -> None:
    """Write an image to a file. Cancelled, it ends the program.

    Parameters
    ----------
    command : sequence of str
        Of `save_command`.
    image : str
        Its id.
    path : Path
    on_bytes : callable
        Told now and then how many bytes there are.

    Raises
    ------
    EngineError
        With the program's own words, if it fails.
    PathError
        If the file cannot be made.
    """
    pipe = asyncio.subprocess.PIPE
    try:
        with path.open("wb") as file:
            # In a session of its own: an interrupt of the kernel is for a cell, and not for it.
            process = await asyncio.create_subprocess_exec(
                *command,
                image,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=file,
                stderr=pipe,
                start_new_session=True,
            )
    except OSError as e:
        raise PathError(
            f"Cannot export {image} to {path} ({e.strerror or e}).",
            hint="TMPDIR names another directory for what is on its way.",
        ) from e
    said = await _finished(process, lambda: on_bytes(path.stat().st_size))
    if process.returncode:
        raise EngineError(
            f"{Path(command[0]).name} save failed for {image}: {said or 'it says nothing'}.",
            hint="It has to be on the daemon, and its size free where TMPDIR is.",
        )


async def _finished(process: Process, on_tick: Callable[[], object]) -> str:
    """Wait for the end of a program; give what it said of errors."""
    saying = asyncio.ensure_future(process.communicate())
    try:
        while not saying.done():
            await asyncio.wait({saying}, timeout=_REFRESH_SECONDS)
            on_tick()
        _, said = saying.result()
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return said.decode(errors="replace").strip().rstrip(".")[-_MAX_SAID:]
