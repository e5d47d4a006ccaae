"""Deletions: what is asked for, what goes with it, and what that frees."""
