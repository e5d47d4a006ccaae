"""What a picture of growth shows: bytes by period, and in words."""

from dataclasses import dataclass

import pandas as pd

from ghostnb.frames.schema import checked_frame
from ghostnb.pictures.wording import bytes_text

__all__ = ["Periods"]

_NEEDED = ("period", "added_bytes", "total_bytes")


@dataclass(frozen=True, slots=True)
class Periods:
    """A frame of growth, checked.

    Attributes
    ----------
    names : list of str
        Of the dated periods: the day on which each begins.
    added, totals : list of int
        Bytes that were added in each, and that there were at its end.
    unknown : int
        Bytes that were made at unknown times; they are in the totals from the beginning.
    """

    names: list[str]
    added: list[int]
    totals: list[int]
    unknown: int

    @classmethod
    def of(cls, frame: pd.DataFrame) -> "Periods":
        """Read a frame.

        Parameters
        ----------
        frame : pandas.DataFrame
            As `ghostnb.analysis.growth` gives it.

        Returns
        -------
        Periods

        Raises
        ------
        TypeError, ValueError
            If it is no such frame.
        """
        wanted = "A frame of growth is wanted, such as that of analysis.growth(inventory)"
        checked_frame(frame, _NEEDED, wanted)
        dated = frame[frame["period"].notna()]
        return cls(
            [one.date().isoformat() for one in dated["period"]],
            dated["added_bytes"].fillna(0).astype("int64").tolist(),
            dated["total_bytes"].fillna(0).astype("int64").tolist(),
            int(frame.loc[frame["period"].isna(), "added_bytes"].sum()),
        )

    def in_words(self) -> str:
        """Say how much there is, and when most was added."""
        if not self.names:
            return f"Nothing is dated; {bytes_text(self.unknown)} were made at unknown times."
        most = max(range(len(self.added)), key=self.added.__getitem__)
        parts = [
            f"From {self.names[0]} to {self.names[-1]} it grew to {bytes_text(self.totals[-1])}",
            f"most was added in the period from {self.names[most]}, {bytes_text(self.added[most])}",
        ]
        if self.unknown:
            parts.append(f"{bytes_text(self.unknown)} were made at unknown times")
        return "; ".join(parts) + "."
