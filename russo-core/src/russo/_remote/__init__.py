"""The shared store of a team, behind the cache of each machine."""
