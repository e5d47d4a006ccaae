"""What users were warned of while a test recorded warnings."""

from __future__ import annotations

import warnings
from collections.abc import Iterable


def told(recorded: Iterable[warnings.WarningMessage]) -> list[str]:
    """Give the texts of user warnings.

    Not those of the interpreter: while warnings are recorded, the garbage collector may come
    upon what an earlier test left open.
    """
    return [str(one.message) for one in recorded if issubclass(one.category, UserWarning)]
