"""Side-by-side measurements; never collected by the tests."""
