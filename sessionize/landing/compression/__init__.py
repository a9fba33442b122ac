"""From the bytes of an object as it landed to the bytes of its text."""

from sessionize.landing.compression.recognise import compression_of, decompress
from sessionize.landing.compression.source import DamageError

__all__ = ["DamageError", "compression_of", "decompress"]
