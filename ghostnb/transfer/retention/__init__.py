"""Rules that say which tags stay, and the deletion of the others."""
