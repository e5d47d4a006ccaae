"""Registries made alike: what is wanted, what is there already, and the steps between."""
