"""What a policy of IAM allows, as far as the shipped ones go; and what a client asks of S3."""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

POLICIES = Path(__file__).parents[2] / "deploy" / "aws" / "policies"

#: What each operation needs. The conditions of a write are held against the object: it is read.
_ACTIONS = {
    "ListObjectsV2": "s3:ListBucket",
    "GetObject": "s3:GetObject",
    "HeadObject": "s3:GetObject",
    "PutObject": "s3:PutObject",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
    "DeleteObject": "s3:DeleteObject",
}


@dataclass(frozen=True)
class Call:
    """A right that is asked for: an action on a resource, and the keys of its context."""

    action: str
    resource: str
    context: tuple[tuple[str, str], ...] = ()


class Calls:
    """What clients ask of S3; a hook of botocore's notes it."""

    def __init__(self) -> None:
        self.made: set[Call] = set()
        self._hooks = {"before-parameter-build.s3": self._before, "after-call.s3": self._after}
        self._heard: list[Any] = []

    def listen(self, client: Any) -> None:
        """Note from here on what a client asks."""
        self._heard.append(client.meta.events)
        for event, hook in self._hooks.items():
            client.meta.events.register(event, hook)

    def stop(self) -> None:
        """Note no more: tests share clients."""
        for events in self._heard:
            for event, hook in self._hooks.items():
                events.unregister(event, hook)

    def _before(self, params: Mapping[str, Any], model: Any, context: Any, **_: object) -> None:
        bucket = f"arn:aws:s3:::{params['Bucket']}"
        context["asked_of"] = bucket
        if model.name == "ListObjectsV2":
            asked = (("s3:prefix", params["Prefix"]),) if params.get("Prefix") else ()
            self.made.add(Call(_ACTIONS[model.name], bucket, asked))
            return
        self.made.add(Call(_ACTIONS[model.name], f"{bucket}/{params['Key']}"))
        if "IfMatch" in params:
            self.made.add(Call("s3:GetObject", f"{bucket}/{params['Key']}"))

    def _after(self, http_response: Any, context: Any, **_: object) -> None:
        # "There is no such object" is told to those only who may list the bucket; the request names
        # no prefix. Others are told that they may not, and nothing can be done about that.
        if http_response.status_code == 404:
            self.made.add(Call("s3:ListBucket", context["asked_of"]))


def rendered(name: str, **values: object) -> dict[str, Any]:
    """The policy of a template that has plain values only."""
    template = (POLICIES / f"{name}.json.tftpl").read_text()
    return json.loads(re.sub(r"\$\{(\w+)\}", lambda match: str(values[match[1]]), template))


def allowing(policy: Mapping[str, Any], call: Call) -> set[tuple[str, str]]:
    """The statements, and the action of each, that allow a call; none: it is refused."""
    found = set()
    for statement in policy["Statement"]:
        assert statement["Effect"] == "Allow", "no statement of this policy denies"
        for action in _listed(statement["Action"]):
            if (
                _like(call.action.lower(), action.lower())
                and any(_like(call.resource, pattern) for pattern in _listed(statement["Resource"]))
                and _holds(statement.get("Condition", {}), dict(call.context))
            ):
                found.add((statement["Sid"], action))
    return found


def rights(policy: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Every statement with each of its actions."""
    return {
        (statement["Sid"], action)
        for statement in policy["Statement"]
        for action in _listed(statement["Action"])
    }


def _holds(conditions: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    for operator, wanted in conditions.items():
        assert operator in ("StringLike", "StringLikeIfExists"), operator
        for key, patterns in wanted.items():
            if key not in context:
                if not operator.endswith("IfExists"):
                    return False
            elif not any(_like(context[key], pattern) for pattern in _listed(patterns)):
                return False
    return True


def _like(text: str, pattern: str) -> bool:
    """IAM's wildcards are `*` and `?`; a bracket is a bracket."""
    return fnmatch.fnmatchcase(text, pattern.replace("[", "[[]"))


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
