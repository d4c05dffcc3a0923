"""Backends: find one by name, run its attempts, and turn its failures into the errors of russo."""
