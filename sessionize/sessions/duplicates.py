"""Which events are copies of an earlier one (contract §2, *Duplicate*)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sessionize.sessions.candidates import Candidates, Mask


@dataclass(frozen=True)
class Duplicates:
    """Copies of earlier rows.

    Attributes
    ----------
    is_copy : bool array, one item a row
        Whether an earlier row has its identity.
    is_duplicate : bool array, one item an event
        Whether it counts as a duplicate: it has landed in this run, and is a copy. (A pending
        event's identity is known since it landed.)
    """

    is_copy: Mask
    is_duplicate: Mask


def find_duplicates(candidates: Candidates) -> Duplicates:
    """Find the rows that repeat the machine, time and event id of an earlier row.

    Only rows that tie with another in machine and time can: they are few, and stand together.
    """
    rows = candidates.order[candidates.ties]
    tied = pd.DataFrame(
        {
            "machine": candidates.machine[rows],
            "time": candidates.time[rows],
            "event_id": candidates.identities["event_id"].array.take(rows),
        }
    )
    is_copy = np.zeros(len(candidates.order), bool)
    is_copy[rows[tied.duplicated().to_numpy()]] = True
    return Duplicates(is_copy, is_copy[candidates.known_count :] & candidates.is_landed)
