"""The demo: a sample registry, made of files that are on every machine with Python.

Its layers are packed from Python's standard library and from the packages that
ghostnb itself needs, always in the same way: sorted names, no owners, no times.
So its digests are the same each time on one machine, and differ between
machines as their Python, its packages and its zlib do.
"""

from ghostnb.demo.filling import fill_demo
from ghostnb.demo.root import DemoRoot, default_root, prepare_demo

__all__ = ["DemoRoot", "default_root", "fill_demo", "prepare_demo"]
