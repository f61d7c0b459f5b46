"""What the files beside the code say about it is true."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

import telegraf_dlms

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
SECTIONS = ["Security", "Removed", "Deprecated", "Added", "Changed", "Fixed"]


def test_the_changelog_s_top_version_is_the_package_s():
    assert re.findall(r"^## \[([^\]]+)\]", CHANGELOG, re.MULTILINE)[0] == telegraf_dlms.__version__


def test_each_version_of_the_changelog_has_its_sections_in_order():
    versions = re.split(r"^## .*$", CHANGELOG, flags=re.MULTILINE)[1:]
    for version in versions:
        assert re.findall(r"^### (.+)$", version, re.MULTILINE) == SECTIONS


@pytest.mark.parametrize(
    ("package", "version", "needed_by"),
    [
        ("gurux-dlms", "1.0.203", PROJECT["dependency-groups"]["dev"]),
        ("influx-line-protocol", "0.1.5", PROJECT["project"]["dependencies"]),
    ],
)
def test_the_packages_whose_defects_we_know_are_pinned_and_installed(package, version, needed_by):
    assert f"{package}=={version}" in needed_by
    assert importlib.metadata.version(package) == version


def test_what_the_plugin_imports_of_others_is_what_it_depends_on():
    imported = set()
    for source in (ROOT / "plugin").rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module.partition(".")[0])
    owners = importlib.metadata.packages_distributions()
    others = imported - sys.stdlib_module_names - {"telegraf_dlms"}
    declared = {re.match(r"[\w-]+", each)[0] for each in PROJECT["project"]["dependencies"]}
    assert {owner for name in others for owner in owners[name]} == declared


def test_the_source_distribution_has_every_folder_and_file_of_the_project():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    included = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    tops = {f"/{Path(file).parts[0]}" for file in listed.stdout.splitlines()}
    always = {"/.gitignore", "/pyproject.toml"}  # hatchling adds these itself
    assert {top for top in tops - always if not any(fnmatch(top, pattern) for pattern in included)} == set()


def test_the_licence_is_that_of_gurux_dlms():
    assert PROJECT["project"]["license"] == "GPL-2.0-only"
    assert "GNU GENERAL PUBLIC LICENSE\n                       Version 2, June 1991" in (ROOT / "LICENSE").read_text(
        encoding="utf-8"
    )


def test_the_sample_configuration_of_the_package_is_the_one_at_the_top():
    inside = ROOT / "plugin/telegraf_dlms/sample.conf"
    assert inside.is_symlink()
    assert inside.resolve() == ROOT / "sample.conf"


def test_the_links_of_the_documents_lead_to_files():
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    assert len(documents) > 4
    links = [
        (document, target)
        for document in documents
        for target in re.findall(r"\]\(([^):#]+)\)", document.read_text(encoding="utf-8"))
    ]
    assert [(document.name, target) for document, target in links if not (document.parent / target).exists()] == []
