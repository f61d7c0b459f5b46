"""The command line (design, section 5): arguments to commands, and errors to exit statuses."""

from __future__ import annotations

import argparse
import io
import os
import sys
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from telegraf_dlms import __version__, log
from telegraf_dlms.early import command_of
from telegraf_dlms.errors import ConfigError
from telegraf_dlms.shard import WHOLE, parse_shard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from telegraf_dlms.log import Log

DEFAULT_CONFIG: Final = Path("/etc/telegraf-dlms.conf")
#: Exit statuses: the configuration or the arguments are bad; the meter could not be read.
BAD_CONFIGURATION: Final = 2
NOT_READ: Final = 1

_USAGE: Final = """\
usage: telegraf-dlms [run] [--config FILE]... [--once] [--shard K/N]
       telegraf-dlms check [--config FILE]... [--shard K/N]
       telegraf-dlms discover DEVICE [--config FILE]... [--shard K/N]
       telegraf-dlms test connection|device|group NAME [--config FILE]... [--json] [--trace FILE] [--shard K/N]
       telegraf-dlms simulate [--interface hdlc|wrapper|hdlc_mode_e] [--port PORT] ...
       telegraf-dlms unlock DEVICE [--config FILE]... [--shard K/N]
       telegraf-dlms sample-config
       telegraf-dlms --version | --help

Reads DLMS/COSEM meters and prints InfluxDB line protocol on stdout, for Telegraf's inputs.execd or a plain pipe.

  run            collect until stopped (the default command): a newline on stdin or SIGUSR1 gathers now, SIGHUP reads a
                 configuration that was changed again
    --once       gather every enabled group once and exit: 0 all read, 3 a value refused or a device not read
  check          show the plan and what is sent to whom; no meter is touched
  discover       print all that a device has, as a configuration to keep; it is read beside the file with the device
  test           try a connection, device or group: each step as it happens, and a hint where it fails; status 0 or 1
    --json       one JSON object a line
    --trace FILE what was sent and received, as hex lines; secrets are masked
  simulate       built-in meters on TCP or a pty, to try everything without hardware; simulate --help shows more
  unlock         have a device asked again now that refused its password or key less than an hour ago
  sample-config  print a configuration with every option explained

  --config FILE  a file, or a folder of *.conf; may be repeated; FILE alone will do (default: /etc/telegraf-dlms.conf)
  --shard K/N    only the connections of the Kth of N processes, which share them by their names; its state is its own

A bad configuration is told with file, line and what is allowed; the exit status is 2.
"""


class _Parser(argparse.ArgumentParser):
    """Tells what is wrong with the arguments as the log tells everything."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError([f"{message}; {self.prog} --help shows how"])


def main(argv: Sequence[str], *, stdout: int) -> int:
    """Run a command and return its exit status; ``stdout`` is the descriptor for lines, of ``run`` alone."""
    logger = log.setup("info")
    command = command_of(list(argv))
    rest = list(argv[1:] if argv[:1] == [command] else argv)
    try:
        if command in {"--help", "--version"} or (command != "simulate" and {"-h", "--help"}.intersection(rest)):
            return _show([f"telegraf-dlms {__version__}"] if command == "--version" else [_USAGE.rstrip("\n")])
        return _COMMANDS[command](rest, stdout, logger)
    except ConfigError as error:
        for problem in error.problems:
            logger.error(problem)
        return BAD_CONFIGURATION


def _run(arguments: Sequence[str], stdout: int, logger: Log) -> int:
    from telegraf_dlms import service  # noqa: PLC0415  other commands start faster without it

    parser = _config_parser("run")
    parser.add_argument("--once", action="store_true")
    options = parser.parse_intermixed_args(arguments)
    _refuse_commands(options.files)
    command = service.once if options.once else service.run
    return command(_paths(options), stdout=stdout, log=logger, shard=options.shard)


def _refuse_commands(files: Sequence[Path]) -> None:
    """Tell a command that is misspelt, or not the first word, as what it is, not as a file that is not there."""
    from telegraf_dlms.problems import Suggestions  # noqa: PLC0415  as above

    for word in map(str, files):
        if os.path.exists(word):  # noqa: PTH110  Path.exists raises where a folder is closed to us
            continue
        if word in _COMMANDS:
            raise ConfigError([f'"{word}" is a command: it comes first, as in telegraf-dlms {word} --config FILE'])
        if hint := Suggestions().hint(word, _COMMANDS):
            raise ConfigError([f'"{word}" is neither a file nor a command{hint}'])


def _check(arguments: Sequence[str], _stdout: int, logger: Log) -> int:
    from telegraf_dlms.check import describe  # noqa: PLC0415  as above
    from telegraf_dlms.config import load  # noqa: PLC0415
    from telegraf_dlms.service import plan_of  # noqa: PLC0415

    options = _config_parser("check").parse_intermixed_args(arguments)
    configuration = load(_paths(options))
    logger.set_level(configuration.agent.log_level)
    return _show(describe(configuration, plan_of(configuration, options.shard), options.shard))


def _discover(arguments: Sequence[str], _stdout: int, logger: Log) -> int:
    from telegraf_dlms.discover import discover  # noqa: PLC0415  as above

    options = _config_parser("discover", "device").parse_intermixed_args(arguments)
    found = discover(options.device, _paths(options), log=logger, shard=options.shard)
    if found is None:
        return NOT_READ
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")  # TOML is, whatever the terminal is
    return _show([found.rstrip("\n")])


def _test(arguments: Sequence[str], _stdout: int, logger: Log) -> int:
    from telegraf_dlms.buttons import KINDS, Order, press  # noqa: PLC0415  as above

    parser = _config_parser("test", "kind", "name")
    parser.add_argument("--json", action="store_const", const="json", default="text", dest="form")
    parser.add_argument("--trace", type=Path, metavar="FILE")
    options = parser.parse_intermixed_args(arguments)
    if options.kind not in KINDS:
        parser.error(f'"{options.kind}" cannot be tested: expected one of {", ".join(KINDS)}')
    if isinstance(sys.stdout, io.TextIOWrapper):
        # JSON is UTF-8; a terminal or a pipe that is not gets what it can show.
        sys.stdout.reconfigure(encoding="utf-8" if options.form == "json" else None, errors="replace")
    order = Order(options.kind, options.name, options.form, options.trace, options.shard)
    return press(order, _paths(options), file=sys.stdout, log=logger)


def _simulate(arguments: Sequence[str], _stdout: int, _logger: Log) -> int:
    from telegraf_dlms import simulator  # noqa: PLC0415  as above

    parser = _Parser("telegraf-dlms simulate", allow_abbrev=False)
    simulator.add_arguments(parser)
    return simulator.run(simulator.options_from(parser.parse_args(arguments)))


def _unlock(arguments: Sequence[str], _stdout: int, logger: Log) -> int:
    from telegraf_dlms.unlock import unlock  # noqa: PLC0415  as above

    options = _config_parser("unlock", "device").parse_intermixed_args(arguments)
    return unlock(options.device, _paths(options), log=logger, shard=options.shard)


def _sample_config(arguments: Sequence[str], _stdout: int, _logger: Log) -> int:
    _Parser("telegraf-dlms sample-config", allow_abbrev=False).parse_args(arguments)
    return _show([files("telegraf_dlms").joinpath("sample.conf").read_text(encoding="utf-8").rstrip("\n")])


_COMMANDS: Final[dict[str, Callable[[Sequence[str], int, Log], int]]] = {
    "run": _run,
    "check": _check,
    "discover": _discover,
    "test": _test,
    "simulate": _simulate,
    "unlock": _unlock,
    "sample-config": _sample_config,
}


def _config_parser(command: str, *arguments: str) -> _Parser:
    """Return the parser of a command that needs the configuration, behind ``arguments`` of its own."""
    parser = _Parser(f"telegraf-dlms {command}", allow_abbrev=False)
    for argument in arguments:
        parser.add_argument(argument, metavar=argument.upper())
    # Telegraf's own way to write it is -config.
    parser.add_argument("--config", "-config", action="append", type=_path, default=[], metavar="FILE")
    parser.add_argument("files", nargs="*", type=_path, default=[], metavar="FILE")
    parser.add_argument("--shard", type=parse_shard, default=WHOLE, metavar="K/N")
    return parser


def _path(text: str) -> Path:
    """Refuse the empty path, which is the folder that we are in: an unset variable of a script, and another's files."""
    if not text:
        raise argparse.ArgumentTypeError("is empty")
    return Path(text)


def _paths(options: argparse.Namespace) -> list[Path]:
    return [*options.config, *options.files] or [DEFAULT_CONFIG]


def _show(lines: Iterable[str]) -> int:
    """Write lines for a person to stdout; a terminal or a pipe that is not UTF-8 gets what it can show."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    for line in lines:
        sys.stdout.write(f"{line}{os.linesep}")
    return 0
