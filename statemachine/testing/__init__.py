"""Conformance testing: scenarios as values, what is expected of them, and what was found."""
