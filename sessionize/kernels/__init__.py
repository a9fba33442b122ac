"""Loops over bytes and numbers that no library has, compiled by numba.

They take and fill numpy arrays, hold no lock while they run, and know nothing of what the rest of
the package calls things. The first call on a machine compiles them, which takes seconds; after that
they are loaded from numba's cache.
"""
