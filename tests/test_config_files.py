"""Files found, read and parsed."""

from __future__ import annotations

import errno
import os

import pytest

from telegraf_dlms.config_files import check_top, each_table, files_of, read_files, stamp_of
from telegraf_dlms.problems import Place, Suggestions, render


def lines(files, folder):
    return [line.replace(f"{folder}/", "") for line in render(files.problems, files.texts)]


def test_a_folder_gives_its_conf_files_in_order(tmp_path):
    for name in ("b.conf", "a.conf", "c.toml", "d.conf.bak", ".conf", ".hidden.conf", ".#a.conf"):
        (tmp_path / name).write_text("")
    (tmp_path / "e.conf").mkdir()
    files = read_files([tmp_path])
    assert [path.name for path in files.texts] == ["a.conf", "b.conf"]
    assert files.complete


def test_the_files_of_a_path_are_itself_or_what_the_folder_gives(tmp_path):
    assert files_of(tmp_path / "missing.conf") == [tmp_path / "missing.conf"]
    assert files_of(tmp_path) == []
    for name in ("b.conf", "a.conf", ".c.conf"):
        (tmp_path / name).write_text("")
    assert files_of(tmp_path) == [tmp_path / "a.conf", tmp_path / "b.conf"]
    assert files_of(tmp_path / ".c.conf") == [tmp_path / ".c.conf"]


def test_files_come_in_the_order_they_are_named_each_once(tmp_path):
    for name in ("a.conf", "b.conf"):
        (tmp_path / name).write_text("")
    (tmp_path / "c.conf").symlink_to("a.conf")
    files = read_files([tmp_path / "b.conf", tmp_path])
    assert [path.name for path in files.texts] == ["b.conf", "a.conf"]


def test_links_to_nothing_and_in_circles_are_told_and_not_left_out(tmp_path):
    (tmp_path / "a.conf").write_text("")
    (tmp_path / "b.conf").symlink_to("nothing")
    (tmp_path / "c.conf").symlink_to("c.conf")
    files = read_files([tmp_path, tmp_path / "c.conf"])
    assert lines(files, tmp_path) == [
        "b.conf: cannot be read: No such file or directory",
        "c.conf: cannot be read: Too many levels of symbolic links",
    ]
    assert not files.complete


def test_a_folder_that_is_closed_to_us_is_not_called_empty(tmp_path, monkeypatch):
    def closed(_folder):
        raise PermissionError(errno.EACCES, "Permission denied")

    for name in ("listdir", "scandir"):
        monkeypatch.setattr(os, name, closed)
    assert lines(read_files([tmp_path]), tmp_path) == [f"{tmp_path}: cannot be read: Permission denied"]


def test_a_file_that_changed_has_another_fingerprint(tmp_path):
    file = tmp_path / "secret"
    missing = stamp_of(file)
    file.write_text("x")
    written = stamp_of(file)
    assert written == stamp_of(file)
    os.utime(file, ns=(1, 1))
    touched = stamp_of(file)
    file.write_text("xy")
    assert len({missing, written, touched, stamp_of(file), stamp_of(tmp_path / "a\0")}) == 5


@pytest.mark.parametrize(
    ("octets", "line"),
    [
        (b"x = \n", "a.conf:1: column 5: not valid TOML: Invalid value"),
        (b'x = 1\ny = "hunter2\n', "a.conf:2: column 13: not valid TOML: Illegal character '\\n'"),
        (b'x = 1\n\ny = """\n\n', "a.conf:3: not valid TOML: Unterminated string"),
        (
            b"x = 1\r\ny = ${PORT}\r\n",
            'a.conf:2: column 5: not valid TOML: Invalid value; a variable needs quotes here: "${NAME}"',
        ),
        (b"x = 1\nx = 2\n", "a.conf:2: column 6: not valid TOML: Cannot overwrite a value"),
        (b"\n\nx = '\xff'", "a.conf:3: is not UTF-8"),
        (b"x = " + b"9" * 5000, "a.conf: not valid TOML: a number or a date that is out of range"),
        (b"x = 2024-13-01", "a.conf: not valid TOML"),
        (b"x = " + b"[" * 100_000, "a.conf: not valid TOML: nested too deeply"),
    ],
)
def test_a_file_that_is_no_toml_is_told_with_its_line(tmp_path, octets, line):
    (tmp_path / "a.conf").write_bytes(octets)
    (tmp_path / "b.conf").write_text("[agent]\n")
    files = read_files([tmp_path])
    assert len(files.problems) == 1
    if line != "a.conf: not valid TOML":
        assert lines(files, tmp_path) == [line]
    assert not files.complete
    assert [raw for _, raw in files.tables] == [{"agent": {}}]


def test_a_byte_order_mark_and_windows_lines_are_read(tmp_path):
    (tmp_path / "a.conf").write_bytes(b"\xef\xbb\xbf[agent]\r\n  enabled = true\r\n")
    assert read_files([tmp_path]).tables[0][1] == {"agent": {"enabled": True}}


def test_what_is_not_there_is_told(tmp_path):
    files = read_files([tmp_path / "missing.conf", tmp_path])
    assert lines(files, tmp_path) == [
        "missing.conf: cannot be read: No such file or directory",
        f"{tmp_path}: the folder has no *.conf",
    ]


def test_tables_come_with_their_places_and_leave(tmp_path):
    raw = {"device": [{"name": "a"}, {"name": "b"}]}
    problems = []
    place = Place(tmp_path / "a.conf")
    tables = list(each_table(raw, "device", place, problems, header="device"))
    assert tables == [
        ({"name": "a"}, Place(place.file, ("device", 0))),
        ({"name": "b"}, Place(place.file, ("device", 1))),
    ]
    assert raw == {"device": [None, None]}
    assert not problems


@pytest.mark.parametrize("wrong", [{}, 5, [{}, 5]])
def test_what_is_no_array_of_tables_is_told(tmp_path, wrong):
    problems = []
    assert not list(each_table({"device": wrong}, "device", Place(tmp_path), problems, header="device"))
    assert problems[0].message.endswith("each one begins with [[device]]")


def test_tables_that_are_not_ours_are_told(tmp_path):
    (tmp_path / "a.conf").write_text("[agent]\n[[devices]]\n[inputs.execd]\n")
    files = read_files([tmp_path])
    check_top(files, Suggestions())
    assert lines(files, tmp_path) == [
        'a.conf:2: devices: unknown key; did you mean "device"?',
        "a.conf:3: inputs: unknown key",
    ]
