"""The pipeline's world on one machine: PostgreSQL, an S3 and Firehose server, Airflow, events.

For ``make demo``, ``make airflow`` and the tests; nothing here is part of the package.
"""
