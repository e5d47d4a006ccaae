"""Words that several panels say."""

__all__ = ["counted"]


def counted(count: int, noun: str) -> str:
    """Say how many there are: ``1 tag``, ``2 repositories``.

    Parameters
    ----------
    count : int
    noun : str
        In the singular.
    """
    if count == 1:
        return f"1 {noun}"
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count:,} {plural}"
