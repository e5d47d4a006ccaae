"""What the README says, done."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import ghostnb
from ghostnb import frames
from ghostnb.sync.plan_file import parse_plan
from tests.parts.agent import TOKEN, running_agent
from tests.parts.drift import running_drift
from tests.parts.registries import docker_registry
from tests.parts.standard import by_repository
from tests.parts.storage import write_storage
from tests.readme import README, agent_blocks, daemon_blocks, drift_blocks, plotly_blocks, tour

TEXT = README.read_text(encoding="utf-8")
TOML = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
RUNNER = Path(__file__).with_name("run_cells.py")


def write_config(home: Path, url: str) -> None:
    file = home / ".config/ghostnb/registries.toml"
    file.parent.mkdir(parents=True)
    file.write_text(f'[[registries]]\nname = "local-drift"\nurl = "{url}"\n')


def run_cells(code: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(RUNNER)],
        input=code,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=cwd,
    )


def test_the_tour_runs_on_a_real_registry(home: Path, tmp_path: Path) -> None:
    # One of its own: the tour pushes.
    write_storage(tmp_path / "storage", by_repository())
    with docker_registry(storage_dir=tmp_path / "storage") as registry:
        write_config(home, registry.url)
        run = run_cells("".join([*tour(), *plotly_blocks()]), cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert "library/nginx" in run.stdout
    assert "('linux/amd64', 1055, " in run.stdout
    assert (tmp_path / "nginx.tar").exists()
    assert "Plotly.newPlot" in (tmp_path / "storage.html").read_text(encoding="utf-8")


def test_what_is_said_of_drift_runs_on_one(tmp_path: Path) -> None:
    with running_drift(tmp_path / "root") as drift:
        code = "import ghostnb\n" + "".join(drift_blocks())
        run = run_cells(code.replace("http://localhost:5000", drift.url), cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert "steam-gaming" in run.stdout
    assert 'name = "steam-gaming"' in (tmp_path / "steam-gaming.toml").read_text()


def test_what_is_said_of_agents_runs_on_one(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("GHOSTNB_AGENT_TOKEN", TOKEN)
    write_storage(tmp_path / "storage", by_repository())
    with docker_registry(storage_dir=tmp_path / "storage", delete=True) as registry:
        with running_agent(tmp_path / "agent", {"local-drift": registry.url}) as agent:
            code = "import ghostnb\n" + "".join(agent_blocks())
            run = run_cells(code.replace("http://localhost:8000", agent.url), cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert "local-drift" in run.stdout
    assert (tmp_path / "through-the-agent.tar").exists()


def test_every_daemon_block_is_python_that_names_public_things() -> None:
    for code in daemon_blocks():
        compile(code, "README", "exec", flags=0x2000)  # top-level await
        for name in re.findall(r"ghostnb\.(\w+)", code):
            assert name in ghostnb.__all__


def test_the_configuration_in_the_readme_is_valid() -> None:
    from ghostnb.registries.config_file import parse_configs

    toml = next(one for one in TOML if "[[registries]]" in one)
    assert [config.name for config in parse_configs(toml)] == ["work", "lab", "backup"]


@pytest.mark.parametrize(
    ("frame", "schema"),
    [
        ("registries", frames.REGISTRIES),
        ("repositories", frames.REPOSITORIES),
        ("tags", frames.TAGS),
        ("copies", frames.COPIES),
        ("deletions", frames.DELETIONS),
        ("catalogue", frames.CATALOGUE),
        ("problems", frames.PROBLEMS),
        ("layers", frames.LAYERS),
        ("files", frames.FILES),
        ("packages", frames.PACKAGES),
        ("history", frames.HISTORY),
        ("search", frames.SEARCH),
        ("audit", frames.AUDIT),
    ],
)
def test_the_readmes_columns_are_the_frames(frame: str, schema: dict[str, str]) -> None:
    (row,) = re.findall(rf"^\| {frame} \|.*\|(.*)\|$", TEXT, re.MULTILINE)
    assert row.strip().split(", ") == list(schema)


def test_every_error_in_the_readme_exists() -> None:
    names = re.findall(r"^\| (`\w+Error`.*?) \|", TEXT, re.MULTILINE)
    found = [name for row in names for name in re.findall(r"`(\w+)`", row)]
    assert len(found) > 10
    for name in found:
        assert issubclass(getattr(ghostnb, name), ghostnb.GhostnbError)


def test_every_configuration_key_in_the_readme_exists() -> None:
    (table,) = re.findall(r"\| Key \| Meaning \|\n\|---\|---\|\n((?:\|.*\n)+)", TEXT)
    keys = {key for row in table.splitlines() for key in re.findall(r"`(\w+)`", row.split("|")[1])}
    fields = set(ghostnb.RegistryConfig.__dataclass_fields__)
    assert keys == fields


def test_every_make_target_in_the_readme_exists() -> None:
    makefile = (README.parent / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    assert set(re.findall(r"make ([a-z]+)\b(?=[`\s])", TEXT)) - {"python3"} <= targets


def test_every_link_in_the_readme_leads_to_a_file() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", TEXT):
        assert (README.parent / target).exists(), target


def test_the_plan_file_in_the_readme_is_valid() -> None:
    plan = parse_plan(next(one for one in TOML if "[[sync]]" in one))
    assert plan.every_seconds == 6 * 3600
    assert plan.entries[0].selection.newest == 3
