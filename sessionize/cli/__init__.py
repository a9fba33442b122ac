"""The command line, one module a command: whatever is heavy is imported where it is needed."""

from sessionize.cli.program import main

__all__ = ["main"]
