"""Judge the libraries that have built-in adapters, each family in a virtual environment of its own.

    python benchmarks/libraries.py FOLDER [FAMILY ...] [--adapter NAME]

makes the environments under FOLDER, which must lie outside the repository, runs every adapter of the families, and
stores the reports in docs/results/, without the lines of what is not offered. `assay compare docs/results/*.json`
shows them side by side. Runs have the standard profile where a call takes milliseconds, and the quick one where
shapes are compiled, kernels interpreted or modules built for each call. A run that takes longer than an hour is
interrupted, and its report says so.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
import venv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
RESULTS: Final = ROOT / "docs" / "results"


_HOUR: Final = 3600
_QUICK: Final = ("--profile", "quick")
_STANDARD: Final = ("--profile", "standard")


@dataclass(frozen=True)
class Family:
    """Libraries that go into one environment."""

    requirements: tuple[str, ...]
    adapters: Mapping[str, tuple[str, ...]]
    """Their names, and the options of their runs."""
    then: tuple[tuple[str, ...], ...] = ()
    """Further calls of pip, for what would install a GPU's libraries otherwise."""
    environment: Mapping[str, str] = field(default_factory=dict)


_PALLAS: Final = (
    *("gpu-softmax", "gpu-layer-norm", "gpu-layer-norm-xla", "gpu-decode", "gpu-mha", "gpu-mha-xla"),
    "tpu-flash",
)

FAMILIES: Final = {
    "torch": Family(
        ("torch", "tokenizers", "keras==3.15.1"),
        {
            **dict.fromkeys(("torch", "torch-mha", "torch-sdpa-flash", "torch-sdpa-math", "tokenizers"), _STANDARD),
            "keras-torch": _QUICK,
        },
    ),
    "onnx": Family(
        ("onnx", "onnxruntime"), dict.fromkeys(("onnxruntime", "onnxruntime-mha", "onnx-reference"), _STANDARD)
    ),
    "mlx": Family(("mlx[cpu]==0.32.4",), dict.fromkeys(("mlx", "mlx-adam-corrected"), _STANDARD)),
    "jax": Family(
        ("jax==0.10.2", "flax==0.12.8", "optax==0.2.8", "keras==3.15.1"),
        {
            "keras-numpy": _STANDARD,
            "jax": (*_QUICK, "--dtype", "float64,float32,bfloat16"),
            "optax": (*_QUICK, "--dtype", "float32,bfloat16"),
            "flax": (*_QUICK, "--dtype", "float32,bfloat16"),
            "keras-jax": (*_QUICK, "--dtype", "float32"),
            **{f"pallas-{kernel}": (*_QUICK, "--dtype", "float32,float16") for kernel in _PALLAS},
        },
    ),
    "triton": Family(
        ("torch", "triton==3.9.0", "einops", "psutil", "ninja", "packaging", "setuptools", "wheel"),
        dict.fromkeys(("liger", "flash-attn-triton", "sageattention"), _QUICK),
        (
            ("--no-deps", "liger-kernel==0.8.5", "sageattention==1.0.6"),
            ("--no-deps", "--no-build-isolation", "--no-binary", "flash-attn", "flash-attn==2.8.3.post2"),
        ),
        {"FLASH_ATTENTION_FORCE_BUILD": "TRUE", "FLASH_ATTENTION_SKIP_CUDA_BUILD": "TRUE"},
    ),
}


def prepared(folder: Path, name: str) -> Path:
    """Return the folder of programs of a family's environment, which is made if it is not there."""
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


def judged(programs: Path, adapter: str, options: tuple[str, ...]) -> str:
    """Run an adapter and store its report; what came of it in a line."""
    started, file = time.monotonic(), RESULTS / f"{adapter}.json"
    file.parent.mkdir(exist_ok=True)
    run = subprocess.Popen(
        [programs / "assay", "run", adapter, *options, "-n", "auto", "--json", file, "--timeout", "300"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # an interruption is for us to pass on
    )
    try:
        said, _ = run.communicate(timeout=_HOUR)
    except subprocess.TimeoutExpired:
        run.send_signal(signal.SIGINT)
        said, _ = run.communicate()
    if not file.exists():
        return f"{adapter}: no report: {said.strip()}"
    report = json.loads(file.read_text(encoding="utf-8"))
    lines = ",\n".join(json.dumps(each) for each in report.pop("results") if each["status"] != "not-offered")
    file.write_text(f'{json.dumps(report)[:-1]}, "results": [\n{lines}\n]}}\n', encoding="utf-8")
    return f"{said.strip().splitlines()[-1]} {time.monotonic() - started:.0f} s."


def main() -> None:
    """Judge what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the environments are, outside the repository")
    parser.add_argument("families", nargs="*", metavar="FAMILY", help=f"of {', '.join(FAMILIES)}; all by default")
    parser.add_argument("--adapter", action="append", default=[], help="only this one; may be given several times")
    given = parser.parse_args()
    if given.folder.resolve().is_relative_to(ROOT.resolve()):
        sys.exit(f"the folder {given.folder} lies in the repository; name one outside it")
    families = given.families or list(FAMILIES)
    if unknown := [name for name in families if name not in FAMILIES]:
        sys.exit(f"there is no family {unknown[0]!r}; the families are {', '.join(FAMILIES)}")
    for name in families:
        for adapter, options in FAMILIES[name].adapters.items():
            if not given.adapter or adapter in given.adapter:
                print(judged(prepared(given.folder, name), adapter, options), flush=True)


if __name__ == "__main__":
    main()
