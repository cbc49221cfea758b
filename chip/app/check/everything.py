"""``twistd chip --check``: every part is asked what it will be asked, and nothing is changed.

It works beside a running Chip. Owns which parts there are with these settings, and their order.
"""

from collections.abc import Callable, Mapping
from typing import Any

from chip.app.check.courier import ask_courier
from chip.app.check.database import ask_database
from chip.app.check.embedded import ask_data_directory
from chip.app.check.findings import Finding, Probe, run
from chip.app.check.named_couriers import ask_named_couriers
from chip.app.check.settings import ask_settings
from chip.app.check.valkey import ask_valkey
from chip.config.schema import Config
from chip.models import Channel


async def check_everything(
    config: Config, reactor: Any, say: Callable[[str], object], environ: Mapping[str, str]
) -> bool:
    """Ask every part, `say` a line for each finding, return whether all would work."""
    channels: list[Channel] = []

    async def settings() -> list[Finding]:
        return await ask_settings(config, environ)

    async def database() -> list[Finding]:
        return await ask_database(config, reactor, channels)

    async def courier() -> list[Finding]:
        return await ask_courier(config, reactor, channels)

    async def named_couriers() -> list[Finding]:
        return await ask_named_couriers(config, reactor)

    async def valkey() -> list[Finding]:
        return await ask_valkey(config, reactor)

    async def data_directory() -> list[Finding]:
        return ask_data_directory(config)

    probes = [Probe("settings", settings)]
    if config.db:
        probes += [Probe("database", database), Probe("Courier", courier)]
    if config.valkey:
        probes += [Probe("Valkey", valkey)]
    if not (config.db and config.valkey):
        probes += [Probe("data_dir", data_directory)]
    if not config.db:
        probes += [Probe("Courier", named_couriers)]
    return await run(reactor, probes, say)
