"""Backends for the tests of the conformance kit: two correct ones, and patches that add one fault each."""
