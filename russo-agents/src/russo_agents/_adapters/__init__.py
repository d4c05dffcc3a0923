"""The adapters of russo-agents, a folder for each kind of agent."""
