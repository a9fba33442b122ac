"""What is told, to the word; any text is harmless where it is shown."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sessionize.alerts import findings
from sessionize.alerts.findings import (
    EmptyHours,
    FailedTask,
    Finding,
    InterruptedHour,
    LateEventsOverLimit,
    LateHours,
    OutdatedHours,
    OverLimit,
    QuarantinedOverLimit,
)
from sessionize.alerts.messages import Line, line_of, message_of

from .looks import hour

ONE = (hour(0), hour(0), 1)
MANY = (hour(0), hour(1000), 1001)
REASONS = (("not_json", 1200), ("too_old", 30), ("bad_value", 2), ("bad_action", 1))
SAID = {
    LateHours(*ONE, timedelta(minutes=45)): (
        "2017-02-04T22 not published 45 minutes after its end",
        "airflow dags backfill sessionize_n -s 2017-02-04T22:00 -e 2017-02-04T22:00",
    ),
    LateHours(*MANY, timedelta(minutes=45)): (
        "2017-02-04T22 to 2017-03-18T14 (1,001 hours) not published 45 minutes after its end",
        "-s 2017-02-04T22:00 -e 2017-03-18T14:00",
    ),
    OutdatedHours(*MANY): (
        "2017-02-04T22 to 2017-03-18T14 (1,001 hours) on an outdated state",
        "-e 2017-03-18T14:00 --reset-dagruns",
    ),
    InterruptedHour(*ONE): (
        "2017-02-04T22 interrupted: half published, or with objects claimed and not read",
        "-e 2017-02-04T22:00 --reset-dagruns",
    ),
    QuarantinedOverLimit(*ONE, hour(0), 0.25, 0.01, 1233, 4932, REASONS): (
        "2017-02-04T22: 25.0% (limit 1.0%), 1,233 of 4,932 quarantined "
        "(not_json 1,200, too_old 30, bad_value 2, …)",
        "dataset `quarantine`, dt=2017-02-04/hour=22",
    ),
    LateEventsOverLimit(hour(0), hour(1), 2, hour(1), 0.5, 0.1, 1, 2): (
        "2017-02-04T22 to 2017-02-04T23 (2 hours), at worst 2017-02-04T23: 50.0% (limit 10.0%), "
        "1 of 2 late",
        "dataset `late_events`, dt=2017-02-04/hour=23",
    ),
    EmptyHours(*ONE, 0): ("2017-02-04T22 empty: no object has landed", "delivers to `raw`"),
    EmptyHours(*ONE, 3): (
        "2017-02-04T22 empty: 3 objects, but no record has landed",
        "delivers to `raw`",
    ),
    FailedTask(*ONE, "claim", "a\nb" + 500 * "x"): (
        f"2017-02-04T22 failed in claim: a b{296 * 'x'}…",
        "airflow tasks clear sessionize_n -s 2017-02-04T22:00 -e 2017-02-04T22:00 -y",
    ),
}


@pytest.mark.parametrize("finding", SAID, ids=lambda finding: type(finding).__name__)
def test_a_finding_is_said_in_a_line_with_a_remedy(finding: Finding):
    text, remedy = SAID[finding]
    line = line_of(finding, "n")
    assert line.text == text
    assert remedy in line.remedy


def test_every_finding_is_said():
    kinds = {
        each
        for each in vars(findings).values()
        if isinstance(each, type) and issubclass(each, Finding) and each not in (Finding, OverLimit)
    }
    assert kinds == {type(finding) for finding in SAID}
    assert len({kind.kind for kind in kinds}) == len(kinds)


def test_a_message_of_one_finding_says_it_in_its_subject():
    message = message_of("n", [Line("hour late", "run it")], "http://airflow/dags/n")
    assert message.subject == "n: hour late"
    assert message.text == "n: hour late\nrun it\nhttp://airflow/dags/n"


def test_a_message_of_many_has_what_is_wrong_first_and_counts_the_rest():
    lines = [Line("gone", resolved=True), *(Line(f"late {n}", f"run {n}") for n in range(11))]
    message = message_of("n", lines)
    assert message.subject == "n: 11 findings, 1 resolved"
    shown = message.text.splitlines()
    assert shown[1:3] == ["late 0", "run 0"]
    assert shown[-1] == "and 2 more"
    assert message_of("n", [lines[0]]).subject == "n: resolved: gone"


def test_what_a_text_holds_is_text_for_slack_and_mail():
    message = message_of("n", [Line("<!channel> & <b>", "'\"")])
    assert message.markdown == "*n: &lt;!channel&gt; &amp; &lt;b&gt;*\n'\""
    assert message.html == "<b>n: &lt;!channel&gt; &amp; &lt;b&gt;</b><br>\n&#x27;&quot;"
