"""The adapters of russo-agents, one module each. Their SDKs are imported when they connect."""
