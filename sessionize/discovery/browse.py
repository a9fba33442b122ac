"""Where hours land below a URL, found with a bounded number of listing requests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sessionize.lake.storage import Children, Storage, StoredObject
from sessionize.model.errors import NothingFoundError
from sessionize.model.hours import Hour
from sessionize.model.landing_prefix import LandingPrefix

#: The listing requests of a search for prefixes, and of one for hours under a prefix.
REQUESTS = 50

#: Folders without a date in their name that are looked into, of each folder; and how deep.
_BRANCHES, _DEPTH = 12, 10
#: Folders with a date that are looked into, from an end, until one has an hour in it.
_TRIES = 3

#: Folders in which Firehose puts what it could not deliver or convert.
_FAILURES = re.compile(r"error|fail", re.IGNORECASE)
#: Files of a lake, this project's or another's: no JSON has landed there.
_TABLES = re.compile(r"\.(parquet|orc|avro)$", re.IGNORECASE)

_YEAR, _MONTH, _DAY, _HOUR = (
    r"(?:19|20)\d\d",
    r"(?:0[1-9]|1[0-2])",
    r"(?:0[1-9]|[12]\d|3[01])",
    r"(?:[01]\d|2[0-3])",
)
_DIGITS = {"Y": _YEAR, "m": _MONTH, "d": _DAY, "H": _HOUR}
#: The orders in which people write a date; of those that fit equally well the first counts.
_ORDERS = ("YmdH", "dmYH", "mdYH", "YdmH")
_FINDERS = {
    order: re.compile(
        r"(?<!\d)" + r"([^\d%]*)".join(f"({_DIGITS[part]})" for part in order) + r"(?!\d)",
        re.ASCII,
    )
    for order in _ORDERS
}


class Browser:
    """Lists what stands right below folders, until its requests are used up."""

    def __init__(self, storage: Storage, requests: int = REQUESTS) -> None:
        self.storage = storage
        self.left = requests

    def pages(self, folder: str) -> Iterator[Children]:
        """Yield what stands right below a folder, page by page."""
        after = ""
        while self.left > 0:
            self.left -= 1
            page = self.storage.children(folder, after)
            yield page
            after = page.after
            if not after:
                return


@dataclass(frozen=True)
class FoundPrefix:
    """A landing prefix, and the hours under it that the search has come across."""

    prefix: LandingPrefix
    hours: tuple[Hour, ...]
    also: tuple[LandingPrefix, ...] = ()
    """Prefixes that read the same folders as other hours: day and month the other way round."""


@dataclass(frozen=True)
class LandedHour:
    """An hour under which something has landed: the first page of its objects."""

    hour: Hour
    objects: tuple[StoredObject, ...]


def prefixes_of_folder(folder: str) -> list[LandingPrefix]:
    """Return the landing prefixes by which a folder is an hour's, the likeliest first."""
    found = []
    for order, finder in _FINDERS.items():
        matches = list(finder.finditer(folder))
        if not matches:
            continue
        match = matches[-1]  # what stands before the last date is a name
        rest = folder[match.end() :]
        if not rest.endswith("/") or re.search(r"\d", rest):  # digits: it names no whole hour
            continue
        pattern = folder[: match.start()]
        for number, part in enumerate(order):
            pattern += f"%{part}" + (match[2 * number + 2] if number < 3 else "")
        pattern += rest
        try:
            prefix = LandingPrefix(pattern)
        except ValueError:
            continue
        if prefix.hour_of(f"{folder}x") is not None:
            found.append(prefix)
    return found


def find_prefixes(storage: Storage) -> list[FoundPrefix]:
    """Look for folders of hours, and return the prefixes that they follow, the likeliest first.

    Of folders whose names hold digits the last and the first are looked into, on the way to the
    newest and to the oldest hour, and up to a dozen of the others.

    Raises
    ------
    NothingFoundError
        If there is none; it says what there is.
    StorageError
        If the store cannot be listed.
    """
    browser = Browser(storage)
    folders: list[str] = []
    seen: list[str] = []
    _walk(browser, "", 0, folders, seen)
    if not folders:
        raise _no_hours(storage.url, seen)
    found = _by_prefix(folders)
    return sorted(
        found,
        key=lambda one: (
            _FAILURES.search(one.prefix) is not None,
            -max(one.hours).start.timestamp(),
            one.prefix,
        ),
    )


def _walk(
    browser: Browser,
    folder: str,
    depth: int,
    found: list[str],
    seen: list[str],
    *,
    newest: bool | None = None,
) -> None:
    """Go down to folders of hours; with ``newest`` set, along the last folders, or the first."""
    children: list[str] = []
    objects: list[str] = []
    for page in browser.pages(folder):
        children += page.folders
        objects += [entry.key for entry in page.objects if is_of_records(entry)]
        if objects and prefixes_of_folder(folder):
            found.append(folder)
            return
    seen += objects[:3]
    if depth == _DEPTH:
        return
    names = [child for child in children if not child.removeprefix(folder).startswith(("_", "."))]
    dated = [child for child in names if re.search(r"\d\d", child.removeprefix(folder))]
    others = [child for child in names if child not in dated][:_BRANCHES]
    # What is not delivered is looked for last: the requests may be used up by then.
    others.sort(key=lambda child: _FAILURES.search(child) is not None)
    if len(dated) == 1:
        _walk(browser, dated[0], depth + 1, found, seen, newest=newest)
    else:
        for is_newest in (True, False) if newest is None else (newest,):
            before = len(found)
            for child in (dated[::-1] if is_newest else dated)[:_TRIES]:
                _walk(browser, child, depth + 1, found, seen, newest=is_newest)
                if len(found) > before:
                    break
    for child in others:
        _walk(browser, child, depth + 1, found, seen)


def is_of_records(entry: StoredObject) -> bool:
    """Tell whether an object can hold records: it has a name and bytes, and is no table's file."""
    name = entry.key.rpartition("/")[2]
    return bool(entry.size and name) and not name.startswith((".", "_")) and not _is_table(name)


def _is_table(name: str) -> bool:
    return _TABLES.search(name) is not None


def _by_prefix(folders: list[str]) -> list[FoundPrefix]:
    """Put the folders together that one prefix reads; a folder counts once."""
    left, found = list(folders), []
    readings = {folder: prefixes_of_folder(folder) for folder in folders}
    candidates = {prefix: None for reading in readings.values() for prefix in reading}
    reach = {
        prefix: [folder for folder in folders if prefix in readings[folder]]
        for prefix in candidates
    }
    # The prefix that reads most folders; the usual orders first where several read the same.
    for prefix in sorted(candidates, key=lambda one: -len(reach[one])):
        mine = [folder for folder in reach[prefix] if folder in left]
        if not mine:
            continue
        left = [folder for folder in left if folder not in mine]
        hours = [hour for folder in mine if (hour := prefix.hour_of(f"{folder}x")) is not None]
        also = [
            other
            for other in candidates
            if other != prefix and set(reach[other]) >= set(mine) and not prefix.is_in_order
        ]
        found.append(FoundPrefix(prefix, tuple(hours), tuple(also)))
    return found


def landed_hours(
    storage: Storage, prefix: LandingPrefix, *, newest_first: bool, requests: int = REQUESTS
) -> Iterator[LandedHour]:
    """Yield the hours under which objects with records have landed, as far as requests reach.

    Of a prefix whose folders are not in the order of the hours, all that the requests reach is
    looked at first.
    """
    browser = Browser(storage, requests)
    hours = _descend(browser, prefix, "", prefix.split("/")[:-1], newest_first=newest_first)
    if prefix.is_in_order:
        yield from hours
    else:
        yield from sorted(hours, key=lambda landed: landed.hour, reverse=newest_first)


def _descend(
    browser: Browser, prefix: LandingPrefix, folder: str, levels: list[str], *, newest_first: bool
) -> Iterator[LandedHour]:
    if not levels:
        page = next(browser.pages(folder), Children((), ()))
        objects = tuple(filter(is_of_records, page.objects))
        hour = prefix.hour_of(f"{folder}x")
        if objects and hour is not None:
            yield LandedHour(hour, objects)
        return
    level, below = levels[0], levels[1:]
    if "%" not in level:
        yield from _descend(browser, prefix, f"{folder}{level}/", below, newest_first=newest_first)
        return
    pattern = "".join(
        _DIGITS[part[1]] if part.startswith("%") else re.escape(part)
        for part in re.split("(%.)", level)
    )
    pages = browser.pages(folder)
    found = [child for page in pages for child in page.folders] if newest_first else pages
    children: Iterator[str] = (
        reversed(found)
        if isinstance(found, list)
        else (child for page in found for child in page.folders)
    )
    for child in children:
        if re.fullmatch(pattern, child[len(folder) : -1], re.ASCII):
            yield from _descend(browser, prefix, child, below, newest_first=newest_first)


def _no_hours(url: str, seen: list[str]) -> NothingFoundError:
    if not seen:
        return NothingFoundError(
            f"{url}: nothing has landed there",
            "Give the bucket or folder, and the prefix, that Firehose delivers to: what stands "
            "before the year, such as s3://bucket/raw.",
        )
    if re.search(r"(^|[/=])(19|20)\d\d([/-]|$)", url):
        mend = "Begin above the year: `raw` is what stands before the date in the keys."
    else:
        mend = (
            "A pipeline reads folders that name year, month, day and hour, such as 2017/02/04/23/ "
            "or year=2017/month=02/day=04/hour=23/: have Firehose deliver so, or give another URL."
        )
    return NothingFoundError(
        f"{url}: there are objects, such as {seen[0]}, but none in a folder of an hour", mend
    )
