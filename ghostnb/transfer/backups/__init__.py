"""Registries kept on disk, in a directory or one file, verified, and brought back."""
