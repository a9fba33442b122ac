"""``make env``: the file ``.env`` with the secrets that docker-compose.yaml asks for.

It needs nothing but Python: whoever runs containers need not have the package's environment.
"""

from __future__ import annotations

import base64
import os
import secrets
import sys
from pathlib import Path

_FILE = Path(__file__).resolve().parent.parent / ".env"

_TEXT = """\
# Secrets of docker-compose.yaml, made by `make env`: for this machine, and not for git.
# PostgreSQL keeps the password that it was first started with.
POSTGRES_PASSWORD={postgres}
REDIS_PASSWORD={redis}
ADMIN_PASSWORD={admin}
JWT_SECRET={jwt}
API_SECRET_KEY={api}
FERNET_KEY={fernet}
"""

_LOCAL = """
# The S3 and Firehose server of the profile `local`. For a real bucket remove these lines, and set
# the AWS variables that its credentials need.
COMPOSE_PROFILES=local
AWS_ENDPOINT_URL=http://s3:5000
AWS_ACCESS_KEY_ID=local
AWS_SECRET_ACCESS_KEY=local-only
AWS_DEFAULT_REGION=us-east-1
"""


def text_of(*, local: bool) -> str:
    """Return a ``.env`` with new secrets; ``local`` adds the S3 server on this machine."""
    # Hexadecimal: passwords stand in URLs.
    text = _TEXT.format(
        postgres=secrets.token_hex(24),
        redis=secrets.token_hex(24),
        admin=secrets.token_hex(12),
        jwt=secrets.token_hex(64),
        api=secrets.token_hex(32),
        fernet=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    )
    return text + (_LOCAL if local else "")


def write(file: Path, *, local: bool) -> bool:
    """Write the file for its owner alone; return False, and leave it, if there is one."""
    try:
        opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(opened, "w") as stream:
        stream.write(text_of(local=local))
    return True


def main() -> int:
    """Write ``.env``; return the exit code."""
    if write(_FILE, local=bool(os.environ.get("LOCAL"))):
        print(f"{_FILE.name} is written: docker compose up --build --wait")
        return 0
    print(
        f"{_FILE.name} is there, and stays: the database knows its password. To begin anew: "
        f"docker compose down --volumes, remove {_FILE.name}, make env",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
