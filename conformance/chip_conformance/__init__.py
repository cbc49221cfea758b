"""Finds out whether a webchat server keeps the promises of Chip's protocol.

It is the server's visitors and its Courier at once, and knows nothing of how the server is made.

    command.py    the command chip-conformance
    target.py     the server, and how Courier speaks on its channel
    trial.py      what a promise is given to try
    promises/     the promises, one function each
    run.py        tries them
    report.py     says what was seen, for people and as JUnit XML
    visitor.py courier.py http.py        the two parts that the kit plays, and HTTP
    offers.py     which extensions the server has
"""

__version__ = "1.0.0"
