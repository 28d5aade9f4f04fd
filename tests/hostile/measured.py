"""Runs a command in a small process of its own and tells, as JSON, how it ended and what it took.

A program of its own, because a child's peak of memory as the system counts it is never below that of the process
that started it. Arguments: seconds of processor time after which the command is killed, bytes of address space
that it may take, then the command.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time


def main() -> None:
    seconds, address_bytes, *command = sys.argv[1:]

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds)))
        resource.setrlimit(resource.RLIMIT_AS, (int(address_bytes), int(address_bytes)))

    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.monotonic()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, preexec_fn=limit
        )
        deadline = began + 3 * int(seconds)  # one that waits takes no processor time
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > deadline:
                process.kill()
                _, status, usage = os.wait4(process.pid, 0)
                break
            time.sleep(0.002)
        wall = time.monotonic() - began
        out.seek(0)
        err.seek(0)
        told = {
            "code": os.waitstatus_to_exitcode(status),
            "wall_seconds": wall,
            "processor_seconds": usage.ru_utime + usage.ru_stime,
            "peak_bytes": usage.ru_maxrss * 1024,
            "out": out.read().decode("utf-8", "replace"),
            "err": err.read().decode("utf-8", "replace"),
        }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
