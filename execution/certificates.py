"""Why no connection came about: a certificate is named as what it is, whoever asked, and not by its error's type."""

from __future__ import annotations

import ssl

# OpenSSL's codes of a certificate that was refused; every other means that nobody we know vouches for it.
_EXPIRED, _NOT_YET, _OTHER_NAME, _OTHER_ADDRESS = 10, 9, 62, 64
_REFUSED = {
    _EXPIRED: "its certificate has expired",
    _NOT_YET: "its certificate is not valid yet, or this machine's clock is wrong",
    _OTHER_NAME: "its certificate is made out to another name than the address has",
    _OTHER_ADDRESS: "its certificate is made out to another name than the address has",
}
UNKNOWN_SIGNER = "its certificate is signed by nobody we know"
_NO_TLS_SYMBOLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE")
NO_TLS = "it does not speak TLS at this address"


def tls_fault(error: BaseException) -> str:
    """What is wrong with the other side's TLS; empty where that is not the matter."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return _REFUSED.get(seen.verify_code, UNKNOWN_SIGNER)
        # OpenSSL's own symbol for it, and no sentence.
        if isinstance(seen, ssl.SSLError) and getattr(seen, "reason", "") in _NO_TLS_SYMBOLS:
            return NO_TLS
        seen = seen.__cause__ or seen.__context__
    return ""


def why_unreached(error: BaseException) -> str:
    """For a sentence's brackets: the TLS fault, or else the error's type; never its text, which may hold an address."""
    return tls_fault(error) or type(error).__name__
