"""Many hours in one pass on Spark: the same partitions, ledgers and state as hour by hour.

Spark moves and sorts what passes between three stages, and starts again what fails; what is done
with it is done by the functions that run an hour. See docs/scale.md.
"""
