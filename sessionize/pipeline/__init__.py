"""The run of an hour: its stages, the whole of it in one process, and where a pipeline stands."""
