"""The rows of a file that belong to one machine, or have one event id, and no more than needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionize.observe.partial import LakeFile, Reader

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


def rows_of_machine(reader: Reader, file: LakeFile, machine_id: str) -> pa.Table | None:
    """Return a machine's rows of a file whose rows stand in the order of machines; None: none.

    Texts have no statistics in a file of the lake (their order is that of no column), but rows
    stand in the order of their machines' hash (`sessions.machines`): so a few row groups are asked
    for their first and last machine, and what is read whole are those that hold the one.

    Raises
    ------
    ObjectGoneError, StorageError
    """
    with reader.opened(file) as parquet:
        return _taken(parquet, "machine_id", machine_id, _Groups(parquet).of(machine_id))


def rows_with_event_id(reader: Reader, file: LakeFile, event_id: str) -> pa.Table | None:
    """Return the rows with an event id; reads all ids, and the row groups that hold it.

    Raises
    ------
    ObjectGoneError, StorageError
    """
    with reader.opened(file) as parquet:
        return _taken(parquet, "event_id", event_id, range(parquet.num_row_groups))


def _taken(
    parquet: pq.ParquetFile, column: str, value: str, groups: range | list[int]
) -> pa.Table | None:
    import pyarrow as pa
    import pyarrow.compute as pc

    found = []
    for group in groups:
        values = parquet.read_row_group(group, columns=[column]).column(column)
        rows = pc.indices_nonzero(pc.equal(values, value))
        if len(rows):
            found.append(parquet.read_row_group(group).take(rows))
    return pa.concat_tables(found) if found else None


class _Groups:
    """The row groups of a file in the order of machines."""

    def __init__(self, parquet: pq.ParquetFile) -> None:
        self._parquet = parquet

    def of(self, machine_id: str) -> list[int]:
        """Return the groups that can hold a machine: those whose hashes enclose its own."""
        count = self._parquet.num_row_groups
        if count <= 1:
            return list(range(count))
        wanted = self._hashes([machine_id])[0]
        low, high = 0, count
        while low < high:
            middle = (low + high) // 2
            if self._ends(middle)[1] < wanted:
                low = middle + 1
            else:
                high = middle
        groups = []
        for group in range(low, count):
            if self._ends(group)[0] > wanted:
                break
            groups.append(group)
        return groups

    def _ends(self, group: int) -> list[int]:
        column = self._parquet.read_row_group(group, columns=["machine_id"]).column(0)
        return self._hashes([column[0].as_py(), column[-1].as_py()])

    def _hashes(self, machine_ids: list[str]) -> list[int]:
        import pyarrow as pa

        from sessionize.sessions.machines import machine_hash  # it imports pandas

        return [int(it) for it in machine_hash(pa.array(machine_ids, pa.string()))]
