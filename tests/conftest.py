"""Settings that all tests share."""

from hypothesis import HealthCheck, settings

# The gate must give the same verdict twice, so the quick profile draws the same examples each time,
# and no verdict depends on how busy the machine is.
# The deep one explores (`make test-deep`) and says how to reproduce what it found.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", patient, max_examples=50, derandomize=True)
settings.register_profile("deep", patient, max_examples=2000, print_blob=True)
settings.load_profile("quick")
