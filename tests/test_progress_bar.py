"""The bar: after a second, where someone sees it, and as long as what is known."""

import io
import sys

import pytest

from ghostnb import progress_bar
from ghostnb.progress_bar import ProgressBar
from ghostnb.registries.walk import Tally


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class LogFile(io.StringIO):
    pass


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr(progress_bar, "_DELAY_SECONDS", 0)


def shown(monkeypatch, stream, progress) -> str:
    """Advance a tally whose total grows, and give what was written to stderr."""
    monkeypatch.setattr(sys, "stderr", stream)
    tally = Tally()
    with ProgressBar(tally, "team", progress) as bar:
        for done, total in [(0, 3), (2, 3), (3, 5), (5, 5)]:
            tally.done, tally.total = done, total
            bar.refresh()
    return stream.getvalue()


@pytest.mark.usefixtures("at_once")
def test_a_terminal_shows_how_far_it_is_while_the_total_grows(monkeypatch):
    text = shown(monkeypatch, Terminal(), None)

    assert "team" in text
    assert all(step in text for step in ("2/3", "3/5", "5/5"))


@pytest.mark.usefixtures("at_once")
def test_a_log_file_shows_a_bar_only_if_asked(monkeypatch):
    assert shown(monkeypatch, LogFile(), None) == ""
    assert "5/5" in shown(monkeypatch, LogFile(), True)


@pytest.mark.usefixtures("at_once")
def test_false_shows_nothing(monkeypatch):
    assert shown(monkeypatch, Terminal(), False) == ""


def test_what_takes_less_than_a_second_shows_nothing(monkeypatch):
    assert shown(monkeypatch, Terminal(), True) == ""


@pytest.mark.usefixtures("at_once")
def test_a_function_takes_the_numbers_instead_of_a_bar(monkeypatch):
    seen = []

    assert shown(monkeypatch, Terminal(), lambda *numbers: seen.append(numbers)) == ""
    assert seen == [(0, 3), (2, 3), (3, 5), (5, 5)]


def test_a_function_is_called_without_a_delay(monkeypatch):
    seen = []
    shown(monkeypatch, Terminal(), lambda *numbers: seen.append(numbers))

    assert seen[0] == (0, 3)


def test_the_bar_counts_the_time_before_it_appeared(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    tally = Tally(1, 2)
    bar = ProgressBar(tally, "team", True)
    bar._started -= 125
    with bar:
        bar.refresh()

    assert "02:05" in sys.stderr.getvalue()


@pytest.mark.usefixtures("at_once")
def test_bytes_are_counted_in_what_people_read(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with ProgressBar(Tally(2_500_000, 5_000_000), "team", True, unit="B") as bar:
        bar.refresh()

    assert "2.50M/5.00M" in sys.stderr.getvalue()


@pytest.mark.parametrize("wrong", ["yes", 1, []])
def test_what_is_no_option_is_refused(wrong):
    with pytest.raises(TypeError, match="progress is True, False or a function"):
        ProgressBar(Tally(), "team", wrong)
