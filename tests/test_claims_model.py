"""The model of claims and takeover, tried by Spin in every order; and broken, to see it fail.

What it says, and what it leaves out, is told in `chip/queue/valkey/lua/claims.pml`.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from chip.chat.outbound.ports import CLAIM_TRUSTED, COURIER_DEADLINE, POST_WITHIN, claim_lasts
from chip.limits import Limits

MODEL = Path(__file__).parents[1] / "chip" / "queue" / "valkey" / "lua" / "claims.pml"
DEEP = 100_000
"""Steps of one order of events; more are an error of Spin's."""


@pytest.fixture
def spin(tmp_path):
    """Try every order of events. Returns what was violated, and how many states there were."""

    def verify(*options: str) -> tuple[list[str], int]:
        def run(*command: str) -> str:
            done = subprocess.run(
                command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=200
            )
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout

        run("spin", "-a", *options, str(MODEL))
        run("gcc", "-w", "-DSAFETY", "-o", "pan", "pan.c")
        told = run("./pan", f"-m{DEEP}")
        assert "max search depth too small" not in told
        violated = re.findall(r"assertion violated (.*) \(at depth", told)
        assert len(violated) == int(re.search(r"errors: (\d+)", told)[1])
        return violated, int(re.search(r"(\d+) states, stored", told)[1])

    return verify


@pytest.mark.parametrize(
    "extent",
    [
        pytest.param(("-DKILLS=1", "-DLOSSES=0"), id="two events, a death, a failure"),
        pytest.param(("-DKILLS=0", "-DFAILURES=0"), id="two events, an answer of Valkey's lost"),
        pytest.param(("-DEVENTS=1", "-DFAILURES=0"), id="an event, a death, an answer lost"),
    ],
)
def test_nothing_is_doubled_reordered_or_lost_in_any_order_of_events(spin, extent):
    violated, states = spin(*extent)
    assert violated == []
    assert states > 50_000


@pytest.mark.parametrize("connecting", [0.5, 3, 20])
def test_a_claim_lasts_as_long_as_the_model_takes_for_granted(connecting):
    sent_after = CLAIM_TRUSTED + POST_WITHIN + connecting
    lasts = claim_lasts(Limits(courier_connect_timeout=connecting))
    assert lasts >= sent_after + COURIER_DEADLINE


@pytest.mark.parametrize(
    "broken", ["NO_GRANT", "NO_AGE", "NO_LOOKUP", "NO_DEADLINE", "SHORT"], ids=str.lower
)
def test_a_model_that_is_broken_is_found_out(spin, broken):
    violated, _ = spin(f"-D{broken}", "-DLOSSES=0")
    assert violated
    assert "taken[" in violated[0]
