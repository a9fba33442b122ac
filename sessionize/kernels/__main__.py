"""``python -m sessionize.kernels``: compile the kernels anew, and keep them in numba's cache."""

from sessionize.kernels.options import forget
from sessionize.kernels.warm import warm_up

forget()
warm_up()
