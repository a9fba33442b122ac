"""What can go wrong on this machine."""


class LocalError(Exception):
    """A service that does not start, a port that is taken, a command that fails.

    Parameters
    ----------
    fault : str
        What is wrong, and where.
    evidence : str
        What the service or command itself has said.
    """

    def __init__(self, fault: str, evidence: str = "") -> None:
        super().__init__(fault, evidence)
        self.fault = fault
        self.evidence = evidence.strip()

    def __str__(self) -> str:
        return f"{self.fault}\n{self.evidence}" if self.evidence else self.fault
