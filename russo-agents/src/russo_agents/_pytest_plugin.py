"""The pytest plugin of russo-agents. A run that uses no agent imports only this module of the package."""
