"""The samples, made to run on this machine: its paths, its ports, no public names."""

from __future__ import annotations

import re
from pathlib import Path

SAMPLES = Path(__file__).parents[2] / "chip" / "samples"


def nginx(directory: Path, backends: tuple[int, int], listen: str, tls: str = "") -> Path:
    """Write a whole nginx.conf around the sample; `listen` and `tls` stand for its own."""
    text = (SAMPLES / "nginx" / "chip.conf").read_text()
    text = _replace(text, r"listen 443 ssl;", f"listen {listen};")
    text = _replace(text, r" *ssl_certificate [^;]*;\n *ssl_certificate_key [^;]*;\n", tls)
    return _nginx_config(directory, _ports(text, backends))


def nginx_of_courier(directory: Path, backend: int, listen: str) -> Path:
    """Write a whole nginx.conf around the sample that stands before Courier, without TLS."""
    text = (SAMPLES / "nginx" / "courier.conf").read_text()
    text = _replace(text, r"listen 443 ssl;", f"listen {listen};")
    text = _replace(text, r" *ssl_certificate [^;]*;\n *ssl_certificate_key [^;]*;\n", "")
    text = _replace(text, r"127\.0\.0\.1:8080", f"127.0.0.1:{backend}")
    return _nginx_config(directory, text)


def nginx_below_a_path(directory: Path, backend: int, port: int, path: str) -> Path:
    """Write a whole nginx.conf that serves one Chip below `path`, and takes that off."""
    text = (SAMPLES / "nginx" / "chip.conf").read_text()
    [passing_on] = re.findall(r"( *proxy_set_header X-.*?)\n\n", text, re.DOTALL)
    sockets = (
        "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $http_connection;"
    )
    return _nginx_config(
        directory,
        f"server {{ listen 127.0.0.1:{port};\n{passing_on}\n{sockets}\n"
        f"location {path}/ {{ proxy_pass http://127.0.0.1:{backend}/; }} }}\n",
    )


def _nginx_config(directory: Path, text: str) -> Path:
    config = directory / "nginx.conf"
    config.write_text(
        f"daemon off; pid {directory}/nginx.pid; error_log stderr; worker_processes 1;\n"
        "events { worker_connections 1024; }\n"
        f"http {{ access_log off; {_nginx_folders(directory)}\n{text}}}\n"
    )
    return config


def haproxy(directory: Path, backends: tuple[int, int], ops: tuple[int, int], bind: str) -> Path:
    """Write the sample; `bind` stands for its own."""
    text = _ports((SAMPLES / "haproxy" / "haproxy.cfg").read_text(), backends)
    text = _replace(text, r"bind :443 ssl crt \S+", f"bind {bind}")
    for number, port in zip(("8071", "8081"), ops, strict=True):
        text = _replace(text, f"check port {number}", f"check port {port}")
    # As many as production wants are more files than this machine may let it open.
    text = _replace(text, r"maxconn \d+", "maxconn 1000")
    config = directory / "haproxy.cfg"
    config.write_text(text)
    return config


def units(directory: Path, twistd: str) -> list[Path]:
    """Write the systemd units, with `twistd` in place of the one in /opt."""
    written = []
    for unit in sorted((SAMPLES / "systemd").iterdir()):
        copy = directory / unit.name
        copy.write_text(unit.read_text().replace("/opt/chip/bin/twistd", twistd))
        written.append(copy)
    return written


def _ports(text: str, backends: tuple[int, int]) -> str:
    for number, port in zip(("8070", "8080"), backends, strict=True):
        text = _replace(text, f"127.0.0.1:{number}", f"127.0.0.1:{port}")
    return text


def _nginx_folders(directory: Path) -> str:
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return " ".join(f"{kind}_temp_path {directory}/{kind};" for kind in kinds)


def _replace(text: str, pattern: str, replacement: str) -> str:
    changed, count = re.subn(pattern, lambda _: replacement, text)
    if not count:
        raise ValueError(f"the sample no longer has {pattern}")
    return changed
