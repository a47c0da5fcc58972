"""``make bench``: what Menshen promises about speed and size, measured on this machine in one run."""
