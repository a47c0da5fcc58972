"""Configurations for gateways that a team has already, printed from a revision."""

from menshen.integrate.site import PLAIN, NotCarried, Site, VerifyTls, site_of

__all__ = ["PLAIN", "NotCarried", "Site", "VerifyTls", "site_of"]
