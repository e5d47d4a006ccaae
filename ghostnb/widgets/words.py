"""Words that several panels say."""

__all__ = ["counted", "plural"]


def counted(count: int, noun: str) -> str:
    """Say how many there are: ``1 tag``, ``2 repositories``.

    Parameters
    ----------
    count : int
    noun : str
        In the singular.
    """
    return f"1 {noun}" if count == 1 else f"{count:,} {plural(noun)}"


def plural(noun: str) -> str:
    """Give a regular noun's plural."""
    return f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
