"""The files that an image has at the end, and what its folders take."""

import pandas as pd

from ghostnb.frames import FILES
from ghostnb.frames.schema import COUNT, TEXT, checked_frame

__all__ = ["checked_files", "final_files", "folder_sizes"]


def checked_files(files: pd.DataFrame) -> pd.DataFrame:
    """Give a frame of files back; anything else is the caller's mistake.

    Raises
    ------
    TypeError, ValueError
        If it is no frame, or lacks columns.
    """
    wanted = "A frame of files is wanted, such as that of registry.files(reference)"
    return checked_frame(files, FILES, wanted)


def final_files(files: pd.DataFrame) -> pd.DataFrame:
    """Leave the files that an image has at the end: of each path, what became of it.

    Parameters
    ----------
    files : pandas.DataFrame
        As `RegistryClient.files` gives it.

    Returns
    -------
    pandas.DataFrame, shape (n_files, n_columns)
        Rows of it, with the same columns: of each path the last, unless it is removed.
        Directories are among them.

    Raises
    ------
    TypeError, ValueError
        If it is no such frame.
    """
    last = checked_files(files).drop_duplicates("path", keep="last")
    return last[last["change"] != "removed"]


def folder_sizes(files: pd.DataFrame, folder: str = "/") -> "pd.Series[int]":
    """Say what is in a folder of an image, and how much of its unpacked bytes each takes.

    Parameters
    ----------
    files : pandas.DataFrame
        As `RegistryClient.files` gives it.
    folder : str, optional
        Its absolute path.

    Returns
    -------
    pandas.Series, shape (n_names,)
        Int64, bytes of the files at the end, the largest first; the names of folders, with
        all that is in them, end in ``/``. Empty if there is no such folder.

    Raises
    ------
    TypeError, ValueError
        If it is no such frame.

    Examples
    --------
    >>> from ghostnb.frames import files_frame
    >>> folder_sizes(files_frame([]), "/usr").tolist()
    []
    """
    left = final_files(files)
    inside = f"/{folder.strip('/')}/".replace("//", "/")
    left = left[left["path"].str.startswith(inside) & (left["path"] != inside)]
    names = left["path"].str.slice(len(inside))
    first = names.str.replace(r"(?s)/.*", "", regex=True)
    is_folder = (names != first) | left["mode"].astype(TEXT).str.startswith("d").fillna(False)
    keys = first.where(~is_folder, first + "/").astype(TEXT).rename("name")
    sizes = left["size_bytes"].groupby(keys).sum()
    return sizes.sort_values(ascending=False, kind="stable").astype(COUNT)
