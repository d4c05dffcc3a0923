"""Backends for the tests of the conformance kit: two right ones, and patches that make them wrong in one place."""
