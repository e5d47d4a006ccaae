"""For third-party code that insists on `asyncio.run` in a cell."""

__all__ = ["enable_nested_asyncio"]


def enable_nested_asyncio() -> None:
    """Allow event loops within event loops, in this whole process.

    ghostnb itself never needs it: use ``await``, or `ghostnb.run`. It patches
    asyncio for everything that runs in the kernel, so it happens only when
    asked for.

    Raises
    ------
    ImportError
        If the extra ``nested`` is not installed.
    """
    try:
        import nest_asyncio2
    except ImportError as e:
        raise ImportError(
            "This needs nest-asyncio2: install it with pip install 'ghostnb[nested]'."
        ) from e
    nest_asyncio2.apply()
