"""The command ``ghostnb``."""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ghostnb import Fleet, GhostnbError, __version__, run

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of the process.

    Returns
    -------
    int
        The exit status: 0; 1 if something is wrong; 2 for a wrong command line.
    """
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except GhostnbError as e:
        print(f"ghostnb: {e}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ghostnb", description="Container image registries in Jupyter."
    )
    parser.add_argument("--version", action="version", version=f"ghostnb {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    doctor = commands.add_parser(
        "doctor", help="say what is installed, and which registries and daemons answer"
    )
    doctor.add_argument("--config", metavar="FILE", help="a registries.toml other than the usual")
    doctor.set_defaults(run=_doctor)
    demo = commands.add_parser("demo", help="make a sample registry and take a look at it")
    demo.add_argument("--root", metavar="DIR", help="where to keep it (default: the user's cache)")
    demo.set_defaults(run=_demo)
    drift = commands.add_parser("drift", help="serve a directory as a registry")
    drift.add_argument("--root", metavar="DIR", help="an OCI image layout (default: the user's)")
    drift.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    drift.add_argument("--port", type=int, default=5000, help="default: %(default)s; 0: any")
    drift.add_argument(
        "--allow-anonymous", action="store_true", help="let other machines in without users"
    )
    drift.set_defaults(run=_drift)
    return parser


def _drift(options: argparse.Namespace) -> int:
    from ghostnb.drift.command import run_drift

    run_drift(options, say=partial(print, flush=True))
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from ghostnb.doctor import examine

    report = examine(options.config)
    print(report)
    return 0 if report.is_healthy else 1


def _demo(options: argparse.Namespace) -> int:
    from ghostnb.demo import prepare_demo

    config = run(prepare_demo(Path(options.root) if options.root else None))
    fleet = Fleet.from_config(config)
    inventory = run(fleet.inventory(progress=False))
    sizes = inventory.groupby(["repository", "tag"])["size_bytes"].agg(["count", "sum"])
    print(sizes.rename(columns={"count": "layers", "sum": "size_bytes"}).to_string())
    stored = inventory.drop_duplicates("digest")["size_bytes"]
    print(
        f"\n{len(sizes)} tags with {len(inventory)} layers, of which {len(stored)} are distinct: "
        f"{inventory['size_bytes'].sum():,} bytes as listed, {stored.sum():,} as stored.\n"
        f"The same in a notebook: ghostnb.Fleet.from_config({str(config)!r})"
    )
    return 0
