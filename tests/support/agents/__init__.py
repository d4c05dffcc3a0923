"""Agents and lines for the tests of russo-agents."""
