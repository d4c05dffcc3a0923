"""The checks of `StoreContract`."""
