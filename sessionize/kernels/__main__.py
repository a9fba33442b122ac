"""``python -m sessionize.kernels``: compile the kernels, if that has not been done yet."""

from sessionize.kernels.library import load

load()
