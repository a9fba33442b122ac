"""The pipeline on Apache Airflow."""
