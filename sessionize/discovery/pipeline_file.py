"""A proposal as a commented pipeline file, and the evidence in words.

The file goes into version control: of what records hold it shows the names of fields and actions,
never other values. Those are for the screen (`explained`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from sessionize.config import SessionRules
from sessionize.discovery.proposal import Proposal
from sessionize.discovery.roles import REQUIRED, ROLES, Candidate, Choice, Role
from sessionize.model.landing_prefix import DEFAULT_PREFIX

_WIDTH = 100
_SHOWN = 60
#: Candidates that are named besides the chosen one.
_OTHERS = 4

_ABOUT: dict[Role, str] = {
    "timestamp": "when it happened",
    "action": "what happened",
    "machine_id": "whose sessions these are",
    "user_id": "who; may be missing",
    "event_id": "unique; where it is missing, an id is derived from content and place",
}


def pipeline_file(proposal: Proposal, *, name: str, raw: str, lake: str) -> str:
    """Write the pipeline file; whatever the proposal leaves open is marked ``TODO``."""
    blocks = [
        _head(proposal),
        _top(proposal, name, raw, lake),
        _landing(proposal),
        _fields(proposal),
        _session(proposal),
        *_columns(proposal),
        _left_out(proposal),
    ]
    return "\n\n".join("\n".join(block) for block in map(list, blocks) if block) + "\n"


def explained(proposal: Proposal) -> str:
    """Say what has been found, with examples."""
    sample = proposal.sample
    lines = [
        f"{sample.objects} objects of {len(sample.hours)} hours, {len(sample.records):,} records",
        f"landing prefix  {proposal.prefix.prefix}",
        f"first hour      {proposal.start}",
        f"newest hour     {sample.hours[-1]}",
        f"compression     {_counted(sample.compressions)} (told by content, not set)",
        f"framing         {_counted(sample.framings)} (told by content, not set)",
        f"profile         {proposal.profile}",
    ]
    if sample.unreadable:
        lines.append(f"unreadable      {_counted(sample.unreadable)}: {_short(sample.example)}")
    for choice in (proposal.roles[role] for role in ROLES if role in proposal.roles):
        chosen = f"`{choice.chosen.path}`" if choice.chosen else f"none: {choice.doubt}"
        lines += ["", f"{choice.role}: {chosen}"]
        for one in choice.candidates[: _OTHERS + 1]:
            examples = ", ".join(map(_short, one.found.commonest(3)))
            lines.append(f"  {one.score:.2f}  {_evidence(one)}; such as {examples}")
    lines += ["", "fields:"]
    types = {column.field: column.type for column in proposal.columns}
    for found in proposal.paths:
        kinds = _counted(found.kinds)
        examples = ", ".join(map(_short, found.commonest(2))) if found.values else ""
        kept = types.get(found.path, "")
        line = f"  {found.path:40} {found.present:6.1%}  {found.distinct:,} distinct  {kinds}"
        lines.append(_one_line(f"{line}  {kept}  {examples}").rstrip())
    lines += [""] if proposal.doubts or proposal.remarks else []
    lines += [f"TODO {doubt}" for doubt in proposal.doubts]
    lines += [f"NOTE {remark}" for remark in proposal.remarks]
    return "\n".join(map(_one_line, lines)) + "\n"


def _head(proposal: Proposal) -> Iterator[str]:
    sample = proposal.sample
    yield from _comment(
        f"Proposed by `python -m sessionize init` from {len(sample.records):,} records in "
        f"{sample.objects} objects of {len(sample.hours)} hours, {sample.hours[0]} to "
        f"{sample.hours[-1]}. Shares are those of this sample. docs/configuration.md describes "
        "every setting."
    )
    yield from _comment(
        f"Compression: {_counted(sample.compressions)}. Framing: {_counted(sample.framings)}. "
        "Both are told by content; there is nothing to set."
    )
    for doubt in proposal.doubts:
        yield from _comment(f"TODO {doubt}.")
    for remark in proposal.remarks:
        yield from _comment(f"NOTE {remark}.")


def _top(proposal: Proposal, name: str, raw: str, lake: str) -> Iterator[str]:
    yield f"name = {_text(name)}"
    yield f"raw = {_text(raw)}"
    yield f"lake = {_text(lake)}"
    yield "# The first hour under which anything has landed. Every hour from here on is run."
    yield f"start = {proposal.start}:00:00Z"
    if proposal.profile == "none":
        yield 'profile = "none"'
    else:
        yield from _comment("The records are those of the desktop profile, which is the default.")


def _landing(proposal: Proposal) -> Iterator[str]:
    prefix = proposal.prefix.prefix
    if prefix == DEFAULT_PREFIX and not proposal.other_prefixes:
        return
    yield "[landing]"
    for other in (*proposal.prefix.also, *proposal.other_prefixes[:10]):
        yield from _comment(f"Also found: {_text(other)}")
    yield f"prefix = {_text(prefix)}"


def _fields(proposal: Proposal) -> Iterator[str]:
    if not proposal.roles:
        return
    yield "[fields]"
    for role in ROLES:
        choice = proposal.roles[role]
        yield from _comment(f"{role}: {_ABOUT[role]}.")
        chosen = choice.chosen
        if chosen is not None:
            yield from _comment(f"{_evidence(chosen)}.")
            yield from _also(choice)
            yield f"{role} = {_text(chosen.path)}"
        elif role in REQUIRED:
            yield from _comment(f"TODO {choice.doubt}: name the field.")
            yield from _also(choice)
            yield f"{role} = {_text(f'TODO_{role}')}"
        else:
            yield from _comment(f"{choice.doubt[:1].upper()}{choice.doubt[1:]}.")
            yield from _also(choice)
            best = choice.candidates[0].path if choice.candidates else role
            yield from _code_comment(f"{role} = {_text(best)}")


def _also(choice: Choice) -> Iterator[str]:
    for one in choice.others[:_OTHERS]:
        against = f" ({'; '.join(one.against)})" if one.against else ""
        yield from _comment(f"Candidate: {_evidence(one)}{against}.")


def _evidence(one: Candidate) -> str:
    found = one.found
    text = f"`{found.path}` is in {found.present:.1%} of the records"
    if one.times is None:
        return f"{text}, with {found.distinct:,} different values"
    units = _counted(one.times.units) or "no time stamps"
    text += f", {one.times.read:.1%} of its values are time stamps ({units})"
    return f"{text}, {one.times.near:.1%} of them within a day before they landed"


def _session(proposal: Proposal) -> Iterator[str]:
    default = SessionRules().opening
    opened = [action for action in proposal.actions if default.search(action)]
    if not proposal.actions:
        return
    yield "[session]"
    yield from _comment(f"The commonest actions: {_list(proposal.actions)}.")
    if opened:
        yield from _comment(
            f"By default an action with {default.pattern} in it begins a session; here "
            f"{_list(opened)}. Where that is wrong, name others, or none:"
        )
        yield from _code_comment('opening = "^$"')
    if proposal.opening:
        yield from _comment("These might begin a session:")
        yield from _code_comment(f"opening = {_text(_pattern(proposal.opening))}")
    if proposal.closing:
        yield from _comment("These might end one:")
        yield from _code_comment(f"closing = {_text(_pattern(proposal.closing))}")
    yield from _code_comment('timeout = "30m"')


def _columns(proposal: Proposal) -> Iterator[Iterable[str]]:
    for column in proposal.columns:
        share = [f"in {column.present:.1%} of the records"] if column.present < 1 else []
        note = ", ".join([*share, *filter(None, [column.note])])
        block = list(_comment(f"{note[0].upper()}{note[1:]}.")) if note else []
        block += ["[[column]]", f"name = {_text(column.name)}", f"field = {_text(column.field)}"]
        if column.type != "string":
            block.append(f"type = {_text(column.type)}")
        yield block


def _left_out(proposal: Proposal) -> Iterator[str]:
    if proposal.left_out:
        yield "# No columns, but kept in `extended`:"
        for line in proposal.left_out[:50]:
            yield from _comment(f"  {line}")
        if len(proposal.left_out) > 50:
            yield f"#   and {len(proposal.left_out) - 50} more"


def _pattern(actions: Iterable[str]) -> str:
    return "^(" + "|".join(re.escape(action) for action in list(actions)[:10]) + ")$"


def _list(texts: Iterable[str]) -> str:
    return ", ".join(map(_short, list(texts)[:12]))


def _counted(counts: Counter[str]) -> str:
    names = [name for name, _ in counts.most_common()]
    if len(names) == 1:
        return names[0]
    return ", ".join(f"{name} {count:,}" for name, count in counts.most_common())


def _short(text: str) -> str:
    text = _one_line(text)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _one_line(text: str) -> str:
    """Leave out what would end a line, or a comment, or steer a terminal."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)


def _comment(text: str) -> Iterator[str]:
    """Break a text into lines of comment; a word is never cut."""
    line = "#"
    for word in _one_line(text).split(" "):
        if len(line) + 1 + len(word) > _WIDTH and line != "#":
            yield line
            line = "#"
        line = f"{line} {word}"
    yield line


def _code_comment(text: str) -> Iterator[str]:
    """Write a setting that is there to be taken up, in one line."""
    yield f"# {text}"


def _text(text: str) -> str:
    """Write a basic string of TOML."""
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(letter: str) -> str:
    if letter in '"\\':
        return f"\\{letter}"
    if letter.isprintable():
        return letter
    return f"\\u{ord(letter):04x}" if ord(letter) < 1 << 16 else f"\\U{ord(letter):08x}"


def default_name(raw: str, hour_prefix: str) -> str:
    """Make a name for a pipeline of what stands before the hour in the prefix, or of the URL."""
    parts = [
        *re.split("[/=]", hour_prefix.partition("%")[0].rpartition("/")[0])[::-1],
        *raw.removeprefix("s3://").rstrip("/").split("/")[::-1],
    ]
    names = [re.sub(r"[^A-Za-z0-9_.-]+", "_", part).lstrip("_.-") for part in parts]
    return next((name for name in names if name and name.lower() not in _COMMON), "events")[:100]


_COMMON = ("raw", "data", "landing", "firehose", "events", "app", "year", "dt", "date")


def default_lake(raw: str, name: str) -> str:
    """Name a place beside ``raw``; at the root of a bucket, a folder in it."""
    raw = raw.rstrip("/")
    is_bucket = raw.startswith("s3://") and "/" not in raw.removeprefix("s3://")
    above = raw if is_bucket else raw.rpartition("/")[0]
    return f"{above}/lake-{name}"
