"""A small model of the session, from which the expected trace of a scenario is derived.

It knows nothing of this project's packages. With no rule switched on it behaves as TensorFlow
does; each entry of specs/divergences.toml names one rule that can be switched on.
"""
