"""A history on Spark, started and watched from Airflow: see docs/scale.md."""
