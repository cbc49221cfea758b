"""What is taken up while Chip runs: certificates, and these settings.

A mistake changes nothing, and is one line in the log; so is what only a restart takes up.
"""

from collections.abc import Callable, Iterable
from typing import Final

from msgspec.structs import replace
from twisted.logger import Logger

from chip.chat.hops import HOPS
from chip.config.schema import Config
from chip.errors import ConfigError
from chip.logs.log_observer import LogObserver
from chip.ops.certificates import Certificates

RELOADED_SETTINGS: Final = ("allowed_origins", "log_level")

_log = Logger()


def reloaded(
    config: Config, read: Callable[[], Config], certificates: Iterable[Certificates]
) -> Config:
    """`config` with what `read` says now of those settings. Reads the certificates, too."""
    for one in certificates:
        try:
            one.read_again()
        except ConfigError as error:
            _log.error("the old certificates stay: {reason}", reason=str(error))
    try:
        new = read()
    except ConfigError as error:
        _log.error("the old settings stay: {reason}", reason=str(error))
        return config
    now = replace(config, **{name: getattr(new, name) for name in RELOADED_SETTINGS})
    fields = sorted(config.__struct_fields__)
    left = [name for name in fields if getattr(now, name) != getattr(new, name)]
    if left:
        _log.warn("changed settings that only a restart takes up: {left}", left=", ".join(left))
    _log.info(
        "Chip has reloaded its certificates, {settings}", settings=", ".join(RELOADED_SETTINGS)
    )
    return now


def set_log_level(observer: LogObserver, level: str) -> None:
    """Write what is of at least this level from now on."""
    observer.set_level(level)
    HOPS.set_level(level)
