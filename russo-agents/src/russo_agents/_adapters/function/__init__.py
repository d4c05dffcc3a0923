"""Functions that are agents, and the utterances that they get."""
