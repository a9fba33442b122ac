"""Exact sessions from raw product events, hour by hour."""
