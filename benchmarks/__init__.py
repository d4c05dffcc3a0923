"""Benchmarks of russo and the alternatives; ``make bench`` runs them.

Everything is measured in rounds (`benchmarks.rounds`): the subjects take turns, so that other load on the
machine affects all of them, and only figures of one round are compared.
"""
