"""The platforms: one file each, one registry."""
