# For the test.
