"""A loopback HTTP server that answers in place of the service behind a backend."""
