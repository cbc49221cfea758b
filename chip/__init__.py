"""Chip: a webchat server between visitors, Courier and RapidPro."""

__version__ = "1.0.0"
