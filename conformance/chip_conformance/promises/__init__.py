"""The promises, by subject, in the order in which they are told."""

from typing import Final

from chip_conformance.promise import Promise
from chip_conformance.promises.delivery import delivery, order
from chip_conformance.promises.external import external
from chip_conformance.promises.handshake import handshake
from chip_conformance.promises.history import history
from chip_conformance.promises.mistakes import mistakes
from chip_conformance.promises.reports import reports
from chip_conformance.promises.saying import saying
from chip_conformance.promises.sends import sends
from chip_conformance.promises.starting import resuming, starting

_SUBJECTS: Final = (
    *(handshake, starting, resuming, saying, delivery, order),
    *(reports, history, mistakes, sends, external),
)
PROMISES: Final[list[Promise]] = [promise for subject in _SUBJECTS for promise in subject.promises]
