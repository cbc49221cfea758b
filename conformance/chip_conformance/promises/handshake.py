"""The way to the socket, and what else a page may ask before it."""

from chip_conformance.broken import expect
from chip_conformance.promise import Extension, Subject
from chip_conformance.stage import Stage
from chip_conformance.target import NOBODYS

handshake = Subject("Handshake")
UPGRADE = {
    "upgrade": "websocket",
    "connection": "Upgrade",
    "sec_websocket_version": "13",
    "sec_websocket_key": "dGhlIHNhbXBsZSBub25jZQ==",
}
_ANYBODY = "access-control-allow-origin"


@handshake()
async def opens(stage: Stage) -> str:
    """The socket opens, without subprotocol or compression, for clients that offer them as well."""
    visitor = await stage.connected(offer=True)
    response = visitor.socket.response
    extensions = response.headers.get("Sec-WebSocket-Extensions", "") if response else ""
    expect(not extensions, f"the server chose {extensions}")
    expect(visitor.socket.subprotocol is None, f"the server chose {visitor.socket.subprotocol}")
    return "101"


@handshake()
async def unknown_channel(stage: Stage) -> str:
    """A channel that there is not is answered 400 `no such channel`."""
    answer = await stage.target.ask("GET", f"/wc/connect/{NOBODYS}", **UPGRADE)
    expect(answer.status == 400 and answer.error == "no such channel", answer)
    return str(answer)


@handshake()
async def not_a_channel(stage: Stage) -> str:
    """What is no UUID in lower case is no channel: 404."""
    seen = ""
    for name in ("chat", stage.target.channel.page.upper()):
        answer = await stage.target.ask("GET", f"/wc/connect/{name}", **UPGRADE)
        expect(answer.status == 404, f"{name}: {answer}")
        seen = str(answer)
    return seen


@handshake()
async def broken_upgrade(stage: Stage) -> str:
    """An upgrade without a key is answered 400."""
    keyless = {name: value for name, value in UPGRADE.items() if not name.endswith("key")}
    answer = await stage.target.ask("GET", stage.place, **keyless)
    expect(answer.status == 400, answer)
    return str(answer)


@handshake(Extension.REASONS)
async def plain_get(stage: Stage) -> str:
    """A plain GET of the socket is answered 426, which pages of any site may read."""
    answer = await stage.target.ask("GET", stage.place, origin="https://shop.example")
    expect(answer.status == 426, answer)
    expect(answer.headers.get(_ANYBODY) == "*", f"{_ANYBODY}: {answer.headers.get(_ANYBODY)}")
    return str(answer)


@handshake()
async def slashes(stage: Stage) -> str:
    """One slash at the end of a path changes nothing; two make another path."""
    one = await stage.target.ask("GET", f"{stage.place}/", **UPGRADE)
    two = await stage.target.ask("GET", f"{stage.place}//", **UPGRADE)
    expect(one.status == 101 and two.status == 404, f"one: {one}, two: {two}")
    return "101, 404"


@handshake()
async def version(stage: Stage) -> str:
    """`GET /` and `HEAD /` are answered 200; the first says the version, as JSON."""
    told = await stage.target.ask("GET", "/")
    asked = await stage.target.ask("HEAD", "/")
    expect(told.status == 200 and asked.status == 200, f"GET: {told}, HEAD: {asked}")
    expect(isinstance(told.json, dict) and told.json.get("version"), told)
    return f"version {told.json['version']}"


@handshake()
async def nowhere(stage: Stage) -> str:
    """Any other path is answered 404, with the reason as JSON."""
    answer = await stage.target.ask("GET", "/wc/nowhere")
    expect(answer.status == 404 and answer.error, answer)
    return str(answer)


@handshake(Extension.AVAILABILITY)
async def availability(stage: Stage) -> str:
    """Pages of any site may ask when a channel is answered; one that there is not is 404."""
    place = "/wc/availability/"
    answer = await stage.target.ask("GET", place + stage.target.channel.page)
    expect(answer.status == 200 and isinstance(answer.json, dict), answer)
    expect(answer.headers.get(_ANYBODY) == "*", f"{_ANYBODY}: {answer.headers.get(_ANYBODY)}")
    unknown = await stage.target.ask("GET", place + NOBODYS)
    expect(unknown.status == 404, f"a channel that there is not: {unknown}")
    return f"{answer.json}"
