"""What would happen, asked for, shown and confirmed before anything does."""

from ghostnb.widgets.plans.panel import PlanPanel

__all__ = ["PlanPanel"]
