"""What the README says of the set-up; `tests/documentation/` tests the rest of it, with all other pages."""

from __future__ import annotations

import re

from tests.cli.commands import ROOT, cnnbuild
from tests.documentation.options import verbs

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_set_up_commands_run_the_main_job_and_the_tests() -> None:
    run, tests = (
        re.search(rf"<!-- {name} -->\n```sh\n(.*?)```", TEXT, re.DOTALL) for name in ("run", "tests")
    )
    assert run is not None
    assert tests is not None
    assert run[1].endswith("cnnbuild run studies/residual.yaml --dataset digits\n")
    assert tests[1].endswith("-m pytest -n auto\n")
    outcome = cnnbuild("run", "studies/residual.yaml", "--dataset", "digits", "--dry-run")
    assert (outcome.code, outcome.err) == (0, "")
    assert "9 runs; every network fits its data. Nothing was trained." in outcome.out


def test_the_table_of_commands_has_every_verb() -> None:
    named = re.findall(r"^\| `cnnbuild (\w+)[^`]*` \|", TEXT, re.MULTILINE)
    assert tuple(named) == verbs()
