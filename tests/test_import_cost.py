"""What ``import ghostnb`` costs: nothing that the first call does not need."""

from tests.scripts import run_script

TOO_COSTLY = (
    "docker",
    "voila",
    "plotly",
    "ipywidgets",
    "IPython",
    "tqdm",
    "matplotlib",
    "requests",
    "keyring",
    "anywidget",
    "jupyter_server",
    "nest_asyncio2",
    "pyreqwest",
    "starlette",
    "uvicorn",
    "pyarrow",
)
LIMIT_SECONDS = 0.35


def test_importing_imports_nothing_costly():
    # pandas imports pyarrow by itself where it is.
    script = f"""
import sys, pandas
before = set(sys.modules)
import ghostnb
print([name for name in {TOO_COSTLY!r} if name in sys.modules and name not in before])
"""

    assert run_script(script) == "[]\n"


def test_importing_takes_little_beyond_pandas():
    script = """
import time, pandas
started = time.process_time()
import ghostnb
print(time.process_time() - started)
"""
    # The best of some: the others tell of what else the machine was doing.
    assert any(float(run_script(script)) < LIMIT_SECONDS for _ in range(5))
