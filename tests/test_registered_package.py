"""A package that registers its implementations by the entry point `assay.adapters`, installed as users install it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent / "small_kernels"


@pytest.fixture(scope="module")
def user(shared_terminal, tmp_path_factory):
    """Give the user the package."""
    folder = tmp_path_factory.mktemp("package")
    copy, site = folder / "source", folder / "site"
    shutil.copytree(SOURCE, copy)
    # What builds it is there already, as a part of torch's installation: nothing is loaded from anywhere.
    how = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--target", str(site)]
    subprocess.run([sys.executable, "-m", "pip", "install", *how, str(copy)], check=True)
    shared_terminal.environment["PYTHONPATH"] = str(site)
    return shared_terminal


def test_it_is_listed_judged_and_found_out_by_its_name(user):
    listed = user.assay("list")
    good = user.assay("run", "small-softmax", "--clause", "ALL-1", "--json", "report.json")
    implementation = user.report()["implementation"]
    bad = user.assay("run", "small-kernels", "--component", "output_logits", "--dtype", "float32", "--clause", "ALL-1")

    assert "small-softmax" in listed.stdout
    assert "small_kernels:OnlySoftmax" in listed.stdout
    assert (good.returncode, implementation["package"], implementation["version"]) == (0, "small-kernels", "1.2")
    assert bad.returncode == 1
    assert "assay replay" in bad.stdout
    assert "--adapter small-kernels" in bad.stdout


def test_a_name_that_is_nearly_right_gets_a_hint(user):
    done = user.assay("run", "small-softmacs")

    assert done.returncode == 2
    assert "did you mean 'small-softmax'?" in done.stderr + done.stdout
