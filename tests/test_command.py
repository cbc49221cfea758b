"""The command chip says what twistd chip is asked, in words of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from chip import command, samples


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
        for verb in ("run", "check", "channels", "inspect", "backup", "restore", "samples"):
            assert f"\n  {verb} " in said


def test_a_word_that_it_does_not_know_is_named(asked):
    with pytest.raises(SystemExit, match="there is no command 'runn'"):
        asked("runn")


def files(directory: Path) -> dict[str, str]:
    """Every file below a directory, but what Python keeps there, and what it holds."""
    found = (path for path in directory.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {str(path.relative_to(directory)): path.read_text() for path in found}


def test_the_samples_are_copied_and_each_is_named(asked, tmp_path, capsys):
    copies = tmp_path / "new" / "samples"
    assert asked(f"samples {copies}") == ""
    names = ("systemd/chip.service", "nginx/chip.conf", "prometheus/chip-rules.yml")
    assert {*names, "haproxy/haproxy.cfg", "grafana/chip.json"} < files(copies).keys()
    assert files(copies).items() <= files(samples.HERE).items()
    assert capsys.readouterr().out.splitlines() == sorted(
        str(copies / one) for one in files(copies)
    )


def test_a_sample_that_is_there_already_is_replaced_only_when_one_says_so(asked, tmp_path, capsys):
    mine = tmp_path / "nginx" / "chip.conf"
    mine.parent.mkdir()
    mine.write_text("mine")
    with pytest.raises(SystemExit, match=r"nginx/chip\.conf"):
        asked(f"samples {tmp_path}")
    assert files(tmp_path) == {"nginx/chip.conf": "mine"}
    asked(f"samples {tmp_path} --replace")
    assert mine.read_text() == (samples.HERE / "nginx" / "chip.conf").read_text()
    assert str(mine) in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("samples", "expected samples DIRECTORY"),
        ("samples one two", "expected samples DIRECTORY"),
        ("samples --no-such x", "expected samples DIRECTORY"),
        ("samples /dev/null", "Not a directory: '/dev/null/"),
    ],
)
def test_samples_that_cannot_be_copied_are_refused_in_one_line(asked, line, complaint):
    with pytest.raises(SystemExit, match=complaint) as caught:
        asked(line)
    assert "\n" not in str(caught.value)
