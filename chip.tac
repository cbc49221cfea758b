"""Chip for ``twistd -ny chip.tac``: settings come from config.toml and the environment alone."""

from chip.tap import make_application

application = make_application()
