"""What bytes cost."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ghostnb.analysis import cost, largest_layers, storage
from tests.analysis.inventories import Named, image, inventory

FRAME = storage(
    inventory(
        image("app:1", [Named("base", 4 * 10**9), Named("app", 10**9)]),
        image("tool:1", [Named("base", 4 * 10**9)]),
    )
)


def test_each_count_of_bytes_has_its_price():
    priced = cost(FRAME, 0.1)
    names = ["logical_cost", "physical_cost", "exclusive_cost", "amortised_cost"]
    assert list(priced) == [*FRAME, *names]
    assert priced[names].to_numpy() == pytest.approx(
        np.array([[0.5, 0.5, 0.1, 0.3], [0.4, 0.4, 0.0, 0.2]])
    )
    assert set(priced[names].dtypes) == {np.dtype("float64")}
    assert "logical_cost" not in FRAME


def test_gigabytes_of_another_size():
    assert cost(FRAME, 1, gigabyte=2**30)["physical_cost"].tolist() == [5e9 / 2**30, 4e9 / 2**30]


def test_what_is_unknown_has_no_price():
    frame = pd.DataFrame({"bytes_x": [1, 2], "freed_bytes": pd.array([10**9, None], "Int64")})
    priced = cost(frame, 2)
    assert list(priced) == ["bytes_x", "freed_bytes", "freed_cost"]
    assert priced["freed_cost"].fillna(-1).tolist() == [2.0, -1]


def test_of_nothing_and_of_other_frames():
    assert len(cost(FRAME.head(0), 1)) == 0
    assert cost(largest_layers(inventory()), 1).columns[-1] == "saved_cost"


@pytest.mark.parametrize(
    ("price", "gigabyte", "error", "words"),
    [
        (-1, 10**9, ValueError, "price_per_gb: a number of 0 or more is wanted, not -1"),
        (float("nan"), 10**9, ValueError, "price_per_gb: a number of 0 or more"),
        ("0.1", 10**9, TypeError, "price_per_gb: a number is wanted, not '0.1'"),
        (0.1, 0, ValueError, "gigabyte: a number of 1 or more is wanted, not 0"),
    ],
)
def test_numbers_that_are_none(price, gigabyte, error, words):
    with pytest.raises(error, match=words):
        cost(FRAME, price, gigabyte=gigabyte)


def test_frames_without_bytes():
    with pytest.raises(ValueError, match="no columns of bytes among tag"):
        cost(pd.DataFrame({"tag": []}), 1)
    with pytest.raises(TypeError, match="A frame with columns of bytes is wanted, not list"):
        cost([], 1)
