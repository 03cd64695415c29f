"""Settings that all tests share."""

from hypothesis import HealthCheck, settings

# The gate must give the same verdict twice, so the quick profile draws the same examples each time.
# The deep one explores (`make test-deep`) and says how to reproduce what it found.
settings.register_profile("quick", max_examples=50, deadline=None, derandomize=True)
settings.register_profile(
    "deep",
    max_examples=2000,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("quick")
