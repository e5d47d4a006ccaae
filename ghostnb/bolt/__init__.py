"""Bolt's profiles, plugins and templates, as a notebook user reaches them."""

from ghostnb.bolt.arguments import Metadata
from ghostnb.bolt.methods import BoltMethods

__all__ = ["BoltMethods", "Metadata"]
