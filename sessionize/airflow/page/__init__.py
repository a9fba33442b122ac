"""The operator's page in Airflow's UI: is the data whole, and what is in it."""
