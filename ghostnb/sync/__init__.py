"""The command ``ghostnb sync``: registries kept alike, as a file says."""
