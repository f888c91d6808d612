"""Files with secrets: read only if no other user of the machine can read or change them, as ssh does with its keys."""

import os
import stat
from pathlib import Path

_OTHERS_OR_CHANGED_BY_GROUP = stat.S_IRWXO | stat.S_IWGRP
"""The group may read: Kubernetes gives files of a Secret to the group of the pod (fsGroup)."""


def check_secret_file(path: Path) -> Path:
    """Return the path of a secret file that is private.

    A file that belongs to another user, such as one that a container runtime has mounted, may be readable, because this
    process cannot change its mode.

    Raises:
        ValueError: others can read or change the file; the message names the command that repairs it.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    forbidden = _OTHERS_OR_CHANGED_BY_GROUP if status.st_uid == os.geteuid() else stat.S_IWOTH
    if status.st_mode & forbidden:
        mode = stat.S_IMODE(status.st_mode)
        raise ValueError(f"{path} has mode {mode:04o}, so other users can use the secret in it: run chmod 600 {path}")
    return path
