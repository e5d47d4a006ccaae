"""What DataFrames of registries say: arithmetic of bytes, no I/O."""

from ghostnb.analysis.deletion import freed_bytes

__all__ = ["freed_bytes"]
