"""What happened: what this page did, and what an agent tells."""

from ghostnb.widgets.activity.panel import ActivityPanel

__all__ = ["ActivityPanel"]
