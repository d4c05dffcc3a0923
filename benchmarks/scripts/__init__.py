"""Scripts that measure in their own process."""
