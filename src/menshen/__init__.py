"""Menshen (门神): a self-hosted login gateway for mini programs."""

__version__ = "0.1.0"
