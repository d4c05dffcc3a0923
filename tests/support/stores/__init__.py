"""Stores for the tests of the conformance kit: a correct one, and patches that add one fault each."""
