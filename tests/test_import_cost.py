"""What importing costs: nothing that the first call does not need.

How long it takes, ``python -m tests.benchmarks`` measures.
"""

import pytest

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
    "boto3",
    "botocore",
    "google",
    "azure",
)


def test_a_client_imports_nothing_costly():
    # pandas imports pyarrow by itself where it is.
    script = f"""
import sys, pandas
before = set(sys.modules)
from ghostnb import Fleet, RegistryClient, run
print([name for name in {TOO_COSTLY!r} if name in sys.modules and name not in before])
"""

    assert run_script(script) == "[]\n"


@pytest.mark.parametrize("module", ["ghostnb", "ghostnb.cli", "ghostnb.drift.command"])
def test_what_has_no_frames_does_without_pandas(module):
    script = f"import sys, {module}; print([n for n in ('pandas', 'httpx2') if n in sys.modules])"

    assert run_script(script) == "[]\n"


def test_commands_have_no_grammar_compiled_that_nothing_needs():
    # As `ghostnb agent` does; Voilà imports it, too.
    script = """
import contextlib, io, sys
from ghostnb.cli import main
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main(["--help"])
import ghostnb.server
print("lark" in sys.modules, "jsonschema._format" in sys.modules)
"""

    assert run_script(script) == "False True\n"
