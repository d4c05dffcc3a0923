"""Scripts that measure in a process of their own."""
