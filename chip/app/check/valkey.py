"""Whether Valkey keeps what it is given, and lets Chip do what it does there."""

import re
from typing import Any, Final

from chip.app.backend import valkey_address
from chip.app.check.findings import Finding, Grade
from chip.config.schema import Config
from chip.queue.valkey.cluster.trial import try_cluster
from chip.queue.valkey.trial import Trial, try_valkey

OLDEST: Final = (6, 2)
"""The first release with all that the scripts need."""
OLDEST_CLUSTER: Final = (7, 0)
"""The first release whose Clusters publish to whoever listens to one node."""
_EVICTION: Final[dict[bool, tuple[Grade, str]]] = {
    True: ("warning", " once maxmemory is set"),
    False: ("FAILED", ""),
}
_RIGHTS: Final = "ACL SETUSER … ~chat:* &chat:* +@all -@admin -@dangerous +info"


async def ask_valkey(config: Config, reactor: Any) -> list[Finding]:
    """What is found."""
    address = valkey_address(config)
    ask = try_cluster if address.cluster else try_valkey
    replicas = config.valkey_replicas
    trials = await ask(address, reactor, config.limits_in_force, replicas=replicas)
    if len(trials) == 1:
        return _findings(trials[0], replicas)
    return [
        one if one.verdict == "ok" else one._replace(text=f"{trial.address}: {one.text}")
        for trial in trials
        for one in _findings(trial, replicas)
    ]


def _findings(trial: Trial, replicas: int) -> list[Finding]:
    found = [_refusal(text) for text in trial.refused]
    if trial.info is None:
        text = f"may not be asked for INFO, so how it keeps things is not known: {_RIGHTS}"
        return [*found, Finding("warning", "Valkey", text)]
    found += _judge(trial.info, replicas)
    return found if any(one.verdict == "FAILED" for one in found) else [_well(trial), *found]


def _refusal(text: str) -> Finding:
    forbidden = "this user" in text
    return Finding("FAILED", "Valkey", f"{text}. {_RIGHTS}" if forbidden else text)


def _judge(info: dict[str, str], needed: int) -> list[Finding]:
    found = []
    version = info.get("redis_version", "0")
    oldest = OLDEST_CLUSTER if info.get("cluster_enabled") == "1" else OLDEST
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < oldest:
        text = f"it is as old as Redis {version}, and Chip needs {'.'.join(map(str, oldest))}"
        found.append(Finding("FAILED", "Valkey", text))
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        verdict, when = _EVICTION[info.get("maxmemory") == "0"]
        text = f"maxmemory-policy is {policy}, which throws waiting messages away"
        found.append(Finding(verdict, "Valkey", f"{text}{when}: set maxmemory-policy noeviction"))
    if info.get("aof_enabled") == "0":
        text = "appendonly is off: if it crashes, minutes of messages are lost. Set appendonly yes"
        found.append(Finding("warning", "Valkey", text))
    if info.get("aof_last_write_status", "ok") != "ok":
        found.append(Finding("FAILED", "Valkey", "it could not write to its disk the last time"))
    if int(info.get("connected_slaves", "0")) < needed:
        text = f"it has {_replicas(info)}, and valkey_replicas is {needed}"
        found.append(Finding("FAILED", "Valkey", text))
    return found


def _replicas(info: dict[str, str]) -> str:
    count = info.get("connected_slaves", "0")
    return f"{count} replica{'' if count == '1' else 's'}"


def _well(trial: Trial) -> Finding:
    info = trial.info or {}
    name, version = "Redis", info.get("redis_version", "?")
    if "valkey_version" in info:
        name, version = "Valkey", info["valkey_version"]
    replicas = _replicas(info)
    text = f"{name} {version} at {trial.address}, database {trial.database}, {replicas}"
    return Finding("ok", "Valkey", text)
