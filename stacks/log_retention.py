"""How long logs are kept."""

from __future__ import annotations

from aws_cdk.aws_logs import RetentionDays

_DAYS = {
    1: RetentionDays.ONE_DAY,
    7: RetentionDays.ONE_WEEK,
    14: RetentionDays.TWO_WEEKS,
    30: RetentionDays.ONE_MONTH,
    90: RetentionDays.THREE_MONTHS,
    180: RetentionDays.SIX_MONTHS,
    365: RetentionDays.ONE_YEAR,
    731: RetentionDays.TWO_YEARS,
    1827: RetentionDays.FIVE_YEARS,
    3653: RetentionDays.TEN_YEARS,
}


def retention(days: int) -> RetentionDays:
    """CDK's name for a number of days.

    Raises:
        ValueError: If CloudWatch Logs knows no such retention, or nobody needs it here.
    """
    if days not in _DAYS:
        raise ValueError(f"{days} is not one of {', '.join(map(str, _DAYS))}")
    return _DAYS[days]
