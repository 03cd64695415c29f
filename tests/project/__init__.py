"""Tests of the project as a whole: packaging, documents, examples, rules for the source."""
