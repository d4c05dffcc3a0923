"""What the tests share. Tests import it as `support`; nothing of russo does."""
