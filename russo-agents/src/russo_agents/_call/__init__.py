"""The driver: speaks to one line, and turns its events into turns."""
