"""A loopback HTTP server that plays the service behind a backend."""
