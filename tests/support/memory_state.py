"""What the queues in memory keep of a chat, and what they count."""

from dataclasses import dataclass, field

from chip.chat.ports import Balance, OutboxItem
from chip.models import DeliveryStatus, Incoming, MsgName, Report, SpoolEvent


@dataclass
class Item:
    stored: float
    item: OutboxItem
    name: MsgName


@dataclass
class Chat:
    items: list[Item] = field(default_factory=list)
    head: int = 1000
    filled: str = ""
    sent: dict[str, float] = field(default_factory=dict)
    spool: list[tuple[float, SpoolEvent]] = field(default_factory=list)
    refs: dict[str, float] = field(default_factory=dict)
    owner: str = ""
    grant: str = ""
    grants: int = 0
    under_way: int = 0
    unknown: int = 0
    due: float | None = None
    not_before: float = 0
    reports: dict[Report, float] = field(default_factory=dict)
    statuses: dict[str, DeliveryStatus] = field(default_factory=dict)
    last_confirmed: str | None = None
    last_text: str = ""
    last_text_at: float | None = None
    tries: int = 0
    failing_since: float = 0
    email: str = ""
    email_at: float = float("-inf")
    made_until: float = float("-inf")

    @property
    def said(self) -> int:
        """How many of the spooled events the visitor said."""
        return sum(isinstance(event, Incoming) for _, event in self.spool)


@dataclass(slots=True)
class Counts:
    """How many were accepted, and of these done or given up."""

    accepted: int = 0
    done: int = 0
    given_up: int = 0

    def balance(self, waiting: int) -> Balance:
        """The same, where so many wait."""
        missing = self.accepted - self.done - self.given_up - waiting
        return Balance(self.accepted, self.done, self.given_up, waiting, missing)
