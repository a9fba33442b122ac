# A DAG file, for the test.
