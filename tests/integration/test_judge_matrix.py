"""The command that asks every judge model in every way, on a few of them."""

from __future__ import annotations

import pytest

from benchmarks.judges.__main__ import main
from benchmarks.judges.matrix import AT_ONCE, WAYS, Way, ask, kind, model_ids

DEAD = "global.anthropic.claude-sonnet-4-20250514-v1:0"
DEFAULT = "global.anthropic.claude-sonnet-4-6"
OPUS_BEHIND_AN_ARN = next(found for found in model_ids() if found.endswith("judgeopus55"))
FEW = [DEFAULT, "us.deepseek.r1-v1:0", "acme.judge-1", OPUS_BEHIND_AN_ARN]


@pytest.mark.parametrize("model_id", FEW)
@pytest.mark.parametrize("way", WAYS)
def test_a_living_model_gives_every_verdict(model_id: str, way: Way) -> None:
    """Known or not, with at most three refusals; the last way begins 32 calls at once."""
    cell = ask(model_id, way)
    assert (cell.verdicts, cell.problem) == (cell.wanted, None)
    assert cell.refusals <= 3
    assert cell.good
    if way == "at once":
        assert cell.wanted == AT_ONCE


def test_every_kind_of_id_is_asked() -> None:
    """Models of the monitor's table, models that exist nowhere, and ARNs that tell nothing."""
    assert {kind(model_id) for model_id in model_ids()} == {"in its table", "unknown", "opaque ARN"}
    assert DEAD not in model_ids()


def test_a_missing_verdict_fails_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    """A dead model is shown with its reason, and is asked once."""
    dead = ask(DEAD, "each")
    assert (dead.verdicts, dead.calls) == (0, 1)
    assert main([DEAD]) == 1
    told = capsys.readouterr().out
    assert "end of its life" in told
    assert main([DEFAULT]) == 0
    assert "1 models, 4 runs: 4 with every verdict" in capsys.readouterr().out
