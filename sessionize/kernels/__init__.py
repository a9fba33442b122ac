"""Loops over bytes and numbers that no library has, compiled by numba.

They are functions over numpy arrays, called with arrays that the caller has made, and hold no lock
while they run. ``options`` says how they are compiled; ``python -m sessionize.kernels`` does so
ahead, which otherwise the first call of each does, once on a machine.
"""
