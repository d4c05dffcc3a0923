"""Audio on disk: keys, entries, the cache and its locks. Nothing here knows a backend."""
