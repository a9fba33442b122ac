"""A day: what its hours have published and the day before in, a day's datasets out.

`day.make_day` is the pure core; `run.run_day` finds what it takes and publishes what it gives.
"""
