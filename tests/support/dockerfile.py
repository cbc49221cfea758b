"""A Dockerfile carried out without a container engine: each stage in a root file system of its own.

Owns what the instructions mean, as far as Chip's file has them; any other is refused. In place of a
base image stands what `build` is told.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

from dockerfile_parse import DockerfileParser

from .root import Network, Root


@dataclass
class Stage:
    """A stage under construction, and then the image; it takes one instruction after the other."""

    root: Root
    context: Path
    others: dict[str, Stage]
    env: dict[str, str] = field(default_factory=dict)
    user: tuple[int, int] = (0, 0)
    cwd: str = "/"
    volumes: list[str] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)
    healthcheck: list[str] = field(default_factory=list)
    entrypoint: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)

    def carry_out(self, instruction: str, value: str) -> None:
        """Do one of them. Raises AssertionError with what was printed when a command fails."""
        match instruction:
            case "RUN":
                self.root.run("/bin/sh", "-c", value, **self._how())
            case "COPY":
                self._copy(shlex.split(value))
            case "ENV":
                usual = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
                for pair in shlex.split(value):
                    name, _, text = pair.partition("=")
                    self.env[name] = Template(text).substitute(usual | self.env)
            case "USER":
                user, group = value.split(":")
                self.user = (int(user), int(group))
            case "WORKDIR":
                self.root.run("mkdir", "-p", value)
                self.cwd = value
            case "VOLUME":
                self.volumes += value.split()
            case "EXPOSE":
                self.ports += map(int, value.split())
            case "HEALTHCHECK":
                self.healthcheck = json.loads(value.partition("CMD ")[2])
            case "ENTRYPOINT":
                self.entrypoint = json.loads(value)
            case "CMD":
                self.arguments = json.loads(value)
            case "LABEL" | "COMMENT":
                pass
            case _:
                raise NotImplementedError(f"{instruction} {value}")

    def command(self, *words: str, env: Mapping[str, str], network: Network) -> list[str]:
        """The command line that runs something in a container of this image."""
        how = self._how()
        how["env"] = self.env | dict(env)
        return self.root.command(*words, network=network, **how)

    def _how(self) -> dict[str, Any]:
        user, group = self.user
        return {"user": user, "group": group, "cwd": self.cwd, "env": self.env}

    def _copy(self, words: list[str]) -> None:
        if words[0].startswith("--from="):
            other, source, target = self.others[words[0].removeprefix("--from=")], *words[1:]
            assert source == target, "from one stage to another only what stays where it is"
            self.root.path(target).parent.mkdir(parents=True, exist_ok=True)
            other.root.copy_out(source, self.root.path(target))
            return
        *sources, target = words
        found = [self.context / source for source in sources]
        if target.endswith("/"):
            self.root.copy_in(found, target)
        else:
            (folder,) = found
            self.root.copy_in(sorted(folder.iterdir()), target)


def build(dockerfile: Path, context: Path, base: Callable[[], Root]) -> list[Stage]:
    """Carry out the whole file, each stage in a new `base`; return the stages, the image last."""
    parsed = DockerfileParser(path=str(dockerfile), cache_content=True)
    built: list[Stage] = []
    names: dict[str, Stage] = {}
    for step in parsed.structure:
        instruction, value = step["instruction"], step["value"]
        if instruction == "FROM":
            built.append(Stage(base(), context, names))
            _, _, name = value.partition(" AS ")
            names[name] = built[-1]
        elif instruction != "COMMENT":
            built[-1].carry_out(instruction, value)
    return built
