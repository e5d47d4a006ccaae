"""A registry behind an agent."""

from ghostnb.registries.vendors.agent.vendor import Agent, place_at_agent

__all__ = ["Agent", "place_at_agent"]
