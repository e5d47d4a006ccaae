"""The command ``ghostnb``."""

import argparse
import sys
from collections.abc import Sequence
from functools import partial

from ghostnb import GhostnbError, __version__

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
    _leave_out_iris()
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except GhostnbError as e:
        print(f"ghostnb: {e}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return status


def _leave_out_iris() -> None:
    """Do not compile the grammar of IRIs, which takes as long as all else at a server's start.

    jsonschema has it compiled when it is imported, as Jupyter Server and nbformat do, and goes
    without where it is not installed. None of their schemas has an IRI (jupyter_server, issue
    1559).
    """
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


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
    _add_agent(commands.add_parser("agent", help="serve registries and a daemon over HTTP"))
    _add_dashboard(commands.add_parser("dashboard", help="serve the dashboard to a browser"))
    _add_demo(commands.add_parser("demo", help="serve a sample registry and take a look at it"))
    _add_drift(commands.add_parser("drift", help="serve a directory as a registry"))
    _add_sync(commands.add_parser("sync", help="make registries like others, as a file says"))
    return parser


def _add_sync(sync: argparse.ArgumentParser) -> None:
    sync.description = (
        "Copies what a registry lacks of another, and what has changed. What is there is not "
        "sent again: after a break, the same command goes on where it stopped."
    )
    sync.add_argument("plan", metavar="PLAN.toml", help="[[sync]] tables: source, target and so on")
    sync.add_argument("--dry-run", action="store_true", help="only show what would be done")
    sync.add_argument(
        "--every", metavar="TIME", help="repeat: 15m, 6h, 1d (default: as the file says)"
    )
    sync.add_argument("--config", metavar="FILE", help="a registries.toml other than the usual")
    sync.set_defaults(run=_sync)


def _add_agent(agent: argparse.ArgumentParser) -> None:
    agent.description = (
        "Serves the registries of the configuration and the container daemon as a REST API, until "
        "Ctrl-C. Who asks needs a token: a random one, or that of the variable GHOSTNB_TOKEN."
    )
    agent.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    agent.add_argument("--port", type=int, default=8000, help="default: %(default)s; 0: any")
    agent.add_argument("--config", metavar="FILE", help="a registries.toml other than the usual")
    agent.add_argument(
        "--state", metavar="DIR", help="where the audit and jobs are kept (default: the user's)"
    )
    agent.add_argument(
        "--daemon", metavar="NAME", help="a Docker context or an address (default: the usual)"
    )
    _add_users(
        agent,
        admin="also manages registries and deletes; may be repeated",
        developer="also pulls, pushes, copies and runs; may be repeated; with --htpasswd, all "
        "others only read; without, they may do nothing",
    )
    _add_proxy(agent)
    _add_tls(agent)
    agent.set_defaults(run=_agent)


def _add_dashboard(dashboard: argparse.ArgumentParser) -> None:
    dashboard.description = (
        "Serves the registries of the configuration as a page on this machine, until Ctrl-C. "
        "It opens with a token: a random one, or that of the variable GHOSTNB_TOKEN."
    )
    dashboard.add_argument("--port", type=int, help="default: 8866, or any if that is taken")
    dashboard.add_argument("--no-browser", action="store_true", help="only show its address")
    shown = dashboard.add_mutually_exclusive_group()
    shown.add_argument("--config", metavar="FILE", help="a registries.toml other than the usual")
    shown.add_argument(
        "--agent",
        metavar="URL",
        help="show the registries of this agent; its token is that of GHOSTNB_AGENT_TOKEN",
    )
    _add_proxy(dashboard)
    dashboard.set_defaults(run=_dashboard)


def _add_demo(demo: argparse.ArgumentParser) -> None:
    demo.description = (
        "Fills a sample registry once, serves it until Ctrl-C, and opens the dashboard on it. "
        "Without a terminal the quickstart notebook is run to a page, and all ends."
    )
    demo.add_argument("--root", metavar="DIR", help="where to keep it (default: the user's cache)")
    demo.add_argument(
        "--port", type=int, help="the registry's (default: 5000, or any if that is taken; 0: any)"
    )
    demo.add_argument("--no-browser", action="store_true", help="show the address only")
    way = demo.add_mutually_exclusive_group()
    way.add_argument("--lab", action="store_true", help="open the notebooks in JupyterLab instead")
    way.add_argument("--once", action="store_true", help="run the notebook to a page, and end")
    way.add_argument("--serve", action="store_true", help="serve only, with or without a terminal")
    demo.set_defaults(run=_demo)


def _add_drift(drift: argparse.ArgumentParser) -> None:
    drift.add_argument("--root", metavar="DIR", help="an OCI image layout (default: the user's)")
    drift.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    drift.add_argument("--port", type=int, default=5000, help="default: %(default)s; 0: any")
    drift.add_argument("--public-url", metavar="URL", help="how clients reach it through a proxy")
    users = _add_users(
        drift,
        admin="also deletes, and collects garbage; may be repeated",
        developer="also pushes; may be repeated; all others of the file only pull",
    )
    users.add_argument("--anonymous-pull", action="store_true", help="pulls need no login")
    users.add_argument(
        "--allow-anonymous", action="store_true", help="let other machines in without users"
    )
    _add_tls(drift)
    drift.set_defaults(run=_drift)


def _add_users(
    command: argparse.ArgumentParser, *, admin: str, developer: str
) -> argparse._ArgumentGroup:
    """Add who may do what; the texts say what these may do beside all others."""
    users = command.add_argument_group("users")
    users.add_argument(
        "--htpasswd", metavar="FILE", help="who may log in, as htpasswd -B writes it; may change"
    )
    for role, text in (("--admin", admin), ("--developer", developer)):
        users.add_argument(role, metavar="USER", action="append", default=[], help=text)
    return users


def _add_proxy(command: argparse.ArgumentParser) -> None:
    proxy = command.add_argument_group("behind a proxy")
    proxy.add_argument("--base-url", metavar="PATH", default="/", help="below which path it stands")
    proxy.add_argument(
        "--allow-host",
        metavar="NAME",
        action="append",
        default=[],
        help="by which it may be addressed; may be repeated; * for any",
    )


def _add_tls(command: argparse.ArgumentParser) -> None:
    tls = command.add_argument_group("encryption")
    tls.add_argument("--tls-cert", metavar="FILE", help="the server's certificate (PEM)")
    tls.add_argument("--tls-key", metavar="FILE", help="its private key (PEM)")


def _sync(options: argparse.Namespace) -> int:
    from ghostnb.sync.command import run_sync

    return run_sync(options, say=partial(print, flush=True))


def _drift(options: argparse.Namespace) -> int:
    from ghostnb.drift.command import run_drift

    run_drift(options, say=partial(print, flush=True))
    return 0


def _agent(options: argparse.Namespace) -> int:
    from ghostnb.server.command import run_agent

    run_agent(options, say=partial(print, flush=True))
    return 0


def _dashboard(options: argparse.Namespace) -> int:
    from ghostnb.dashboard.command import run_dashboard

    run_dashboard(options, say=partial(print, flush=True))
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from ghostnb.doctor import examine

    report = examine(options.config)
    print(report)
    return 0 if report.is_healthy else 1


def _demo(options: argparse.Namespace) -> int:
    from ghostnb.demo.command import run_demo

    run_demo(options, say=partial(print, flush=True))
    return 0
