"""What differs between the releases of Courier that the tests know."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Release:
    """`era` is how messages are named. A `patient` one sends again what was answered with 429."""

    era: str
    user_agent: str
    has_chp: bool = True
    patient: bool = False


RELEASES = {
    "10.2": Release("id", "Courier/10.2.0"),
    "26.2": Release("uuid", "Courier/26.2"),
    "26.3": Release("uuid", "Courier/26.3", has_chp=False, patient=True),
}


@dataclass(slots=True)
class Settings:
    """How this Courier behaves. `era` None reads statuses by either name.

    `full` says that its workspaces have as many contacts as they may, `disallows` that it sends
    nothing to private addresses, as is the default of the real one.
    """

    era: str | None = None
    newest: bool = False
    full: bool = False
    disallows: bool = False
    repeat_window: float = 4.0

    def release(self, era: str | None = None) -> Release:
        """The release in force; an `era` given for one message decides between two of them."""
        if self.newest:
            return RELEASES["26.3"]
        return RELEASES["10.2" if (era or self.era) == "id" else "26.2"]

    def become(self, name: str) -> None:
        """Be this release."""
        self.newest = name == "26.3"
        self.era = RELEASES[name].era
