"""What an operator should be told of, and that each is told once."""

from sessionize.alerts.check import look
from sessionize.alerts.findings import Finding

__all__ = ["Finding", "look"]
