"""The work of the torture processes: each role is a function that its own process runs."""
