"""Builds the plugin in the current folder: python3 PATH/TO/build.py

Needs Python 3.10 or newer, and PyPI for the first build only: the compiler is
installed into the plugin's own `.venv`. The result is `dist/NAME.wasm`.
"""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
import venv
from pathlib import Path

COMPILER = "componentize-py==0.25.1"
SDK = Path(__file__).resolve().parent


def project(folder: Path) -> dict:
    """The `[project]` table of the plugin."""
    try:
        import tomllib
    except ModuleNotFoundError:  # Python 3.10
        from pip._vendor import tomli as tomllib
    return tomllib.loads((folder / "pyproject.toml").read_text())["project"]


def compiler(folder: Path) -> Path:
    """The compiler of exactly this version, installed if it is not there."""
    home = folder / ".venv"
    scripts = home / ("Scripts" if sys.platform == "win32" else "bin")
    stamp = home / "compiler.txt"
    if not stamp.exists() or stamp.read_text() != COMPILER:
        venv.create(home, with_pip=True, clear=True)
        python = str(scripts / "python")
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, COMPILER], check=True)
        stamp.write_text(COMPILER)
    return scripts / "componentize-py"


def abilities(folder: Path) -> list[str]:
    """The optional exports that the plugin needs, asked of the plugin itself."""
    sys.dont_write_bytecode = True
    sys.path[:0] = [str(folder), str(SDK)]
    plugin = importlib.import_module("plugin").plugin
    # A type that has no schema is better found here than in the component.
    plugin.describe()
    return plugin.abilities()


def prepare(folder: Path, about: dict, extra: list[str]) -> Path:
    """Writes what the compiler is given: the world and the entry module."""
    work = folder / "dist" / "build"
    shutil.rmtree(work, ignore_errors=True)
    (work / "wit").mkdir(parents=True)
    shutil.copy(SDK / "wit" / "runbook-plugin.wit", work / "wit")
    includes = "\n".join(f"  include with-{ability};" for ability in extra)
    world = f"package runbook:plugin@0.1.0;\nworld component {{\n  include plugin;\n{includes}\n}}\n"
    (work / "wit" / "world.wit").write_text(world)
    wanted = ["Steps", *(ability.capitalize() for ability in extra)]
    (work / "entry.py").write_text(
        "from plugin import plugin\n"
        "from runbook_plugin.component import exports\n"
        f"plugin.about = {about!r}\n"
        f"globals().update({{k: v for k, v in exports(plugin).items() if k in {wanted!r}}})\n"
    )
    return work


def main() -> None:
    folder = Path.cwd()
    table = project(folder)
    about = {
        "name": table["name"],
        "version": table["version"],
        "summary": table["description"],
    }
    homepage = table.get("urls", {}).get("homepage")
    if homepage:
        about["homepage"] = homepage
    work = prepare(folder, about, abilities(folder))
    output = folder / "dist" / f"{table['name']}.wasm"
    command = [compiler(folder), "-d", work / "wit", "-w", "component", "componentize", "entry"]
    for path in (work, folder, SDK):
        command += ["-p", path]
    subprocess.run([str(part) for part in [*command, "-o", output]], check=True)
    shutil.rmtree(work)
    print(output.relative_to(folder))


if __name__ == "__main__":
    main()
