"""PLACEHOLDER"""

from numba import njit

kernel = njit(cache=True, nogil=True)
