"""A DAG file, for the tests of the stack."""
