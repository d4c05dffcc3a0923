"""The checks of `BackendContract`, one module per subject, and what they share."""
