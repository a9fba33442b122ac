"""A published hour's lineage, with its counts, by the public API of the OpenLineage provider.

Off unless the provider is installed and has somewhere to send to.
"""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openlineage.client.event_v2 import InputDataset, OutputDataset
    from openlineage.client.facet_v2 import RunFacet

    from sessionize.config import PipelineConfig
    from sessionize.lake.ledger import Ledger

log = logging.getLogger(__name__)


def emit_lineage(config: PipelineConfig, ledger: Ledger) -> None:
    """Send what a run has read and written; whatever goes wrong with it, the hour does not."""
    try:
        # The API takes seconds to import, its settings do not.
        from airflow.providers.openlineage.conf import is_disabled
    except ImportError:
        return
    try:
        if is_disabled():
            return
        from airflow.providers.openlineage.api import emit_dataset_lineage

        emit_dataset_lineage(
            inputs=[raw_of(config, ledger)],
            outputs=[*datasets_of(config, ledger)],
            additional_run_facets={"sessionize_ledger": facet_of(ledger)},
        )
    except Exception:
        log.warning("The hour's lineage could not be sent", exc_info=True)


def raw_of(config: PipelineConfig, ledger: Ledger) -> InputDataset:
    """Return the raw objects, all that land, with the records that this run has read of them."""
    from openlineage.client.event_v2 import InputDataset
    from openlineage.client.facet_v2 import input_statistics_input_dataset as statistics

    read = statistics.InputStatisticsInputDatasetFacet(
        rowCount=ledger.counts.records_read,
        size=sum(entry.size for entry in ledger.claimed),
        fileCount=len(ledger.claimed),
    )
    return InputDataset(*_place(config.raw), inputFacets={"inputStatistics": read})


def datasets_of(config: PipelineConfig, ledger: Ledger) -> list[OutputDataset]:
    """Return the datasets of the lake, with their columns and the rows that this run has written.

    A dataset is all of its hours: a partition by itself is not what a reader reads.
    """
    from openlineage.client.event_v2 import OutputDataset
    from openlineage.client.facet_v2 import output_statistics_output_dataset as statistics
    from openlineage.client.facet_v2 import schema_dataset

    datasets = []
    for name, file in ledger.published.items():
        columns = [
            schema_dataset.SchemaDatasetFacetFields(name=column.name, type=str(column.type))
            for column in config.schemas.datasets[name]
        ]
        written = statistics.OutputStatisticsOutputDatasetFacet(
            rowCount=file.rows, size=file.bytes, fileCount=1
        )
        datasets.append(
            OutputDataset(
                *_place(f"{config.lake.rstrip('/')}/{name}"),
                facets={"schema": schema_dataset.SchemaDatasetFacet(fields=columns)},
                outputFacets={"outputStatistics": written},
            )
        )
    return datasets


def facet_of(ledger: Ledger) -> RunFacet:
    """Return the ledger's counts as a facet of the run."""
    import attrs
    from openlineage.client.facet_v2 import RunFacet

    counts: dict[str, Any] = {
        "hour": str(ledger.hour),
        "settings": ledger.settings,
        **asdict(ledger.counts),
        "quarantined_by_reason": ledger.quarantined_by_reason,
        "closed_by_reason": ledger.closed_by_reason,
    }
    fields = {name: attrs.field(default=None) for name in counts}
    # The counts are named where they are declared, in the ledger, and nowhere else.
    facet = attrs.make_class("SessionizeLedgerRunFacet", fields, bases=(RunFacet,), slots=True)
    return facet(**counts)  # type: ignore[no-any-return]


def _place(url: str) -> tuple[str, str]:
    """Name a place as OpenLineage does: the bucket, and the prefix in it; or a folder."""
    if url.startswith("s3://"):
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        return f"s3://{bucket}", prefix.strip("/") or "/"
    return "file", url
