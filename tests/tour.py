"""Run the README's tour with another Python: ``python -m tests.tour PYTHON``.

For the built wheel in an environment that has nothing else.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.dashboard.running import running_dashboard
from tests.parts.browsers import Watch, chromium, session
from tests.parts.registries import docker_registry
from tests.parts.standard import by_repository
from tests.parts.storage import write_storage
from tests.readme import tour

CONFIG = '[[registries]]\nname = "local-drift"\nurl = "{url}"\n'


def main() -> None:
    """Fill a real registry and take the tour."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        write_storage(root / "storage", by_repository())
        with docker_registry(storage_dir=root / "storage") as registry:
            (root / "registries.toml").write_text(CONFIG.format(url=registry.url))
            take(sys.argv[1], root)
            look(sys.argv[1], root)


def take(python: str, root: Path) -> None:
    """Run the blocks outside of the checkout, with a home of their own."""
    environment = {
        **os.environ,
        "GHOSTNB_CONFIG": str(root / "registries.toml"),
        "HOME": str(root),
        "XDG_CACHE_HOME": str(root / "cache"),
    }
    script = Path(__file__).with_name("run_cells.py")
    command = [python, "-I", str(script)]
    code = "".join(tour())
    run = subprocess.run(
        command, input=code, capture_output=True, text=True, cwd=root, env=environment
    )
    print(run.stdout[-3000:], run.stderr, sep="")
    if run.returncode:
        raise SystemExit(f"The tour failed with {python}.")
    print(f"The README's tour ran with {python}.")


def look(python: str, root: Path) -> None:
    """Open the dashboard as it was packaged."""
    watch = Watch()
    options = {"python": python, "environment": {"HOME": str(root)}}
    with (
        running_dashboard(root, root / "registries.toml", **options) as dashboard,
        chromium() as browser,
        session(browser, watch) as page,
    ):
        page.goto(dashboard.link)
        page.get_by_role("grid", name="Registries").get_by_text("local-drift").click()
        page.get_by_role("grid", name="Repositories").locator("[data-place]").first.wait_for()
    if watch.errors or watch.foreign:
        raise SystemExit(f"The page complained: {watch.errors} {watch.foreign}")
    print(f"The dashboard opened with {python}.")


if __name__ == "__main__":
    main()
