"""The errors of the project: each says what is wrong and what to do about it.

All share the base :class:`SessionizeError`; a caller that catches it has caught everything the
project raises on purpose. They survive pickling, which Airflow workers need.
"""


class SessionizeError(Exception):
    """What went wrong, and the mend.

    Parameters
    ----------
    fault : str
        What is wrong, and where.
    remedy : str
        What the reader should do about it.
    """

    def __init__(self, fault: str, remedy: str) -> None:
        super().__init__(fault, remedy)
        self.fault = fault
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.fault.rstrip('.')}. {self.remedy}"


class ConfigError(SessionizeError):
    """A pipeline file cannot be read, or one of its settings is wrong."""


class UnknownPipelineError(SessionizeError):
    """There is no pipeline of this name."""


class IntervalError(SessionizeError):
    """A run was asked for something that is not one aligned hour of the pipeline."""


class RequestError(SessionizeError):
    """What was asked for cannot be had: it is not there, or too much, or means nothing."""


class StorageError(SessionizeError):
    """The bucket or folder cannot be reached, read or written."""


class StorageRefusedError(StorageError):
    """Storage answers that it will not: it says the same again until something is mended."""


class ObjectGoneError(StorageError):
    """An object that a run has claimed is no longer there, or is no longer the same."""


class MissingStateError(SessionizeError):
    """The hour before has not been run."""


class OutdatedStateError(SessionizeError):
    """An earlier hour stands on a state that has since been replaced, or was interrupted."""


class DayNotReadyError(SessionizeError):
    """The hours of a day, or the day before it, are not such that the day can be made of them."""


class ForeignFileError(SessionizeError):
    """The lake holds a file that this pipeline has not written."""


class ClaimChangedError(SessionizeError):
    """Another attempt has changed the hour's claim while this one was at work."""


class OvertakenError(SessionizeError):
    """Another attempt has put something where this one was about to write."""


class StagingError(SessionizeError):
    """Intermediate work of the hour, written by an earlier task, is missing."""


class UnbalancedError(SessionizeError):
    """The counts of a run do not add up; nothing was published."""


class LimitExceededError(SessionizeError):
    """A share of records that the operator has limited is over its limit."""


class NewerFormatError(SessionizeError):
    """The lake was written by a newer release, in a format that this one does not understand."""


class NothingFoundError(SessionizeError):
    """A look at what has landed has found nothing that a pipeline could be made of."""


class ReplayError(SessionizeError):
    """A replay cannot be begun, or has stopped at an hour that failed."""


class NotToldError(SessionizeError):
    """An operator could not be told of what is wrong with a pipeline."""


class FindingsError(SessionizeError):
    """Something is wrong with a pipeline, and there is nobody to tell."""


class SparkError(SessionizeError):
    """Spark is not there, does not start, or has failed by itself."""
