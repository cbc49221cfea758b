"""The samples, as the programs that read them see them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from chip.ops.metrics import Metrics
from tests.deploy import samples
from tests.deploy.samples import SAMPLES
from tests.support.certificates import Certificates
from tests.support.fetch import fetch
from tests.support.process import ChildProcess, answers, free_port

RULES = SAMPLES / "prometheus" / "chip-rules.yml"
DASHBOARD = SAMPLES / "grafana" / "chip.json"
SERVICES = ("chip.service", "chip@1.service")
TWISTD = str(Path(sys.executable).with_name("twistd"))


def run(*command: str | Path) -> str:
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


# systemd.


def test_systemd_finds_nothing_to_complain_of_in_the_units(tmp_path):
    samples.units(tmp_path, TWISTD)
    names = (*SERVICES, "chip.socket", "chip-shared.socket")
    told = run("systemd-analyze", "verify", "--man=no", *(tmp_path / name for name in names))
    assert told == ""


def test_systemd_finds_nothing_to_complain_of_in_the_unit_of_a_clusters_nodes(tmp_path):
    unit = tmp_path / "valkey-node@6379.service"
    text = (SAMPLES / "cluster" / "valkey-node@.service").read_text()
    unit.write_text(text.replace("/usr/bin/valkey-server", sys.executable))
    assert run("systemd-analyze", "verify", "--man=no", unit) == ""


@pytest.mark.parametrize("service", SERVICES)
def test_the_units_expose_little(service, tmp_path):
    samples.units(tmp_path, TWISTD)
    told = run("systemd-analyze", "security", "--offline=true", "--no-pager", tmp_path / service)
    level = re.search(r"Overall exposure level for \S+: ([0-9.]+)", told)
    assert level is not None
    assert float(level[1]) <= 1.2


def test_one_process_and_one_of_several_are_confined_alike():
    one, several = (
        (SAMPLES / "systemd" / name).read_text().partition("Restart=always")[2]
        for name in ("chip.service", "chip@.service")
    )
    assert one == several


def test_of_the_sockets_that_hold_one_address_each_gives_way_to_the_other():
    one, other = (
        (SAMPLES / "systemd" / name).read_text() for name in ("chip.socket", "chip-shared.socket")
    )
    assert re.findall("^ListenStream=.*", one, re.M) == re.findall("^ListenStream=.*", other, re.M)
    # Without an order the address may be taken before it is free.
    for said in ("Conflicts=chip.socket", "After=chip.socket"):
        assert re.search(f"^{said}$", other, re.MULTILINE)


@pytest.mark.parametrize("guide", ["operating.md", "scaling.md"])
def test_whoever_stops_chip_by_the_guide_stops_what_would_start_it_again(guide):
    text = (SAMPLES.parents[1] / "docs" / guide).read_text()
    commands = re.findall(r"systemctl (?:stop|disable --now) (chip[^`#\n]*)", text)
    assert commands
    assert [words for words in commands if ".socket" not in words] == []


# Proxies.


def test_nginx_takes_its_sample(tmp_path):
    pem = Certificates(tmp_path)
    tls = f"ssl_certificate {pem.certificate}; ssl_certificate_key {pem.key};\n"
    config = samples.nginx(tmp_path, (8070, 8080), "127.0.0.1:8443 ssl", tls)
    told = run("nginx", "-t", "-q", "-p", tmp_path, "-c", config)
    assert told == ""


def test_nginx_takes_the_sample_that_stands_before_courier(tmp_path):
    config = samples.nginx_of_courier(tmp_path, 8080, "127.0.0.1:8443")
    assert run("nginx", "-t", "-q", "-p", tmp_path, "-c", config) == ""


class BeforeCourier(ChildProcess):
    """nginx by the sample, before a Courier that is not there."""

    name = "nginx"

    def __init__(self) -> None:
        super().__init__()
        self.port = free_port()

    def command(self) -> list[str]:
        listen = f"127.0.0.1:{self.port}"
        config = samples.nginx_of_courier(self.directory, free_port(), listen)
        return ["nginx", "-p", str(self.directory), "-c", str(config), "-e", "stderr"]

    def ready(self) -> bool:
        return answers(self.port)


def test_whoever_is_not_chip_reaches_courier_but_not_the_channels_of_chip():
    channel = "3e7e5a52-0c5a-4b7e-8a5c-6f5d4c3b2a19"
    ways = (
        f"/c/ex/{channel}/receive?from=x",
        f"/c/ex/{channel.upper()}/delivered",
        f"/c/ex/%33{channel[1:]}/receive",
        f"//c//ex/{channel}/receive",
        f"/c/x/../ex/{channel}/receive",
    )
    with BeforeCourier() as nginx:
        url = f"http://127.0.0.1:{nginx.port}"
        assert {fetch(url + way).status for way in ways} == {403}
        for other in ("/c/ex/00000000-0000-4000-8000-000000000000/receive", "/c/tg/"):
            assert fetch(url + other).status == 502, other


def test_haproxy_takes_its_sample(tmp_path):
    pem = Certificates(tmp_path)
    config = samples.haproxy(
        tmp_path, (8070, 8080), (8071, 8081), f"127.0.0.1:8443 ssl crt {pem.bundle}"
    )
    assert "warning" not in run("haproxy", "-c", "-V", "-f", config).lower()


# Prometheus and Grafana.


def test_promtool_takes_the_rules_and_they_fire_when_they_should():
    run("promtool", "check", "rules", RULES)
    told = run("promtool", "test", "rules", Path(__file__).with_name("chip-rules.test.yml"))
    assert "SUCCESS" in told


def known_names() -> set[str]:
    """Every sample's name on a page of metrics, buckets and sums included."""
    lines = generate_latest(Metrics().registry).decode().splitlines()
    names = {re.split(r"[{ ]", line)[0] for line in lines if not line.startswith("#")}
    # Some have no samples before something happens.
    families = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    parts = {f"{name}_{part}" for name in families for part in ("bucket", "sum", "count")}
    return names | families | parts


@pytest.mark.parametrize("file", [RULES, DASHBOARD], ids=lambda file: file.name)
def test_every_metric_that_is_asked_for_exists(file):
    asked = set(re.findall(r"\b(?:chip|process)_[a-z_]+", file.read_text()))
    assert len(asked) > 5
    assert asked - known_names() == set()


def test_every_label_value_that_a_rule_asks_for_exists():
    page = generate_latest(Metrics().registry).decode()
    asked = re.findall(r'(outcome|code|status)[!=~]+"([^"]+)"', RULES.read_text())
    assert asked
    for label, pattern in asked:
        values = set(re.findall(rf'{label}="([^"]+)"', page))
        for one in pattern.split("|"):
            assert any(re.fullmatch(one, value) for value in values), one


def test_the_dashboard_shows_everything_that_is_counted():
    dashboard = json.loads(DASHBOARD.read_text())
    shown = "".join(target["expr"] for panel in dashboard["panels"] for target in panel["targets"])
    page = generate_latest(Metrics().registry).decode()
    counted = set(re.findall(r"# TYPE (chip_\w+?)(?:_created)? ", page)) - {"chip_info"}
    assert {name for name in counted if name not in shown} == set()
