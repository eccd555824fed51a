"""Files of a clinic's data as plain values that remember their lines: YAML, and CSV for who works in a spreadsheet.

CSV: UTF-8 with or without a byte order mark, `,` or `;` or tabs between cells, first row the names of the fields (English, or
Russian as in RUSSIAN_COLUMNS), several values of a cell separated by `|`. An empty cell is a field that is not given.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError

Location = tuple[int | str, ...]

RUSSIAN_COLUMNS: Mapping[str, str] = {
    "код": "id",
    "название": "title",
    "произношение": "spoken",
    "синонимы": "synonyms",
    "цена": "price_rub",
    "цена повторного": "repeat_price_rub",
    "готово через дней": "ready_days",
    "готово через часов": "ready_hours",
    "материал": "material",
    "подготовка": "preparation",
    "филиалы": "branches",
    "специальности": "specialities",
    "врачи": "doctors",
    "минут": "duration_minutes",
    "это приём": "is_visit",
    "жалобы": "complaints",
    "вопросы": "questions",
    "тема": "topic",
    "ответ": "answer",
    "коротко": "short",
}
#: Fields that hold several values.
_LISTS = frozenset({"synonyms", "branches", "specialities", "doctors", "complaints", "questions"})
_DELIMITERS = ";,\t"
_YES = frozenset({"да", "yes", "true", "1"})
_NO = frozenset({"нет", "no", "false", "0"})


@dataclass(frozen=True, slots=True)
class YamlSource:
    """A parsed YAML file: `raw` keeps positions."""

    path: Path
    raw: Any

    def line(self, location: Location) -> int:
        node, line = self.raw, 1
        for part in location:
            if isinstance(node, CommentedMap) and part in node:
                line = node.lc.key(part)[0] + 1
            elif isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node):
                line = node.lc.item(part)[0] + 1
            else:  # a field that is missing, or a level only the model has
                continue
            node = node[part]
        return line

    def plain(self) -> Any:
        return _plain(self.raw)


@dataclass(frozen=True, slots=True)
class CsvSource:
    """A parsed CSV file: one dict a row, and the line in which each row begins."""

    path: Path
    rows: list[dict[str, Any]]
    lines: list[int]

    def line(self, location: Location) -> int:
        index = location[0] if location else None
        return self.lines[index] if isinstance(index, int) and index < len(self.lines) else 1

    def plain(self) -> Any:
        return self.rows


Source = YamlSource | CsvSource


def problem_at(source: Source, location: Location, what: str, cure: str) -> str:
    return f"{source.path}:{source.line(location)}: {what}. {cure}"


def read_source(path: Path, problems: list[str]) -> Source | None:
    """Return a file's content, or None with what is wrong added to `problems`."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        problems.append(f"{path}:1: the file cannot be read: {error.strerror}. Create it, or correct dialog.folder.")
        return None
    except UnicodeDecodeError as error:
        cure = "In the spreadsheet choose: save as CSV UTF-8." if path.suffix == ".csv" else "Save the file as UTF-8."
        problems.append(f"{path}:1: not UTF-8 at byte {error.start}. {cure}")
        return None
    return _read_csv(path, text, problems) if path.suffix == ".csv" else _read_yaml(path, text, problems)


def _read_yaml(path: Path, text: str, problems: list[str]) -> YamlSource | None:
    try:
        return YamlSource(path, YAML(typ="rt").load(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problems.append(f"{path}:{mark.line + 1 if mark else 1}: {error.problem or error.context}. Correct the YAML.")
    return None


def _plain(value: Any) -> Any:
    if isinstance(value, CommentedMap):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, CommentedSeq):
        return [_plain(part) for part in value]
    return str(value) if isinstance(value, str) else value


def _read_csv(path: Path, text: str, problems: list[str]) -> CsvSource | None:
    heading = text.lstrip().partition("\n")[0]
    delimiter = max(_DELIMITERS, key=heading.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    names: list[str] = []
    found: list[str] = []
    begins = 1
    try:
        for cells in reader:
            first, begins = begins, reader.line_num + 1
            if not any(cell.strip() for cell in cells) or cells[0].lstrip().startswith("#"):
                continue
            if not names:
                names = [_column(cell) for cell in cells]
                doubles = {name for name in names if name and names.count(name) > 1}
                found += [f"{path}:{first}: two columns are called {name!r}. Remove one." for name in sorted(doubles)]
                continue
            if any(cell.strip() for cell in cells[len(names) :]):
                found.append(
                    f"{path}:{first}: {len(cells)} cells in a table of {len(names)} columns. "
                    f'Put cells that hold {delimiter!r} into quotes ("...").'
                )
                continue
            row = {name: _cell(name, cell) for name, cell in zip(names, cells, strict=False) if name and cell.strip()}
            rows.append(row)
            lines.append(first)
    except csv.Error as error:
        found.append(f"{path}:{begins}: {error}. Check the quotes in this row.")
    problems += found
    return None if found else CsvSource(path, rows, lines)


def _column(cell: str) -> str:
    name = " ".join(cell.strip().lower().split())
    return RUSSIAN_COLUMNS.get(name, name)


def _cell(name: str, cell: str) -> Any:
    text = cell.strip()
    if name in _LISTS:
        return [part.strip() for part in text.split("|") if part.strip()]
    if name == "price_rub" or name == "repeat_price_rub":
        return text.replace(" ", "").replace("\u00a0", "")
    if name == "is_visit":
        return True if text.lower() in _YES else False if text.lower() in _NO else text
    return text
