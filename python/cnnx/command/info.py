"""``cnnx info``: what was built, and what it runs on."""

import argparse
import platform

from cnnx import config
from cnnx.command.arguments import Commands


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("info", help="print version, compiler, instruction set, threads")
    parser.set_defaults(run=run)


def run(_: argparse.Namespace) -> None:
    """Print what was built."""
    build = config.build_config()
    isas = ", ".join(build["available_isas"])
    rows = {
        "version": build["version"],
        "Python": f"{platform.python_version()} ({platform.python_implementation()})",
        "compiler": build["compiler"],
        "instruction set": f"{build['active_isa']} (available: {isas})",
        "threads": build["num_threads"],
    }
    width = max(map(len, rows))
    for name, value in rows.items():
        print(f"{name:{width}}  {value}")
