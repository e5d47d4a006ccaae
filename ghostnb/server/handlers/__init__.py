"""The agent's operations: each parses, awaits and answers."""
