"""Code that the tests share. Tests import it as `support`; russo never imports it."""
