"""The checks of `BackendContract`: one module per subject, and the modules that the checks share."""
