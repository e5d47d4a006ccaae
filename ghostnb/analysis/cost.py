"""What bytes cost."""

import math
from numbers import Real

import pandas as pd

__all__ = ["cost"]

_GIGABYTE = 10**9


def cost(frame: pd.DataFrame, price_per_gb: float, *, gigabyte: int = _GIGABYTE) -> pd.DataFrame:
    """Put a price beside every count of bytes.

    Parameters
    ----------
    frame : pandas.DataFrame
        As `storage`, `growth`, `largest_layers` or a plan make it: whatever has columns of bytes.
    price_per_gb : float
        Of a gigabyte, in any currency, for as long as it is meant: most are billed by the month.
    gigabyte : int
        Bytes that are billed as one: ``10**9``, or ``2**30`` where GiB are meant.

    Returns
    -------
    pandas.DataFrame, shape (n_rows, n_columns + n_bytes)
        The frame's columns, and behind them for each ``…_bytes`` a ``…_cost`` : float64, NaN
        where the bytes are unknown

    Raises
    ------
    TypeError, ValueError
        If the frame has no bytes, or the price or gigabyte is no such number.

    Examples
    --------
    >>> cost(pd.DataFrame({"physical_bytes": [5 * 10**9]}), 0.10)["physical_cost"].tolist()
    [0.5]
    """
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"A frame with columns of bytes is wanted, not {type(frame).__name__}.")
    price = _checked("price_per_gb", price_per_gb, least=0.0)
    size = _checked("gigabyte", gigabyte, least=1.0)
    names = [name for name in frame.columns if str(name).endswith("_bytes")]
    if not names:
        raise ValueError(f"There are no columns of bytes among {', '.join(map(str, frame))}.")
    counts = frame[names].astype("Float64").astype("float64")
    costs = (counts / size * price).rename(columns=lambda name: f"{name[:-6]}_cost")
    return frame.assign(**dict(costs.items()))


def _checked(name: str, value: float, *, least: float) -> float:
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{name}: a number is wanted, not {value!r}.")
    if not (math.isfinite(value) and value >= least):
        raise ValueError(f"{name}: a number of {least:g} or more is wanted, not {value!r}.")
    return float(value)
