"""The report of a run: its tests, the prompts that they used, and the audio."""
