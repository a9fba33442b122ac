"""Each aggregate by example: what a session carries, gone on with by the values of a run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from sessionize.model.columns import Aggregate, SessionColumn, Type
from sessionize.model.frames import TEXT, TIME
from sessionize.model.schemas import ARROW_TYPES, carried_type
from sessionize.sessions.aggregates import Values, aggregate, count_values, nulled_where


def column(what: Aggregate, kind: Type = "int64", **more: Any) -> SessionColumn:
    return SessionColumn("x", "", kind, what, of="y", **more)


def gone_on(
    column: SessionColumn, carried: list[Any], added: list[list[Any]], values: Any = None
) -> list[Any]:
    """Go on with what open sessions carry.

    Parameters
    ----------
    carried : list
        What each open session carries.
    added : list of list
        The values that each session gets, open ones first.
    values : array, optional
        The values end to end, of another type than Arrow's.
    """
    kind = ARROW_TYPES[column.type]
    session = np.repeat(np.arange(len(added)), [len(each) for each in added])
    if values is None:
        flat = [value for each in added for value in each]
        values = pd.array(pa.array(flat, kind), dtype=pd.ArrowDtype(kind))
    before = pa.array(carried, carried_type(column))
    result = aggregate(
        column,
        pd.Series(pd.array(before, dtype=pd.ArrowDtype(before.type))),
        Values(session, np.arange(len(session)), pd.Series(values)),
        len(added),
    )
    assert len(result) == len(added)
    return pa.array(result.array, from_pandas=True).to_pylist()


class TestCount:
    def test_goes_on_from_what_is_carried(self):
        assert gone_on(column("count"), [2, 0], [[5, None], [], [1]]) == [3, 0, 1]


class TestFirstAndLast:
    def test_the_first_stays_and_the_last_goes_on(self):
        assert gone_on(column("first"), [1], [[2, 3], [4, 5]]) == [1, 4]
        assert gone_on(column("last"), [1], [[2, 3], [4, 5]]) == [3, 5]

    def test_nulls_are_left_out(self):
        assert gone_on(column("first"), [None, None], [[None, 3, 4], [None]]) == [3, None]
        assert gone_on(column("last"), [1, None], [[None], [5, None]]) == [1, 5]

    def test_where_nulls_count_the_value_of_that_very_event_is_taken(self):
        assert gone_on(column("first", skip_nulls=False), [None], [[3], [None, 4]]) == [None, None]
        assert gone_on(column("last", skip_nulls=False), [1], [[3, None], [4]]) == [None, 4]

    def test_large_whole_numbers_stay_exact_beside_sessions_without_a_value(self):
        large = 2**53 + 1
        values = np.array([large])  # as numpy holds a column without nulls
        assert gone_on(column("first"), [], [[], [large]], values) == [None, large]

    def test_times_and_categoricals_are_taken_as_they_are(self):
        times = pd.array(np.array(["2017-02-04"], "M8[us]"), dtype=TIME)
        [found, none] = gone_on(column("first", "timestamp"), [], [[0], []], times)
        assert (found, none) == (pd.Timestamp("2017-02-04", tz="UTC"), None)
        few = pd.Categorical(["b", "a", None], categories=["a", "b"])
        assert gone_on(column("last", "string"), ["z"], [[0], [0, 0]], few) == ["b", "a"]


class TestSum:
    def test_of_doubles_is_taken_from_left_to_right(self):
        added = [0.1, 0.2, 0.3, 1e16, -1e16]
        expected = 1e16 + 0.6000000000000001 - 1e16
        assert gone_on(column("sum", "double"), [None], [added]) == [expected]
        carried = gone_on(column("sum", "double"), [None], [added[:2]])
        assert gone_on(column("sum", "double"), carried, [added[2:]]) == [expected]

    @pytest.mark.parametrize("zero", [0.0, -0.0])
    def test_keeps_the_sign_of_zero(self, zero: float):
        carried = gone_on(column("sum", "double"), [], [[zero]])
        [found] = gone_on(column("sum", "double"), carried, [[]])
        assert np.copysign(1, found) == np.copysign(1, zero)

    def test_that_grows_too_large_is_infinite(self):
        assert gone_on(column("sum", "double"), [1e308], [[1e308]]) == [np.inf]

    def test_of_whole_numbers_is_whole(self):
        large = 2**60 + 1
        assert gone_on(column("sum"), [large], [[large, None]]) == [2 * large]

    def test_of_small_whole_numbers_has_room(self):
        values = np.array([2**31 - 1, 2**31 - 1], np.int32)
        assert gone_on(column("sum"), [], [[0, 0]], values) == [2**32 - 2]

    def test_over_nothing_is_null(self):
        assert gone_on(column("sum"), [None], [[None], []]) == [None, None]


class TestMinAndMax:
    def test_compare_carried_and_new_values(self):
        assert gone_on(column("min"), [2, 2], [[3], [1, 5], [7, None, 6]]) == [2, 1, 6]
        assert gone_on(column("max"), [2, 9], [[3], [1, 5], [7, None, 6]]) == [3, 9, 7]

    def test_of_equal_values_the_first_counts(self):
        for what in ("min", "max"):
            [found] = gone_on(column(what, "double"), [-0.0], [[0.0]])
            assert np.copysign(1, found) == -1

    def test_texts_are_compared_by_their_code_points(self):
        assert gone_on(column("max", "string"), ["Z"], [["a", "é"]]) == ["é"]
        assert gone_on(column("min", "string"), ["a"], [["Z", ""]]) == [""]

    def test_categories_are_compared_as_texts_not_by_their_codes(self):
        few = pd.Categorical(["b", "a"], categories=["b", "a"])
        assert gone_on(column("min", "string"), [], [[0, 0]], few) == ["a"]

    def test_over_nothing_is_null(self):
        assert gone_on(column("max"), [None], [[None], []]) == [None, None]


class TestListAndDistinct:
    def test_a_list_is_in_session_order_with_repetitions_and_without_nulls(self):
        assert gone_on(column("list"), [[2, 1], []], [[2, None], [], [5, 4]]) == [
            [2, 1, 2],
            [],
            [5, 4],
        ]

    def test_distinct_carries_each_value_once(self):
        assert gone_on(column("distinct"), [[2, 1]], [[2, 3, 3, None], [4, 4]]) == [[2, 1, 3], [4]]

    def test_a_limit_keeps_the_first_ones_over_all_runs(self):
        assert gone_on(column("list", limit=3), [[2, 1]], [[2, 5], [7]]) == [[2, 1, 2], [7]]
        assert gone_on(column("distinct", limit=2), [[2]], [[2, 5, 6]]) == [[2, 5]]

    def test_zero_and_minus_zero_are_one_value(self):
        assert gone_on(column("distinct", "double"), [[0.0]], [[-0.0]]) == [[0.0]]

    def test_a_machine_of_which_nothing_is_known_carries_an_empty_list(self):
        assert gone_on(column("list", "string"), [], [[], []]) == [[], []]

    def test_count_values_counts_and_leaves_null_what_is_null(self):
        kind = pd.ArrowDtype(pa.list_(pa.string()))
        lists = pd.Series(pd.array([["a", "b"], [], None], dtype=kind), index=[5, 6, 7])
        counted = count_values(lists)
        assert counted.index.to_list() == [5, 6, 7]
        assert pa.array(counted.array).to_pylist() == [2, 0, None]


@pytest.mark.parametrize("missing", [np.nan, None], ids=["NaN", "None"])
@pytest.mark.parametrize(
    ("what", "expected"),
    [("count", 1), ("sum", 2.5), ("min", 2.5), ("last", 2.5), ("list", [2.5])],
)
def test_what_pandas_holds_for_null_is_left_out(what: Aggregate, expected: Any, missing: Any):
    values = pd.Series([missing, 2.5, missing], dtype="float64")
    assert gone_on(column(what, "double"), [], [[0, 0, 0], []], values)[0] == expected


def test_texts_as_pandas_holds_them_by_itself_are_texts():
    values = pd.Series(["b", None, "a"])
    assert gone_on(column("list", "string"), [["z"]], [[0, 0, 0]], values) == [["z", "b", "a"]]
    assert gone_on(column("min", "string"), [], [[0, 0, 0]], values) == ["a"]


def test_a_column_without_an_aggregate_is_not_one():
    with pytest.raises(ValueError, match="no aggregate"):
        gone_on(SessionColumn("x", "", "int64"), [], [[]])


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(np.array([2**53 + 1, 1])),
        pd.Series(pd.array(["a", "b"], dtype=TEXT)),
        pd.Series(pd.array(np.array([1, 2], "M8[us]"), dtype=TIME)),
        pd.Series(pd.array([[1], []], dtype=pd.ArrowDtype(pa.list_(pa.int64())))),
    ],
    ids=["numbers", "texts", "times", "lists"],
)
def test_without_leaves_the_others_as_they_are(values: pd.Series):
    assert nulled_where(values, np.array([False, False])).equals(values)
    found = nulled_where(values, np.array([False, True]))
    kept = pa.array(values.array).to_pylist()
    assert pa.array(found.array).to_pylist() == [kept[0], None]
