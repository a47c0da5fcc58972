"""What a Python backend installs: who calls, from the gateway's signed assertion.

Nothing of the gateway is imported here, and no framework outside its own module: ``asgi``, ``fastapi``, ``django`` and
``flask``. Besides Python it needs ``joserfc`` alone.
"""

from menshen.backend.caller import ANONYMOUS, Anonymous, Caller
from menshen.backend.fetching import from_url
from menshen.backend.keys import Keys
from menshen.backend.refusals import AssertionInvalid, AssertionMissing, BackendRefusal, KeysUnavailable
from menshen.backend.trusted_network import TrustedNetwork
from menshen.backend.verifier import Verifier

__all__ = [
    "ANONYMOUS",
    "Anonymous",
    "AssertionInvalid",
    "AssertionMissing",
    "BackendRefusal",
    "Caller",
    "Keys",
    "KeysUnavailable",
    "TrustedNetwork",
    "Verifier",
    "from_url",
]
