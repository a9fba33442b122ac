"""``[alerts]``: what is accepted, what is refused, and the setting that an error names."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sessionize.config.alerts import Alerts, EmailNotify, SlackNotify, SlackWebhookNotify, SnsNotify
from sessionize.model.errors import ConfigError

from .minimal import configured

TOPIC = "arn:aws:sns:eu-west-1:123456789012:data"


def alerts(**settings: Any) -> Alerts:
    return configured(alerts=settings).alerts


def test_nobody_is_told_unless_the_file_says_so():
    assert not alerts().are_on
    assert not alerts(outdated=True, failures=True).are_on
    assert alerts(late_after="45m").are_on
    assert alerts(empty_hours=True).are_on


def test_recipients_are_told_by_their_kind():
    settings = [
        {"kind": "slack", "channel": "#data"},
        {"kind": "slack_webhook", "conn_id": "hook"},
        {"kind": "sns", "topic": TOPIC, "conn_id": "aws_default"},
        {"kind": "email", "to": ["a@example.com"], "sender": "b@example.com"},
    ]
    assert alerts(notify=settings).notify == (
        SlackNotify(channel="#data", conn_id="slack_api_default"),
        SlackWebhookNotify(conn_id="hook"),
        SnsNotify(topic=TOPIC, conn_id="aws_default"),
        EmailNotify(to=("a@example.com",), sender="b@example.com", conn_id="smtp_default"),
    )


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"late_after": 45}, r"`alerts\.late_after`.*is not a duration"),
        ({"late_after": "15m"}, r"`alerts\.late_after` is 0:15:00, `airflow\.delivery_wait`"),
        ({"look_back": "1h"}, r"`look_back` is outside 2h to 31d"),
        ({"look_back": "32d"}, r"`look_back` is outside 2h to 31d"),
        ({"late": "45m"}, r"there is no setting `alerts\.late`"),
        ({"notify": [{"kind": "pager"}]}, r"`alerts\.notify\[0\]\.kind`.*write one of slack,"),
        ({"notify": [{"channel": "#data"}]}, r"`alerts\.notify\[0\]`.*`kind`"),
        ({"notify": [{"kind": "slack"}]}, r"`alerts\.notify\[0\]`.*`channel`"),
        ({"notify": [{"kind": "slack", "chan": "#d"}]}, r"`alerts\.notify\[0\]`.*`chan`"),
        ({"notify": [{"kind": "sns", "topic": "data"}]}, r"`alerts\.notify\[0\]`.*the ARN"),
        ({"notify": [{"kind": "email", "to": []}]}, r"`alerts\.notify\[0\]`.*`to` is empty"),
        ({"notify": [{"kind": "email", "to": ["me"]}]}, r"`alerts\.notify\[0\]`.*'me'"),
    ],
)
def test_a_setting_that_is_wrong_is_named(settings: dict[str, Any], named: str):
    with pytest.raises(ConfigError, match=named):
        alerts(**settings)


def test_every_hour_must_have_time_for_its_run():
    late_after = {"late_after": "21m"}
    assert configured(alerts=late_after, airflow={"delivery_wait": "20m"}).alerts.late_after == (
        timedelta(minutes=21)
    )
    with pytest.raises(ConfigError, match="leave time for its run"):
        configured(alerts=late_after, airflow={"delivery_wait": "21m"})
