"""Support for the tests of shared stores."""
