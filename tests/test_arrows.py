"""Who may import whom, and the sizes and habits that the house holds all of its files to.

``FAMILIES`` is the drawing of the house: each line names modules that belong together, and the families that they may
import. Within a family everything goes. Imports for types count as well: what one must know to read a file is the same.
"""

from __future__ import annotations

import ast
import graphlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "plugin/telegraf_dlms"
MAX_LINES = 400


class Family(NamedTuple):
    modules: str
    may_import: str


FAMILIES = {
    # leaves
    "package": Family("__init__", ""),
    "errors": Family("errors", ""),
    "obis": Family("obis", ""),
    "cosem": Family("cosem classes class_names", ""),
    "obis_names": Family("obis_names obis_tables obis_abstract", "cosem obis"),
    "units": Family("units", ""),
    "address": Family("address", ""),
    "schedule": Family("schedule throttle", ""),
    "talk": Family("talk", ""),
    "early": Family("early", ""),
    "shard": Family("shard", "errors"),
    # octets, sans-IO
    "axdr": Family("axdr axdr_encode float32", "errors"),
    "datetimes": Family("datetimes drift", ""),
    "framing": Family("hdlc hdlc_procedure opening wrapper", "errors talk"),
    "apdu": Family("apdu get sn_apdu read", "axdr cosem errors talk"),
    "short_names": Family("short_names object_list", "axdr cosem errors"),
    "ciphering": Family("ciphering access hls ber", "axdr errors"),
    "association": Family("association aare action ciphered_framing", "ciphering apdu axdr cosem errors talk"),
    # readings to lines, pure
    "line": Family("line", "errors"),
    "metrics": Family(
        "metrics fields profile layout null_cells rows row_times printed printed_times compact",
        "line cosem units obis axdr datetimes errors",
    ),
    "docs": Family("metrics_page", "metrics cosem"),
    # TOML to a plan
    "config": Family(
        "config config_files config_types tables references checks notes environment "
        "models device_model problems toml_lines secret durations",
        "ciphering errors obis cosem address",
    ),
    "state": Family("state state_file state_keeper state_lock counters watermarks", "metrics errors"),
    "link": Family("link tcp_link serial_link serial_port", "errors framing talk"),
    "conversation": Family(
        "conversation handshake attentive identity lists pitfalls probe stopwatch profile_conversation buffer_progress "
        "entry_walk new_rows compact_conversation",
        "association ciphering apdu short_names axdr metrics cosem datetimes errors talk",
    ),
    "trace": Family("trace masking", "association ciphering apdu short_names framing axdr cosem errors talk"),
    "steps": Family("steps", ""),
    "hints": Family("hints circumstances", "steps trace errors"),
    "report": Family("report report_live", "steps"),
    "discovery": Family(
        "survey discovery",
        "conversation apdu short_names obis_names config axdr metrics cosem units obis errors talk",
    ),
    "plan": Family("plan", "config metrics conversation ciphering link datetimes address cosem"),
    # the rim
    "pipes": Family("output log process threads", "errors early"),
    "collector": Family(
        "collector bus gathering turnstile clock_reading counter_search poll establish meter lock_out readout "
        "profile_readout catch_up troubles world",
        "plan conversation ciphering short_names metrics link state schedule trace pipes framing apdu axdr address "
        "cosem datetimes obis talk errors",
    ),
    "simulator": Family(
        "simulator", "association ciphering axdr apdu short_names framing cosem obis errors pipes config"
    ),
    "cli": Family(
        "cli buttons check discover opening_steps reach readings service trial unlock __main__",
        "collector discovery report hints steps trace simulator plan conversation ciphering short_names config state "
        "link pipes early schedule metrics axdr cosem obis errors talk shard package",
    ),
}

#: Packages that one family alone may import: their defects stop there.
WALLED_OFF = {
    "influx_line_protocol": "line",
    "pydantic": "config",
    "rich": "report",
    "serial": "link",
    "serial_asyncio_fast": "link",
}

#: These know no socket, no clock and no logger.
SANS_IO = [
    "axdr",
    "datetimes",
    "framing",
    "apdu",
    "short_names",
    "ciphering",
    "association",
    "line",
    "metrics",
    "conversation",
    "trace",
    "steps",
    "hints",
    "report",
    "talk",
    "schedule",
]
INPUT_AND_OUTPUT = {"asyncio", "logging", "os", "select", "selectors", "signal", "socket", "subprocess", "time"}

SOURCES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def module_of(source: Path) -> str:
    """Name a file's module; the simulator's files are one in this drawing."""
    return source.relative_to(PACKAGE).parts[0].removesuffix(".py")


FAMILY_OF = {module: name for name, family in FAMILIES.items() for module in family.modules.split()}


def family_of(source: Path) -> str:
    return FAMILY_OF.get(module_of(source), "which the drawing does not have")


@cache
def tree_of(source: Path) -> ast.Module:
    return ast.parse(source.read_text(encoding="utf-8"))


@cache
def imports_of(source: Path) -> frozenset[str]:
    """Return the dotted names of all modules that a file imports, ours with their module."""
    names = set()
    for node in ast.walk(tree_of(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{source.name}: a relative import"
            names.add(node.module)
            if node.module == "telegraf_dlms":
                names |= {f"telegraf_dlms.{alias.name}" for alias in node.names}
    return frozenset(names)


def our_families(source: Path) -> set[str]:
    modules = {name.split(".")[1] for name in imports_of(source) if name.startswith("telegraf_dlms.")}
    return {FAMILY_OF.get(module, "package") for module in modules}


def label(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_the_arrows_make_no_circle():
    graph = {name: family.may_import.split() for name, family in FAMILIES.items()}
    assert {name for names in graph.values() for name in names} <= set(FAMILIES)
    assert list(graphlib.TopologicalSorter(graph).static_order())


def test_every_module_has_its_place_in_the_drawing_and_none_is_drawn_in_vain():
    assert {module_of(source) for source in SOURCES} == set(FAMILY_OF)


@pytest.mark.parametrize("source", SOURCES, ids=label)
def test_a_module_imports_only_what_it_may(source):
    family = family_of(source)
    assert family in FAMILIES, f"say in FAMILIES where {source.name} stands"
    assert our_families(source) - {family} <= set(FAMILIES[family].may_import.split())


@pytest.mark.parametrize("family", FAMILIES)
def test_the_drawing_allows_nothing_that_nobody_needs(family):
    needed = {name for source in SOURCES if family_of(source) == family for name in our_families(source)}
    assert set(FAMILIES[family].may_import.split()) - needed == set()


@pytest.mark.parametrize(("package", "family"), WALLED_OFF.items())
def test_a_package_with_defects_is_imported_by_one_family_alone(package, family):
    importers = {
        family_of(source) for source in SOURCES if package in {name.split(".")[0] for name in imports_of(source)}
    }
    assert importers == {family}


@pytest.mark.parametrize(("package", "importers"), [("gurux_dlms", 0), ("influx_line_protocol", 1)])
def test_no_more_modules_import_it_than_have_to(package, importers):
    assert sum(package in {name.split(".")[0] for name in imports_of(source)} for source in SOURCES) == importers


@pytest.mark.parametrize("family", SANS_IO)
def test_the_core_knows_no_input_and_output(family):
    for source in SOURCES:
        if family_of(source) == family:
            assert not imports_of(source) & INPUT_AND_OUTPUT, label(source)


@pytest.mark.parametrize("source", SOURCES, ids=label)
def test_a_module_has_its_test_module(source):
    if source.name == "__init__.py":
        return
    name = "_".join(source.relative_to(PACKAGE).with_suffix("").parts).strip("_")
    assert (ROOT / f"tests/test_{name}.py").exists()


@pytest.mark.parametrize("source", SOURCES, ids=label)
def test_standard_output_is_a_wire_and_nothing_prints(source):
    calls = [node.func for node in ast.walk(tree_of(source)) if isinstance(node, ast.Call)]
    assert "print" not in {function.id for function in calls if isinstance(function, ast.Name)}


@pytest.mark.parametrize("source", [*SOURCES, *TESTS], ids=label)
def test_no_file_is_longer_than_one_can_read_at_once(source):
    assert len(source.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@pytest.mark.parametrize("test", TESTS, ids=label)
def test_no_test_sleeps(test):
    calls = [node.func for node in ast.walk(tree_of(test)) if isinstance(node, ast.Call)]
    assert ("time", "sleep") not in {
        (function.value.id, function.attr)
        for function in calls
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name)
    }
