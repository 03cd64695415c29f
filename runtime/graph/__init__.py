"""The embedded graph: deferred operations on NumPy, compiled into plans by the session."""
