"""Pushes of what lies on disk: images in archives and layouts, and files as artifacts."""
