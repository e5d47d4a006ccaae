"""Registries: over HTTP, in a directory, in memory; one protocol for all."""
