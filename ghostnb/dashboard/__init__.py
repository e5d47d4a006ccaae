"""The dashboard as a page of its own, served by Voilà."""
