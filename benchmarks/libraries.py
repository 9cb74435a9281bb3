"""Judge the libraries that have built-in adapters, each family in a virtual environment of its own.

    python benchmarks/libraries.py FOLDER [FAMILY ...] [--profile standard]

makes the environments under FOLDER, which must lie outside the repository, runs every adapter of the families, and
stores the reports in docs/results/, without the lines of what is not offered. Kernels that are interpreted are judged
with the quick profile: a call takes them a second, and the standard profile has ten times as many.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import venv
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
RESULTS: Final = ROOT / "docs" / "results"


@dataclass(frozen=True)
class Family:
    """Libraries that go into one environment."""

    requirements: tuple[str, ...]
    adapters: tuple[str, ...]
    interpreted: tuple[str, ...] = ()
    """Adapters of kernels under an interpreter."""
    then: tuple[tuple[str, ...], ...] = ()
    """Further calls of pip, for what would install a GPU's libraries otherwise."""
    environment: dict[str, str] = field(default_factory=dict)


FAMILIES: Final = {
    "torch": Family(("torch", "tokenizers"), ("torch", "torch-sdpa-flash", "torch-sdpa-math", "torch-mha")),
    "onnx": Family(("onnx", "onnxruntime"), ("onnxruntime", "onnxruntime-mha", "onnx-reference")),
    "mlx": Family(("mlx[cpu]==0.32.4",), ("mlx", "mlx-adam-corrected")),
    "jax": Family(
        ("jax==0.10.2", "flax==0.12.8", "optax==0.2.8", "keras==3.15.1"),
        ("jax", "flax", "optax", "keras-numpy", "keras-jax"),
        ("pallas-gpu-mha", "pallas-gpu-decode", "pallas-gpu-softmax", "pallas-gpu-layer-norm", "pallas-tpu-flash"),
    ),
    "triton": Family(
        ("torch", "triton==3.9.0", "einops", "psutil", "ninja", "packaging", "setuptools", "wheel"),
        (),
        ("liger", "flash-attn-triton", "sageattention"),
        (
            ("--no-deps", "liger-kernel==0.8.5", "sageattention==1.0.6"),
            ("--no-deps", "--no-build-isolation", "--no-binary", "flash-attn", "flash-attn==2.8.3.post2"),
        ),
        {"FLASH_ATTENTION_FORCE_BUILD": "TRUE", "FLASH_ATTENTION_SKIP_CUDA_BUILD": "TRUE"},
    ),
}


def prepared(folder: Path, name: str) -> Path:
    """The folder of programs of a family's environment, made if it is not there."""
    family, place = FAMILIES[name], folder / name
    programs = place / ("Scripts" if os.name == "nt" else "bin")
    if not (programs / "assay").exists():
        venv.create(place, with_pip=True)
        constraints = ["-c", str(ROOT / "constraints.txt")]
        calls = [("-e", str(ROOT), *family.requirements), *family.then]
        for call in calls:
            subprocess.run(
                [programs / "python", "-m", "pip", "install", "-q", *constraints, *call],
                check=True,
                env=os.environ | family.environment,
            )
    return programs


def judged(programs: Path, adapter: str, profile: str, more: list[str]) -> str:
    """Run an adapter and store its report; what came of it in a line."""
    started, file = time.monotonic(), RESULTS / f"{adapter}.json"
    file.parent.mkdir(exist_ok=True)
    done = subprocess.run(
        [programs / "assay", "run", adapter, "--profile", profile, "--json", file, "--timeout", "300", *more],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1) or not file.exists():
        return f"{adapter}: no report: {done.stderr.strip() or done.stdout.strip()}"
    report = json.loads(file.read_text(encoding="utf-8"))
    report["results"] = [each for each in report["results"] if each["status"] != "not-offered"]
    lines = ",\n".join(json.dumps(each) for each in report.pop("results"))
    head = json.dumps(report)[:-1]
    file.write_text(f'{head}, "results": [\n{lines}\n]}}\n', encoding="utf-8")
    return f"{done.stdout.strip().splitlines()[-1]} {time.monotonic() - started:.0f} s."


def main() -> None:
    """Judge what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the environments are, outside the repository")
    parser.add_argument("families", nargs="*", metavar="FAMILY", help=f"of {', '.join(FAMILIES)}; all by default")
    parser.add_argument("--adapter", action="append", default=[], help="only this one; may be given several times")
    parser.add_argument("--profile", default="standard", help="for what is not interpreted")
    parser.add_argument("-n", default="0", help="workers of each run")
    given = parser.parse_args()
    if given.folder.resolve().is_relative_to(ROOT.resolve()):
        sys.exit(f"the folder {given.folder} lies in the repository; name one outside it")
    for name in given.families or FAMILIES:
        if name not in FAMILIES:
            sys.exit(f"there is no family {name!r}; the families are {', '.join(FAMILIES)}")
    for name in given.families or FAMILIES:
        family = FAMILIES[name]
        chosen = [each for each in family.adapters + family.interpreted if each in given.adapter or not given.adapter]
        programs = prepared(given.folder, name) if chosen else given.folder
        for adapter in chosen:
            profile = "quick" if adapter in family.interpreted else given.profile
            print(judged(programs, adapter, profile, ["-n", given.n] if given.n != "0" else []), flush=True)


if __name__ == "__main__":
    main()
