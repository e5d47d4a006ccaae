"""Run code with top-level ``await``, as a notebook does: ``python run_cells.py < code``.

It imports nothing of the tests, so that it can run where only ghostnb is installed.
"""

import ast
import asyncio
import inspect
import sys


def main() -> None:
    """Run standard input as one cell after the other, and print what each ends with."""
    names = {"__name__": "__main__"}
    runner = asyncio.Runner()
    for statement in ast.parse(sys.stdin.read()).body:
        is_value = isinstance(statement, ast.Expr)
        tree = ast.Expression(statement.value) if is_value else ast.Module([statement], [])
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        code = compile(tree, "cell", "eval" if is_value else "exec", flags=flags)
        value = eval(code, names)
        if inspect.iscoroutine(value):
            value = runner.run(value)
        if is_value:
            print(repr(value))
    runner.close()


if __name__ == "__main__":
    main()
