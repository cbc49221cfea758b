"""Why a connection to another party did not come about, or came to nothing, in words."""

import errno

from OpenSSL.SSL import Error as TLSError
from service_identity import VerificationError
from twisted.internet.defer import CancelledError
from twisted.internet.error import (
    ConnectError,
    ConnectionClosed,
    ConnectionRefusedError,
    DNSLookupError,
    TCPTimedOutError,
    TimeoutError,
)

_FULL = frozenset({errno.EMFILE, errno.ENFILE})


def in_words(error: BaseException) -> str:
    """What `error` means for whoever has to mend it."""
    match error:
        case DNSLookupError():
            return "the host is not known"
        case ConnectionRefusedError():
            return "the connection was refused"
        case CancelledError():  # by whoever has waited long enough
            return "no answer in time"
        case TimeoutError() | TCPTimedOutError():
            return "it did not answer in time"
        case ConnectError() if error.osError in _FULL:
            return "this process has no file descriptors left"
        case ConnectError():
            return "the network does not lead there"
        case VerificationError():
            return "its certificate is for another name"
        case TLSError():
            return _tls(error)
        case ConnectionClosed():
            return "it closed the connection"
        case _:
            return type(error).__name__


def _tls(error: TLSError) -> str:
    said = " ".join(str(part) for one in error.args for entry in one or () for part in entry)
    if "certificate verify failed" in said:
        return "its certificate is not one that this machine trusts"
    if "wrong version number" in said or "record layer" in said:
        return "it does not speak TLS"
    if "certificate required" in said:
        return "it wants a certificate of ours"
    return f"TLS failed ({said[:100].strip() or 'closed'})"
