"""The checks of `AgentContract`, by subject."""
