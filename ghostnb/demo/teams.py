"""The images that some teams have made: team/shop, team/data, ml, ops."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ghostnb.demo.bases import base_at, python_at
from ghostnb.demo.build import Build
from ghostnb.demo.releases import BOTH, Release, app
from ghostnb.demo.sources import Library, Package, Text
from ghostnb.oci import Platform

__all__ = ["team_releases"]


@dataclass(frozen=True, slots=True)
class Line:
    """The releases of one repository.

    Attributes
    ----------
    repository : str
    days : dict of str to int
        When each version was released.
    base : callable
        Gives what a version of some day stands on.
    finish : callable
        Makes the image of it, of a version's name and number.
    both_from : str
        The first version that was also made for arm64; empty for none.
    architecture : str
        What earlier ones were made for.
    attested : str
        The version that BuildKit attested.
    """

    repository: str
    days: dict[str, int]
    base: Callable[[int], Build]
    finish: Callable[[Build, str, int], Build]
    both_from: str = ""
    architecture: str = "amd64"
    attested: str = ""

    def releases(self) -> Iterator[Release]:
        """Iterate over the releases, oldest first; ``latest`` is the last."""
        versions = list(self.days)
        both = versions.index(self.both_from) if self.both_from else len(versions)
        for number, (version, day) in enumerate(self.days.items()):
            yield Release(
                self.repository,
                (version, "latest") if version == versions[-1] else (version,),
                self.image(version, number, day),
                BOTH if number >= both else (self.architecture,),
                is_attested=version == self.attested,
            )

    def image(self, version: str, number: int, day: int) -> Build:
        """Build one."""
        name = "org.opencontainers.image"
        build = self.base(day).label(f"{name}.title", self.repository)
        return self.finish(build.label(f"{name}.version", version), version, number)


def team_releases() -> list[Release]:
    """Give every release of every team, and a build that lost its tag to a later one."""
    leftover = Release("team/shop/worker", (), WORKER.image("1.6", len(WORKER.days), 510))
    return [leftover, *(release for line in LINES for release in line.releases())]


def _install(build: Build, *packages: str, what: str = "-r requirements.txt") -> Build:
    return build.run(f"pip install --no-cache-dir {what}", *map(Package, packages))


def _service(build: Build, name: str, port: int) -> Build:
    build = build.env("PORT", str(port)).user("app").expose(port)
    return build.entrypoint("python3", "-m", name)


def _api(build: Build, version: str, number: int) -> Build:
    packages = ("starlette", "anyio", "idna", "click", "h11")
    build = build.workdir("/srv").copy("requirements.txt", _requirements(*packages))
    build = _install(build, *packages, *(("uvicorn", "httpx2") if number >= 4 else ("uvicorn",)))
    build = build.copy("api", *app("api", version, number, size=10))
    return _service(build, "api", 8080).cmd("--workers", "2" if number < 7 else "4")


def _web(build: Build, version: str, number: int) -> Build:
    styles = Text("srv/static/site.css", f"/* {version} */\nbody {{ margin: {number}px }}\n")
    build = build.run("apt-get install -y python3-minimal", Library(("http", "html", "email")))
    build = build.workdir("/srv").copy("static", styles, Library(("pydoc_data",), "srv/static"))
    build = build.copy("web", *app("web", version, number))
    return _service(build, "web", 80)


def _worker(build: Build, version: str, number: int) -> Build:
    build = build.workdir("/srv")
    build = _install(build, "docker", "requests", "urllib3", "tqdm", "humanize")
    build = build.copy("worker", *app("worker", version, number, size=8))
    return build.env("QUEUE", "orders").user("app").cmd("python3", "-m", "worker")


def _etl(build: Build, version: str, number: int) -> Build:
    build = _install(build, "pandas", "python-dateutil", what="pandas")
    return build.copy("etl", *app("etl", version, number)).cmd("python3", "-m", "etl", "--all")


def _reports(build: Build, version: str, number: int) -> Build:
    build = _install(build, "pandas", "python-dateutil", what="pandas")
    build = _install(build, "pygments", "humanize", what="pygments humanize")
    return build.copy("reports", *app("reports", version, number)).cmd("python3", "-m", "reports")


def _science(day: int) -> Build:
    packages = (Package("numpy", True), Package("pandas", True), Package("python-dateutil"))
    return python_at(day).run("pip install numpy pandas", *packages)


def _notebook(build: Build, version: str, number: int) -> Build:
    names = ("ipython", "ipykernel", "ipywidgets", "traitlets", "prompt_toolkit", "pygments")
    build = _install(build, *names, what="ipykernel ipywidgets")
    build = build.copy("examples", *app("examples", version, number), to="/srv/examples")
    return build.user("app").expose(8888).cmd("jupyter", "lab", "--ip=0.0.0.0")


def _trainer(build: Build, version: str, number: int) -> Build:
    build = build.env("OMP_NUM_THREADS", str(2 + number))
    build = build.copy("trainer", *app("trainer", version, number, size=12))
    return build.entrypoint("python3", "-m", "trainer").cmd("--epochs", "10")


def _features(build: Build, version: str, number: int) -> Build:
    build = _install(build, "msgspec", "prometheus-client", what="msgspec prometheus-client")
    build = build.copy("features", *app("features", version, number))
    return _service(build, "features", 9000)


def _gateway(build: Build, version: str, number: int) -> Build:
    build = build.run("apt-get install -y python3-minimal", Library(("http", "html", "email")))
    build = _install(build, "tornado", what="tornado")
    routes = Text("etc/gateway/routes.toml", f'[shop]\nprefix = "/shop/v{number + 1}"\n')
    return _service(build.copy("routes.toml", routes, to="/etc/gateway/"), "gateway", 8443)


def _backup(build: Build, version: str, number: int) -> Build:
    build = build.run("apt-get install -y rsync", Library(("tarfile", "zipfile", "shutil")))
    script = Text("usr/local/bin/backup", f"#!/bin/sh\n# {version}\nexec tar -c /data\n", 0o755)
    return build.copy("backup", script, to="/usr/local/bin/").entrypoint("/usr/local/bin/backup")


def _requirements(*packages: str) -> Text:
    return Text("srv/requirements.txt", "".join(f"{name}\n" for name in packages))


_HERE = Platform.default().architecture

WORKER = Line(
    "team/shop/worker",
    {
        **{"0.9": 30, "1.0": 86, "1.1": 140, "1.2": 212, "1.3": 284},
        **{"1.4": 359, "1.5": 437, "1.6": 512},
    },
    python_at,
    _worker,
)

LINES = (
    Line(
        "team/shop/api",
        {
            **{"1.0": 24, "1.1": 47, "1.2": 71, "1.3": 99, "1.4": 131, "1.5": 168, "1.6": 203},
            **{"2.0": 244, "2.1": 291, "2.2": 352, "2.3": 421, "2.4": 498},
        },
        python_at,
        _api,
        both_from="2.0",
        attested="2.4",
    ),
    Line(
        "team/shop/web",
        {
            **{"1.0": 38, "1.1": 80, "1.2": 117, "1.3": 160, "2.0": 251, "2.1": 289},
            **{"2.2": 344, "2.3": 430, "2.4": 505},
        },
        base_at,
        _web,
        both_from="1.0",
    ),
    WORKER,
    Line(
        "team/data/etl",
        {
            **{"2025.07": 56, "2025.10": 148, "2026.01": 240, "2026.03": 299},
            **{"2026.05": 360, "2026.07": 421, "2026.09": 483},
        },
        python_at,
        _etl,
    ),
    Line(
        "team/data/reports",
        {
            **{"2025.09": 118, "2025.12": 209, "2026.03": 299},
            **{"2026.05": 360, "2026.07": 421, "2026.09": 483},
        },
        python_at,
        _reports,
    ),
    Line(
        "ml/notebook",
        {"2025.08": 88, "2025.12": 211, "2026.04": 330, "2026.08": 452},
        _science,
        _notebook,
        architecture=_HERE,
    ),
    Line(
        "ml/trainer",
        {"0.1": 133, "0.2": 229, "0.3": 341, "0.4": 476},
        _science,
        _trainer,
        architecture=_HERE,
    ),
    Line("ml/features", {"0.1": 236, "0.2": 347, "0.3": 488}, python_at, _features),
    Line(
        "ops/gateway",
        {"1.0": 66, "1.1": 155, "1.2": 243, "1.3": 351, "1.4": 470},
        base_at,
        _gateway,
        both_from="1.2",
    ),
    Line(
        "ops/backup",
        {"2025-07-01": 50, "2026-01-15": 248, "2026-08-20": 465},
        base_at,
        _backup,
    ),
)
