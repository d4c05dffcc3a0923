"""Shared stores of russo over obstore: S3, Google Cloud Storage, Azure, folders and web servers."""

from ._store import ObstoreStore

__all__ = ["ObstoreStore"]
