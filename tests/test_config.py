"""Settings: their order, their spellings, their refusals, and what is never shown."""

import re
from pathlib import Path

import msgspec
import pytest

from chip.config.schema import Config
from chip.config.settings import SECTIONS, SETTINGS
from chip.config.sources import load, unknown_variables
from chip.errors import ConfigError
from chip.limits import Limits

ONE_UUID = "7d62d551-3030-4100-a260-2d7c4e9693e7"
OTHER_UUID = "3e7e5a52-9b5e-4ee8-8f36-0b9cd2c1d9e2"
DB = "postgresql://temba:s3cr3t@db.example/temba"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal(**sources: object) -> str:
    with pytest.raises(ConfigError) as caught:
        load(**{"environ": {}, **sources})  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_nothing_given_means_the_documented_defaults() -> None:
    config = load(environ={})
    assert (config.address, config.port, config.db, config.valkey) == ("localhost", 8070, "", "")
    assert (config.domain, config.ssl, config.log_level) == ("localhost", False, "info")
    assert config.storage_url == "http://localhost/media/"
    assert config.endpoint == "tcp:8070:interface=localhost"


def test_the_command_line_beats_the_environment_beats_the_file(elsewhere: Path) -> None:
    (elsewhere / "config.toml").write_text('port = 1\naddress = "a"\ninstance_id = "i"\n')
    config = load(environ={"CHIP_PORT": "2", "CHIP_ADDRESS": "b"}, flags={"port": "3"})
    assert (config.port, config.address, config.instance_id) == (3, "b", "i")


def test_a_file_that_was_named_is_read_instead_of_the_usual_one(elsewhere: Path) -> None:
    (elsewhere / "config.toml").write_text("port = 1\n")
    other = elsewhere / "other.toml"
    other.write_text("address = 'there'\n")
    config = load(environ={}, file=other)
    assert (config.port, config.address) == (8070, "there")


def test_a_file_that_was_named_must_exist(elsewhere: Path) -> None:
    assert refusal(file=elsewhere / "no.toml").endswith("no.toml: no such file")


def test_an_empty_environment_variable_counts_as_unset(elsewhere: Path) -> None:
    (elsewhere / "config.toml").write_text("port = 1\n")
    assert load(environ={"CHIP_PORT": "", "CHIP_DOMAIN": ""}).port == 1


def test_white_space_in_the_environment_counts_as_unset(elsewhere: Path) -> None:
    (elsewhere / "config.toml").write_text('port = 1\naddress = "192.0.2.1"\n')
    config = load(environ={"CHIP_PORT": " ", "CHIP_ADDRESS": "\t\n", "CHIP_ALLOWED_ORIGINS": " "})
    assert (config.port, config.address, config.allowed_origins) == (1, "192.0.2.1", ("*",))


@pytest.mark.parametrize("word", ["off", "OFF", " Off "])
def test_every_spelling_of_off_means_no_listener_for_operators(word: str) -> None:
    config = load(environ={"CHIP_OPS_LISTEN": word})
    assert (config.ops_endpoint, config.ops_required) == ("", False)


def test_the_environment_of_the_original_server_works_unchanged() -> None:
    config = load(
        environ={
            "CHIP_ADDRESS": "0.0.0.0",
            "CHIP_PORT": "8070",
            "CHIP_DB": "postgres://temba:temba@localhost/temba?sslmode=disable&Timezone=UTC",
            "CHIP_VALKEY": "valkey://localhost:6379/15",
            "CHIP_DOMAIN": "courier.example",
            "CHIP_SSL": "true",
            "CHIP_STORAGE_URL": "https://media.example/",
            "CHIP_AWS_ACCESS_KEY_ID": "id",
            "CHIP_AWS_SECRET_ACCESS_KEY": "key",
            "CHIP_AWS_REGION": "us-east-1",
            "CHIP_CLOUDWATCH_NAMESPACE": "Temba",
            "CHIP_DEPLOYMENT_ID": "dev",
            "CHIP_INSTANCE_ID": "foo1",
            "CHIP_LOG_LEVEL": "warn",
            "CHIP_VERSION": "Dev",
            "CHIP_SENTRY_DSN": "",
        }
    )
    assert (config.domain, config.ssl) == ("courier.example", True)
    assert config.instance_id == "foo1"


@pytest.mark.parametrize("word", ["1", "t", "true", "True", "TRUE", "yes", "Y", " on "])
def test_every_sensible_yes_is_true(word: str) -> None:
    assert load(environ={"CHIP_SSL": word}).ssl is True


@pytest.mark.parametrize("word", ["0", "f", "false", "No", "n", "OFF"])
def test_every_sensible_no_is_false(word: str) -> None:
    assert load(environ={"CHIP_DESK_GUIDE": word}).desk_guide is False


def test_lists_are_comma_separated_in_the_environment_and_lists_in_toml(elsewhere: Path) -> None:
    origins = ("https://a.example", "https://b.example")
    assert load(environ={"CHIP_ALLOWED_ORIGINS": ", ".join(origins) + ","}).allowed_origins == (
        origins
    )
    (elsewhere / "config.toml").write_text(f"allowed_origins = {list(origins)}\n")
    assert load(environ={}).allowed_origins == origins


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("CHIP_PORT", "http", "port (CHIP_PORT): expected a whole number, 1 to 65535"),
        ("CHIP_PORT", "0", "port (CHIP_PORT): expected a whole number, 1 to 65535"),
        ("CHIP_PORT", "80.5", "port (CHIP_PORT): expected a whole number, 1 to 65535"),
        ("CHIP_SSL", "maybe", "ssl (CHIP_SSL): expected true or false"),
        (
            "CHIP_LOG_LEVEL",
            "loud",
            "log_level (CHIP_LOG_LEVEL): expected one of debug, info, warn, error",
        ),
        ("CHIP_SOCKETS", "-1", "sockets (CHIP_SOCKETS): expected a whole number, 1 to 1000000"),
        (
            "CHIP_OUTBOX_BYTES",
            f"{2**63}",
            "outbox_bytes (CHIP_OUTBOX_BYTES): expected a whole numb",
        ),
        (
            "CHIP_SPOOL_HOURS",
            "1e13",
            "spool_hours (CHIP_SPOOL_HOURS): expected a number greater than 0, up to 1000000",
        ),
        ("CHIP_OUTBOX_DAYS", "36501", "outbox_days (CHIP_OUTBOX_DAYS): expected a number greater"),
        ("CHIP_WRITE_STALL", "0", "write_stall (CHIP_WRITE_STALL): expected a number greater"),
        ("CHIP_WRITE_STALL", "inf", "write_stall (CHIP_WRITE_STALL): expected a number greater"),
        ("CHIP_WRITE_STALL", "nan", "write_stall (CHIP_WRITE_STALL): expected a number greater"),
        ("CHIP_DOMAIN", "https://x.example", "domain (CHIP_DOMAIN): expected a host, or host:"),
        ("CHIP_DOMAIN", "x.example/path", "domain (CHIP_DOMAIN): expected a host, or host:port"),
        ("CHIP_DOMAIN", "x..example", "domain (CHIP_DOMAIN): expected a host, or host:port"),
        ("CHIP_DOMAIN", "x.example:", "domain (CHIP_DOMAIN): expected a host, or host:port"),
        ("CHIP_DOMAIN", "x.example:0", "domain (CHIP_DOMAIN): expected a host, or host:port"),
        ("CHIP_DOMAIN", "::1", "domain (CHIP_DOMAIN): expected a host, or host:port"),
        ("CHIP_STORAGE_URL", "media", "storage_url (CHIP_STORAGE_URL): expected a URL"),
        ("CHIP_EXTERNAL_IDS", ONE_UUID, "external_ids (CHIP_EXTERNAL_IDS): expected ID=CHANNEL"),
        ("CHIP_EXTERNAL_IDS", f"{ONE_UUID}={ONE_UUID}", "external_ids (CHIP_EXTERNAL_IDS): exp"),
        ("CHIP_TRUSTED_PROXIES", "lan", "trusted_proxies (CHIP_TRUSTED_PROXIES): expected addr"),
        ("CHIP_INSTANCE_ID", "a b", "instance_id (CHIP_INSTANCE_ID): expected a name without"),
        ("CHIP_DESK_TOKEN", "short", "desk_token (CHIP_DESK_TOKEN): expected at least 8 char"),
    ],
)
def test_a_bad_value_is_refused_with_its_name_and_where_it_came_from(
    variable: str, value: str, expected: str
) -> None:
    assert refusal(environ={variable: value}).startswith(expected)


@pytest.mark.parametrize(
    "url",
    ["mysql://a:pa55@b/c", "temba:pa55", "postgres://", "postgres://u:pa55@h:port/d"],
)
def test_a_bad_database_url_is_refused_without_showing_it(url: str) -> None:
    line = refusal(environ={"CHIP_DB": url})
    assert line.startswith("db (CHIP_DB): expected a URL like postgresql://")
    assert "pa55" not in line


@pytest.mark.parametrize(
    "url",
    ["http://h/5", "valkey://", "redis://h/five", "redis://h/5/6", "valkeys://:pa55@h:x"],
)
def test_a_bad_valkey_url_is_refused_without_showing_it(url: str) -> None:
    line = refusal(environ={"CHIP_VALKEY": url})
    assert line.startswith("valkey (CHIP_VALKEY): expected a URL like valkey://")
    assert "pa55" not in line


@pytest.mark.parametrize(
    "scheme", ["valkey", "valkeys", "redis", "rediss", "valkey-cluster", "valkeys-cluster"]
)
def test_every_scheme_of_valkey_is_taken(scheme: str) -> None:
    url = f"{scheme}://user:p%40ss@[::1]:6380/7"
    assert load(environ={"CHIP_VALKEY": url}).valkey == url


@pytest.mark.parametrize(
    "url",
    [
        "valkey://:pa,ss@h/5",
        "valkey://u:p,a,ss@one:6380,two/5?sentinel=chats",
        "valkey://:pa@[::1]:7000,two,[::2]/?cluster=true",
    ],
)
def test_a_comma_may_be_in_a_password_and_between_hosts_of_valkey(url: str) -> None:
    assert load(environ={"CHIP_VALKEY": url}).valkey == url


@pytest.mark.parametrize("url", ["redis://h/7?db=3", "unix:///run/valkey.sock?db=3"])
def test_valkey_is_named_as_its_own_clients_do(url: str) -> None:
    assert load(environ={"CHIP_VALKEY": url}).valkey == url


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:///temba?host=/run/postgresql",
        "postgresql://u:pa55@one:5432,two:5433/temba?target_session_attrs=read-write",
        "postgresql://u:pa#55@one/temba",
    ],
)
def test_the_database_is_named_as_its_own_clients_do(url: str) -> None:
    assert load(environ={"CHIP_DB": url}).db == url


@pytest.mark.parametrize("url", ["postgresql://u:pa#55@one/x", "postgres://u:pa#55@one:1,two:2/x"])
def test_a_password_of_any_letters_is_known_for_a_secret(url: str) -> None:
    assert "pa#55" in load(environ={"CHIP_DB": url}).secret_values()


def test_a_domain_without_a_database_is_refused_wherever_it_comes_from(elsewhere: Path) -> None:
    assert refusal(environ={"CHIP_DOMAIN": "localhost"}).startswith("domain: ")
    assert refusal(flags={"domain": "c.example", "db": ""}).startswith("domain: ")
    assert load(environ={"CHIP_DOMAIN": "c.example:81", "CHIP_DB": DB}).domain == "c.example:81"


@pytest.mark.parametrize("domain", ["courier_1:8080", "[::1]:8080", "[::1]", "r3--abc.example"])
def test_a_domain_may_be_any_host_that_can_be_connected_to(domain: str) -> None:
    assert load(environ={"CHIP_DOMAIN": domain, "CHIP_DB": DB}).domain == domain


def test_a_domain_that_no_certificate_can_name_is_refused_with_ssl() -> None:
    environ = {"CHIP_DOMAIN": "courier_1:8080", "CHIP_DB": DB, "CHIP_SSL": "true"}
    assert refusal(environ=environ).startswith("domain: a certificate cannot name this host")
    assert load(environ=environ | {"CHIP_DOMAIN": "[::1]:8080"}).ssl


def test_an_unknown_key_in_the_file_is_refused(elsewhere: Path) -> None:
    (elsewhere / "config.toml").write_text("prot = 8070\n")
    assert refusal() == "config.toml: unknown setting 'prot'"


def test_a_wrong_type_in_the_file_is_refused(elsewhere: Path) -> None:
    for line in ("port = true", "port = '80 80'", "port = [1]", "port = 1.5"):
        (elsewhere / "config.toml").write_text(line)
        assert refusal().startswith("port (config.toml): expected a whole number")
    (elsewhere / "config.toml").write_text("ssl = 1.5")
    assert refusal() == "ssl (config.toml): expected true or false"


def test_a_broken_file_is_refused_with_the_line_but_not_its_text(elsewhere: Path) -> None:
    (elsewhere / "config.toml").write_text("port = 1\ndb = postgres://u:pa55@h/d\n")
    assert refusal() == "config.toml: is not valid TOML (line 2)"


def test_a_file_that_cannot_be_read_is_refused(elsewhere: Path) -> None:
    assert refusal(file=elsewhere) == f"{elsewhere}: cannot be read: Is a directory"


def test_variables_that_look_like_settings_and_are_none_are_named() -> None:
    assert unknown_variables(["CHIP_PROT", "CHIP_PORT", "HOME"]) == ["CHIP_PROT"]


def test_chosen_ids_of_external_channels_are_read_as_pairs() -> None:
    pair = f"{ONE_UUID.upper()} = {OTHER_UUID}"
    for given in ({"environ": {"CHIP_EXTERNAL_IDS": pair}}, {"flags": {"external_ids": pair}}):
        assert load(**{"environ": {}, **given}).external_uuids == {ONE_UUID: OTHER_UUID}


def test_no_secret_is_in_a_representation() -> None:
    config = load(
        environ={
            "CHIP_DB": "postgres://u:pa55-db@h/d",
            "CHIP_VALKEY": "redis://:pa55-valkey@h",
            "CHIP_DESK_TOKEN": "pa55-desk",
            "CHIP_SENTRY_DSN": "https://pa55-sentry@sentry.example/1",
            "CHIP_AWS_SECRET_ACCESS_KEY": "pa55-aws",
            "CHIP_EXTERNAL_IDS": f"{ONE_UUID}={OTHER_UUID}",
        }
    )
    for text in (repr(config), str(config), f"{config}", repr([config])):
        assert "pa55" not in text
        assert OTHER_UUID not in text
    assert {name for name, setting in SETTINGS.items() if setting.about.secret} == {
        "db",
        "valkey",
        "desk_token",
        "external_ids",
        "sentry_dsn",
        "aws_secret_access_key",
    }


def test_secret_values_are_known_as_written_and_as_meant() -> None:
    config = load(
        environ={
            "CHIP_DB": "postgres://u:a%2Fb@h/d?password=in+query",
            "CHIP_VALKEY": "redis://:v@h,i?sentinel=s&sentinel_password=w",
            "CHIP_DESK_TOKEN": "desk-token",
        }
    )
    assert config.secret_values() == {"a%2Fb", "a/b", "in+query", "v", "w", "desk-token"}


@pytest.mark.parametrize("name", ["valkey_cert_file", "valkey_key_file"])
def test_a_certificate_for_valkey_and_its_key_need_each_other(name: str) -> None:
    with pytest.raises(ConfigError, match="each needs the other"):
        load(environ={f"CHIP_{name.upper()}": "/etc/chip/one.pem"})


def test_a_secret_that_is_no_url_is_kept_all_the_same() -> None:
    config = load(environ={"CHIP_DESK_TOKEN": "//[pa55word", "CHIP_SENTRY_DSN": "https://[pa55"})
    assert config.secret_values() == {"//[pa55word", "https://[pa55"}


def test_allowed_origins_are_checked_and_made_plain_as_they_are_read() -> None:
    config = load(environ={"CHIP_ALLOWED_ORIGINS": "HTTPS://Shop.Example:443/,null"})
    assert config.allowed_origins == ("https://shop.example", "null")
    assert refusal(environ={"CHIP_ALLOWED_ORIGINS": "shop.example"}).startswith(
        "allowed_origins (CHIP_ALLOWED_ORIGINS): not an origin: 'shop.example'"
    )


def test_an_empty_list_of_origins_means_every_website(elsewhere: Path) -> None:
    (elsewhere / "config.toml").write_text("allowed_origins = []\n")
    assert load(environ={}).allowed_origins == ("*",)


def test_every_limit_is_a_setting_of_its_own_name() -> None:
    config = load(environ={"CHIP_OUTBOX_MESSAGES": "7", "CHIP_SENDS_PER_SECOND": "0.5"})
    assert config.limits_in_force == Limits(outbox_messages=7, sends_per_second=0.5)


def test_limits_off_lifts_the_rates_whatever_was_set() -> None:
    config = load(environ={"CHIP_LIMITS": "OFF", "CHIP_SENDS_PER_SECOND": "0.5"})
    assert config.limits_in_force == Limits().without_rates()


def test_every_setting_is_described_and_has_its_place_in_one_section() -> None:
    assert set(SETTINGS) == set(Config.__struct_fields__)
    assert [one for group in SECTIONS.values() for one in group if one.name not in SETTINGS] == []
    assert sum(map(len, SECTIONS.values())) == len(SETTINGS)
    for setting in SETTINGS.values():
        assert re.fullmatch(r"\S.{5,79}", setting.about.description), setting.name


def test_what_protects_chip_comes_after_what_sets_it_up_and_what_is_unused_last() -> None:
    assert list(SECTIONS) == [
        "Listening",
        "RapidPro",
        "Embedded mode",
        "Logs and operators",
        "Limits",
        "Limits of a handshake",
        "Limits of a connection",
        "Limits of a chat",
        "Limits of an address",
        "Limits of a channel",
        "Limits of a process",
        "Accepted and unused",
    ]
    limits = [one.name for title in list(SECTIONS)[5:11] for one in SECTIONS[title]]
    assert set(limits) == set(Limits.__struct_fields__)


def test_every_default_is_a_value_that_the_setting_itself_takes() -> None:
    for setting in SETTINGS.values():
        if setting.default_text:
            read = setting.read(setting.default_text, "default")
            assert msgspec.to_builtins(read) == msgspec.to_builtins(setting.default)


def test_the_operators_listener_is_on_loopback_beside_the_public_one_unless_set() -> None:
    beside = load(environ={"CHIP_PORT": "9000"})
    assert (beside.ops_endpoint, beside.ops_required) == ("tcp:9001:interface=127.0.0.1", False)
    activated = load(environ={"CHIP_LISTEN": "systemd:domain=INET:name=chip"})
    assert activated.ops_endpoint == "tcp:8071:interface=127.0.0.1"
    chosen = load(environ={"CHIP_OPS_LISTEN": "unix:/run/chip.ops"})
    assert (chosen.ops_endpoint, chosen.ops_required) == ("unix:/run/chip.ops", True)
    none = load(environ={"CHIP_OPS_LISTEN": "off"})
    assert (none.ops_endpoint, none.ops_required) == ("", False)


def test_an_ipv6_address_becomes_an_endpoint_that_twisted_can_read() -> None:
    assert load(environ={"CHIP_ADDRESS": "::1"}).endpoint == (r"tcp:8070:interface=\:\:1")
