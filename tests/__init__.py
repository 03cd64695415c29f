"""Tests of the packages; mirrors them."""
