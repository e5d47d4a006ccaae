"""The REST agent: a Jupyter Server extension, and the command `ghostnb agent`."""
