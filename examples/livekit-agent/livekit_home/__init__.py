"""A home assistant on LiveKit Agents: lights, a timer and music."""
