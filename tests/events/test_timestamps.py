from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sessionize.events.timestamps import parse_timestamps
from sessionize.landing import Kind
from sessionize.model.frames import TEXT

Value = tuple[Kind, str | None]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: From here on a number tells its unit, whichever it is.
times = st.datetimes(datetime(1973, 3, 3, 9, 46, 40), datetime(2100, 1, 1)).map(
    lambda time: time.replace(tzinfo=UTC)
)
zones = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def parsed(*values: Value) -> list[int | None]:
    """The microseconds that each value stands for; None where it is not a time."""
    texts = pd.Series([text for _, text in values], dtype=TEXT)
    times = parse_timestamps(texts, np.array([kind for kind, _ in values], dtype=np.uint8))
    assert str(times.dtype) == "datetime64[us, UTC]"
    numbers = times.dt.tz_localize(None).to_numpy().astype(np.int64)
    return [
        None if is_none else time
        for time, is_none in zip(numbers.tolist(), times.isna(), strict=True)
    ]


def number(text: str) -> Value:
    return Kind.NUMBER, text


def string(text: str) -> Value:
    return Kind.STRING, text


def microseconds(time: datetime) -> int:
    return (time - EPOCH) // timedelta(microseconds=1)


class TestNumbers:
    @pytest.mark.parametrize("kind", [Kind.NUMBER, Kind.STRING])
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("1486249379", "2017-02-04T23:02:59"),
            ("1486249379.5", "2017-02-04T23:02:59.500000"),
            ("1486249379.123456", "2017-02-04T23:02:59.123456"),
            ("1.486249379e9", "2017-02-04T23:02:59"),
            ("1486249379000E-3", "2017-02-04T23:02:59"),
            ("1486249379123", "2017-02-04T23:02:59.123000"),
            ("1486249379123.456", "2017-02-04T23:02:59.123456"),
            ("1.486249379123E+12", "2017-02-04T23:02:59.123000"),
            ("0", "1970-01-01T00:00:00"),
            ("-0", "1970-01-01T00:00:00"),
            ("-1", "1969-12-31T23:59:59"),
            ("-0.000001", "1969-12-31T23:59:59.999999"),
            ("-100000000000", "1966-10-31T14:13:20"),
            ("99999999999", "5138-11-16T09:46:39"),
            ("100000000000", "1973-03-03T09:46:40"),
            ("99999999999999", "5138-11-16T09:46:39.999000"),
            ("100000000000000", "1973-03-03T09:46:40"),
            ("1486249379123456", "2017-02-04T23:02:59.123456"),
            ("1486249379123456.0", "2017-02-04T23:02:59.123456"),
            ("1.486249379123456e15", "2017-02-04T23:02:59.123456"),
            ("99999999999999999", "5138-11-16T09:46:39.999999"),
            ("100000000000000000", "1973-03-03T09:46:40"),
            ("1486249379123456789", "2017-02-04T23:02:59.123457"),
            ("1486249379123456.789e3", "2017-02-04T23:02:59.123457"),
            ("-1486249379123456789", "1922-11-27T00:57:00.876543"),
            ("9999999999999999999", "2286-11-20T17:46:40"),
            ("253402300799999999499", "9999-12-31T23:59:59.999999"),
        ],
    )
    def test_their_magnitude_tells_their_unit(self, kind, text, expected):
        time = datetime.fromisoformat(expected).replace(tzinfo=UTC)
        assert parsed((kind, text)) == [microseconds(time)]

    @pytest.mark.parametrize("text", ["+1486249379", " 1486249379 ", "01486249379", "1486249379."])
    def test_a_text_may_write_them_as_people_do(self, text):
        assert parsed(string(text)) == [1_486_249_379_000_000]

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("1.0000004", 0),
            ("1.0000006", 1),
            ("1.0000005", 0),
            ("1.0000015", 2),
            ("1.00000050000000000000000000000000000001", 1),
            ("100000000000.0005", 0),
            ("100000000000.0015", 2),
            ("100000000000000.5", 0),
            ("100000000000001.5", 2),
            ("100000000000000500", 0),
            ("100000000000001500", 2),
            ("100000000000000500.1", 1),
            ("100000000000001499", 1),
        ],
    )
    def test_what_is_finer_than_a_microsecond_is_rounded_half_to_even(self, text, expected):
        begin = 1_000_000 if text.startswith("1.") else 100_000_000_000_000
        assert parsed(number(text)) == [begin + expected]

    @pytest.mark.parametrize("kind", [Kind.NUMBER, Kind.STRING])
    @pytest.mark.parametrize(
        "text",
        [
            "253402300799999999500",
            "253402300800000000000",
            "9" * 21,
            "-" + "9" * 25,
            "9" * 40,
            "9" * 5000,
            "1e99",
            "1e400",
        ],
    )
    def test_a_time_beyond_the_year_9999_is_not_well_formed(self, kind, text):
        assert parsed((kind, text)) == [None]


class TestIso8601:
    @pytest.mark.parametrize(
        "text",
        [
            "2017-02-04T23:02:59Z",
            "2017-02-04t23:02:59z",
            "2017-02-04 23:02:59Z",
            "2017-02-04T23:02:59",
            "2017-02-04T23:02:59.000",
            "2017-02-04T23:02:59+00:00",
            "2017-02-05T04:32:59+05:30",
            "2017-02-04T15:02:59-0800",
            "2017-02-05T01:02:59+02",
            "20170204T230259Z",
            "2017-W05-6T23:02:59Z",
            " 2017-02-04T23:02:59Z\n",
        ],
    )
    def test_every_form_of_a_time_is_read_and_without_a_zone_it_is_utc(self, text):
        assert parsed(string(text)) == [1_486_249_379_000_000]

    @pytest.mark.parametrize("text", ["2017-02-04", "2017-W05-6", "2017-02-04T00:00"])
    def test_a_date_is_its_midnight_in_utc(self, text):
        assert parsed(string(text)) == [1_486_166_400_000_000]

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("1969-12-31T23:59:59.999999Z", -1),
            ("0001-01-01T00:00:00Z", -62_135_596_800_000_000),
            ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
        ],
    )
    def test_it_names_any_time_of_the_calendar(self, text, expected):
        assert parsed(string(text)) == [expected]

    @pytest.mark.parametrize("fraction", [".1234567", ".123456789", ",123456789"])
    def test_what_is_finer_than_a_microsecond_is_cut_off(self, fraction):
        assert parsed(string(f"2017-02-04T23:02:59{fraction}Z")) == [1486249379123456]

    @pytest.mark.parametrize(
        "text",
        [
            "2017-02-30T00:00:00Z",
            "2017-13-01",
            "2017-02-04T25:00:00Z",
            "2017-02-04T23:60:00Z",
            "2017-02-04T23:02:59+25:00",
            "9999-12-31T23:59:59-01:00",
            "2017-02",
            "23:02:59",
            "04.02.2017",
            "Sat, 04 Feb 2017 23:02:59 GMT",
        ],
    )
    def test_what_is_no_time_of_the_calendar_is_not_well_formed(self, text):
        assert parsed(string(text)) == [None]

    @pytest.mark.parametrize("text", ["2017", "20170204"])
    def test_digits_alone_are_never_a_date(self, text):
        assert parsed(string(text)) == [int(text) * 1_000_000]


class TestWhatIsNoTime:
    @pytest.mark.parametrize(
        "text",
        [
            *("", " ", "-", ".", "e5", "1e", ".5", "1.2.3", "0x10", "1_000", "1,000", "1 000"),
            *("NaN", "nan", "sNaN", "Infinity", "-inf", "null", "true", "now", "yesterday"),
            "\N{ARABIC-INDIC DIGIT ONE}486249379",
            "\N{FULLWIDTH DIGIT ONE}486249379",
            "2017-02-04T23:02:59Z" + " and more" * 20,
        ],
    )
    def test_a_text_that_is_no_time_is_not_well_formed(self, text):
        assert parsed(string(text)) == [None]

    @pytest.mark.parametrize(
        "value",
        [
            (Kind.ABSENT, None),
            (Kind.OTHER, "true"),
            (Kind.OTHER, "[1486249379]"),
            (Kind.OTHER, '{"$date":1486249379}'),
        ],
    )
    def test_only_a_number_or_a_text_is_a_time(self, value):
        assert parsed(value) == [None]

    def test_an_empty_column_has_no_times(self):
        assert parsed() == []


class TestSeries:
    @pytest.mark.parametrize("dtype", [TEXT, "str", object, "category"])
    def test_any_texts_are_strings_where_no_kinds_are_given(self, dtype):
        texts = pd.Series(
            ["2017-02-04", None, "0", "x", "2017-02-04"], [5, 3, 4, 9, 1], dtype=dtype
        )
        times = parse_timestamps(texts)
        assert times.index.tolist() == [5, 3, 4, 9, 1]
        assert times.isna().tolist() == [False, True, False, True, False]
        assert times[4] == pd.Timestamp(0, tz="UTC")

    def test_some_rows_are_read_as_in_the_whole(self):
        texts = pd.Series([f"{n}" for n in range(1000)], dtype=TEXT)
        whole = parse_timestamps(texts)
        assert parse_timestamps(texts[200:300]).equals(whole[200:300])
        assert parse_timestamps(texts[::7]).equals(whole[::7])


@given(times, zones)
def test_every_notation_of_a_time_is_read_to_the_microsecond(time: datetime, zone: timezone):
    total = microseconds(time)
    seconds = f"{total // 1_000_000}.{total % 1_000_000:06}"
    milliseconds = f"{total // 1000}.{total % 1000:03}"
    notations = [
        number(f"{total}"),
        string(f"{total}000"),
        number(seconds),
        string(seconds),
        number(milliseconds),
        string(milliseconds),
        string(f"{time:%Y-%m-%dT%H:%M:%S.%fZ}"),
        string(time.astimezone(zone).isoformat()),
        string(time.replace(tzinfo=None).isoformat(" ")),
    ]
    assert parsed(*notations) == [total] * len(notations)


@given(st.integers(0, 10**15 - 1) | st.integers(0, 10**21))
@example(99_999_999_999)
@example(100_000_000_000)
@example(10**14 - 1)
@example(10**14)
@example(10**17 - 1)
@example(10**17)
@example(2**63 - 1)
@example(2**63)
@example(10**19 - 1)
@example(2**64)
def test_a_plain_number_is_read_as_any_other_notation_of_it(value: int):
    plain, *others = parsed(
        number(f"{value}"), string(f"{value}"), number(f"{value}.0"), string(f" +{value}e0")
    )
    assert others == [plain] * 3


@given(
    st.lists(
        st.sampled_from(
            [
                number("1486249379"),
                number("1486249379.5"),
                string("1486249379123"),
                string("2017-02-04"),
                string("never"),
                (Kind.OTHER, "true"),
                (Kind.ABSENT, None),
            ]
        )
    )
)
def test_each_value_is_read_by_itself(values: list[Value]):
    assert parsed(*values) == [parsed(value)[0] for value in values]
