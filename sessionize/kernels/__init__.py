"""Loops over bytes and numbers that no library has, as machine code.

``source`` holds them in the Python that numba compiles. That happens once on a machine, at the
first call or with ``python -m sessionize.kernels``, and takes some seconds; from then on
``library`` loads the machine code, and numba, which is slow to import, is not needed. The other
modules are what the rest of the package calls: functions of numpy arrays. They hold no lock while
they run.
"""
