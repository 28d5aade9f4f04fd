"""`sbatch`, `srun`, `sacct` and `scancel` of a Slurm that is this machine: small scripts around a folder of files.

A job is a process group; `<job>.state` is what `sacct` says of it. Tests write the state of a job that fails.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

_SBATCH = """
import os, re, subprocess, sys, time
script = open(sys.argv[1]).read()
number = time.time_ns()  # submitit keeps what it has heard of a number as long as the process lives
open(f"{HERE}/{number}.sbatch", "w").write(script)
if os.path.exists(f"{HERE}/refuse"):
    print("sbatch: error: invalid partition specified: nowhere", file=sys.stderr)
    sys.exit(1)
array = re.search(r"--array=0-(\\d+)", script)
for task in range(int(array[1]) + 1) if array else [None]:
    name = str(number) if task is None else f"{number}_{task}"
    env = dict(os.environ, SLURM_JOB_ID=name.replace("_", "0"), SLURM_NTASKS="1", STAND_IN_NAME=name)
    if task is not None:
        env.update(SLURM_ARRAY_JOB_ID=str(number), SLURM_ARRAY_TASK_ID=str(task))
    open(f"{HERE}/{name}.state", "w").write("PENDING" if os.path.exists(f"{HERE}/full") else "RUNNING")
    if not os.path.exists(f"{HERE}/full"):
        shell = f"bash {sys.argv[1]}; code=$?; grep -q RUNNING {HERE}/{name}.state || exit; "
        shell += f"[ $code = 0 ] && echo COMPLETED > {HERE}/{name}.state || echo FAILED > {HERE}/{name}.state"
        none = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        job = subprocess.Popen(["bash", "-c", shell], env=env, start_new_session=True, **none)
        open(f"{HERE}/{name}.pid", "w").write(str(job.pid))
print(f"Submitted batch job {number}")
"""

_SRUN = """
import os, sys
arguments = sys.argv[1:]
while arguments and arguments[0].startswith("--"):
    option = arguments.pop(0)
    if option in ("--output", "--error"):
        path = arguments.pop(0).replace("%A_%a", os.environ["STAND_IN_NAME"])
        path = path.replace("%j", os.environ["STAND_IN_NAME"]).replace("%t", "0")
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 1 if option == "--output" else 2)
os.execvp(arguments[0], arguments)
"""

_SACCT = """
import os
print("JobID|State|NodeList")
for file in sorted(os.listdir(HERE)):
    if file.endswith(".state"):
        print(f"{file[:-6]}|{open(f'{HERE}/{file}').read().strip()}|here")
"""

_SCANCEL = """
import os, signal, sys
open(f"{HERE}/scancel.log", "a").write(" ".join(sys.argv[1:]) + "\\n")
for name in [one for one in sys.argv[1:] if not one.startswith("--")]:
    state = open(f"{HERE}/{name}.state").read().strip()
    if state == "PENDING" or (state == "RUNNING" and "--state=PENDING" not in sys.argv):
        open(f"{HERE}/{name}.state", "w").write("CANCELLED by 0")
        if state == "RUNNING":
            os.killpg(int(open(f"{HERE}/{name}.pid").read()), signal.SIGKILL)
"""


def slurm_here(folder: Path) -> dict[str, str]:
    """Make the commands in `folder`; gives the environment in which they are found."""
    folder.mkdir()
    commands = {"sbatch": _SBATCH, "srun": _SRUN, "sacct": _SACCT, "scancel": _SCANCEL}
    for name, text in commands.items():
        command = folder / name
        command.write_text(f"#!{sys.executable} -IS\nHERE = {str(folder)!r}\n{text}")
        command.chmod(command.stat().st_mode | stat.S_IXUSR)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
