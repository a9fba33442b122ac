"""``airflow dags backfill`` on Airflow 3: for any DAG, and with care for those that carry state.

``command`` is the command; ``metadata`` asks Airflow's database, ``plan`` decides what to do,
``preflight`` looks into the lake of a pipeline of this project, ``actions`` speaks to Airflow's own
commands, ``watch`` waits.
"""
