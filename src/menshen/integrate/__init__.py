"""Configurations for gateways that a team has already, printed from a revision."""

from menshen.integrate.site import NotCarried, Site, VerifyTls, site_of

__all__ = ["NotCarried", "Site", "VerifyTls", "site_of"]
