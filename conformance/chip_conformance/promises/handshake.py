"""The way to the socket, and what else a page may ask before it."""

from chip_conformance.broken import expect
from chip_conformance.promise import Extension, Subject
from chip_conformance.target import NOBODYS
from chip_conformance.trial import Trial

handshake = Subject("Handshake")
UPGRADE = {
    "upgrade": "websocket",
    "connection": "Upgrade",
    "sec_websocket_version": "13",
    "sec_websocket_key": "dGhlIHNhbXBsZSBub25jZQ==",
}
_ANYBODY = "access-control-allow-origin"


@handshake()
async def opens(trial: Trial) -> str:
    """The socket opens, without subprotocol or compression, for clients that offer them as well."""
    visitor = await trial.connected(offer=True)
    response = visitor.socket.response
    extensions = response.headers.get("Sec-WebSocket-Extensions", "") if response else ""
    expect(not extensions, f"the server chose {extensions}")
    expect(visitor.socket.subprotocol is None, f"the server chose {visitor.socket.subprotocol}")
    return "101"


@handshake()
async def unknown_channel(trial: Trial) -> str:
    """A channel that there is not is answered 400 `no such channel`."""
    answer = await trial.target.ask("GET", f"/wc/connect/{NOBODYS}", **UPGRADE)
    expect(answer.status == 400 and answer.error == "no such channel", answer)
    return str(answer)


@handshake()
async def not_a_channel(trial: Trial) -> str:
    """What is no UUID in lower case is no channel: 404."""
    seen = ""
    for name in ("chat", trial.target.channel.page.upper()):
        answer = await trial.target.ask("GET", f"/wc/connect/{name}", **UPGRADE)
        expect(answer.status == 404, f"{name}: {answer}")
        seen = str(answer)
    return seen


@handshake()
async def broken_upgrade(trial: Trial) -> str:
    """An upgrade without a key is answered 400."""
    keyless = {name: value for name, value in UPGRADE.items() if not name.endswith("key")}
    answer = await trial.target.ask("GET", trial.place, **keyless)
    expect(answer.status == 400, answer)
    return str(answer)


@handshake(Extension.REASONS)
async def plain_get(trial: Trial) -> str:
    """A plain GET of the socket is answered 426, which pages of any site may read."""
    answer = await trial.target.ask("GET", trial.place, origin="https://shop.example")
    expect(answer.status == 426, answer)
    expect(answer.headers.get(_ANYBODY) == "*", f"{_ANYBODY}: {answer.headers.get(_ANYBODY)}")
    return str(answer)


@handshake()
async def slashes(trial: Trial) -> str:
    """One slash at the end of a path changes nothing; two make another path."""
    one = await trial.target.ask("GET", f"{trial.place}/", **UPGRADE)
    two = await trial.target.ask("GET", f"{trial.place}//", **UPGRADE)
    expect(one.status == 101 and two.status == 404, f"one: {one}, two: {two}")
    return "101, 404"


@handshake()
async def version(trial: Trial) -> str:
    """`GET /` and `HEAD /` are answered 200; the first says the version, as JSON."""
    told = await trial.target.ask("GET", "/")
    asked = await trial.target.ask("HEAD", "/")
    expect(told.status == 200 and asked.status == 200, f"GET: {told}, HEAD: {asked}")
    expect(isinstance(told.json, dict) and told.json.get("version"), told)
    return f"version {told.json['version']}"


@handshake()
async def nowhere(trial: Trial) -> str:
    """Any other path is answered 404, with the reason as JSON."""
    answer = await trial.target.ask("GET", "/wc/nowhere")
    expect(answer.status == 404 and answer.error, answer)
    return str(answer)


@handshake(Extension.AVAILABILITY)
async def availability(trial: Trial) -> str:
    """Pages of any site may ask when a channel is answered; one that there is not is 404."""
    place = "/wc/availability/"
    answer = await trial.target.ask("GET", place + trial.target.channel.page)
    expect(answer.status == 200 and isinstance(answer.json, dict), answer)
    expect(answer.headers.get(_ANYBODY) == "*", f"{_ANYBODY}: {answer.headers.get(_ANYBODY)}")
    unknown = await trial.target.ask("GET", place + NOBODYS)
    expect(unknown.status == 404, f"a channel that there is not: {unknown}")
    return f"{answer.json}"
