"""A sample image's build: instructions in, layers, history and configuration out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import msgspec

from ghostnb.demo.sources import Source

__all__ = ["Build", "Step"]


@dataclass(frozen=True, slots=True)
class Step:
    """One line of an image's history.

    Attributes
    ----------
    created : str
    created_by : str
    sources : tuple of Source
        What its layer is made of; empty for a step without a layer.
    """

    created: str
    created_by: str
    sources: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True)
class Build:
    """What a Dockerfile would do. Every instruction gives a new build, for others to stand on.

    Attributes
    ----------
    created : str
        When the next instructions are carried out.
    steps : tuple of Step
    settings : mapping of str to object
        The ``config`` of an image's configuration.

    Notes
    -----
    Source: OCI image-spec v1.1, "Image Configuration"; the texts are BuildKit's.
    """

    created: str
    steps: tuple[Step, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def at(self, created: str) -> Self:
        """Go on at another time: ``FROM``."""
        return replace(self, created=created)

    def add(self, *sources: Source, what: str = "rootfs.tar", to: str = "/") -> Self:
        """``ADD``."""
        return self._step(f"ADD {what} {to} # buildkit", *sources)

    def copy(self, what: str, *sources: Source, to: str = "./") -> Self:
        """``COPY``."""
        return self._step(f"COPY {what} {to} # buildkit", *sources)

    def run(self, command: str, *sources: Source) -> Self:
        """``RUN``."""
        return self._step(f"RUN /bin/sh -c {command} # buildkit", *sources)

    def env(self, name: str, value: str) -> Self:
        """``ENV``."""
        old = [text for text in self.settings.get("Env", ()) if not text.startswith(f"{name}=")]
        return self._set(f"ENV {name}={value}", "Env", [*old, f"{name}={value}"])

    def label(self, name: str, value: str) -> Self:
        """``LABEL``."""
        labels = {**self.settings.get("Labels", {}), name: value}
        return self._set(f"LABEL {name}={value}", "Labels", labels)

    def workdir(self, path: str) -> Self:
        """``WORKDIR``."""
        return self._set(f"WORKDIR {path}", "WorkingDir", path)

    def user(self, name: str) -> Self:
        """``USER``."""
        return self._set(f"USER {name}", "User", name)

    def expose(self, port: int) -> Self:
        """``EXPOSE``."""
        ports = {**self.settings.get("ExposedPorts", {}), f"{port}/tcp": {}}
        return self._set(f"EXPOSE map[{port}/tcp:{{}}]", "ExposedPorts", ports)

    def entrypoint(self, *words: str) -> Self:
        """``ENTRYPOINT``."""
        return self._set(f"ENTRYPOINT {_words(words)}", "Entrypoint", list(words))

    def cmd(self, *words: str) -> Self:
        """``CMD``."""
        return self._set(f"CMD {_words(words)}", "Cmd", list(words))

    def config(self, platform: Mapping[str, str], diff_ids: Sequence[str]) -> dict[str, Any]:
        """Give an image's configuration.

        Parameters
        ----------
        platform : mapping
            ``architecture``, ``os`` and perhaps ``variant``.
        diff_ids : sequence of str
            One a step with a layer.
        """
        return {
            **platform,
            "created": self.created,
            "author": "the ghostnb demo",
            "config": dict(self.settings),
            "rootfs": {"type": "layers", "diff_ids": list(diff_ids)},
            "history": [_history(step) for step in self.steps],
        }

    def _step(self, created_by: str, *sources: Source) -> Self:
        return replace(self, steps=(*self.steps, Step(self.created, created_by, sources)))

    def _set(self, created_by: str, key: str, value: Any) -> Self:
        return replace(self._step(created_by), settings={**self.settings, key: value})


def _words(words: Sequence[str]) -> str:
    return msgspec.json.encode(list(words)).decode()


def _history(step: Step) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "created": step.created,
        "created_by": step.created_by,
        "comment": "buildkit.dockerfile.v0",
    }
    return entry if step.sources else entry | {"empty_layer": True}
