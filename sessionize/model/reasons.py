"""Why a record is in quarantine: codes that stay the same from release to release."""

from enum import StrEnum


class Reason(StrEnum):
    """The ``reason`` column of the ``quarantine`` dataset."""

    # What can be wrong with the bytes (found while reading an object).
    DAMAGED_OBJECT = "damaged_object"
    OBJECT_TOO_LARGE = "object_too_large"
    TOO_MANY_RECORDS = "too_many_records"
    RECORD_TOO_LARGE = "record_too_large"
    NOT_TEXT = "not_text"
    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"

    # What can be wrong with a record that reads well (found while validating, contract §2).
    MISSING_FIELD = "missing_field"
    BAD_TIMESTAMP = "bad_timestamp"
    BAD_ACTION = "bad_action"
    BAD_INST_ID = "bad_inst_id"
    BAD_BUILD_ID = "bad_build_id"
    BAD_TRIALSTATE = "bad_trialstate"
    BAD_VALUE = "bad_value"
    TOO_OLD = "too_old"
    IN_THE_FUTURE = "in_the_future"
