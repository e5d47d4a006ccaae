"""Registries over HTTP: the distribution protocol, read and written."""

from ghostnb.registries.http.registry import HTTPRegistry

__all__ = ["HTTPRegistry"]
