"""The command chip says what twistd chip is asked, in words of its own."""

from __future__ import annotations

import sys

import pytest

from chip import command


@pytest.fixture
def asked(monkeypatch):
    """What twistd is given for a command line."""
    lines = []
    monkeypatch.setattr(command.twistd, "run", lambda: lines.append(sys.argv[1:]))

    def give(line):
        monkeypatch.setattr(sys, "argv", ["chip", *line.split()])
        command.main()
        return " ".join(lines.pop()) if lines else ""

    return give


@pytest.mark.parametrize(
    ("line", "twistd"),
    [
        ("run", "chip"),
        ("run --port=8410 -c x.toml", "chip --port=8410 -c x.toml"),
        ("run --help", "chip --help"),
        ("check --db=postgresql:///temba", "chip --db=postgresql:///temba --check"),
        ("channels", "chip channels"),
        ("channels --data-dir=/d", "chip --data-dir=/d channels"),
        ("channels --data-dir /d add Shop", "chip --data-dir /d channels add Shop"),
        ("channels -c x add S --uuid U", "chip -c x channels add S --uuid U"),
        ("channels set U --hours H", "chip channels set U --hours H"),
        ("inspect --no-such 34634", "chip --no-such 34634 inspect"),
        ("backup --data-dir=/d FILE", "chip --data-dir=/d backup FILE"),
        ("restore FILE", "chip restore FILE"),
    ],
)
def test_each_word_is_one_of_twistds(asked, line, twistd):
    assert asked(line) == f"--nodaemon --pidfile= {twistd}"


def test_its_version_is_twistd_chips(asked):
    assert asked("--version") == asked("version") == "chip --version"


def test_without_a_word_it_says_which_there_are(asked, capsys):
    for line in ("", "--help", "-h", "help"):
        assert asked(line) == ""
        said = capsys.readouterr().out
        for verb in ("run", "check", "channels", "inspect", "backup", "restore"):
            assert f"\n  {verb} " in said


def test_a_word_that_it_does_not_know_is_named(asked):
    with pytest.raises(SystemExit, match="there is no command 'runn'"):
        asked("runn")
