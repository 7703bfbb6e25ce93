"""include/wskt.h as data: sections, and in each the items with their comments."""
import re
from dataclasses import dataclass, field
from pathlib import Path

CHANGELOG = Path(__file__).resolve().parent.parent.parent / "CHANGELOG.md"
WORDS = re.compile(r"\b(?:wskt|WSKT)_\w+")


@dataclass
class Item:
    """Something that is declared: a function, a type, constants."""

    kind: str  # function, callback, enum, struct, handle, constant
    name: str
    comment: str
    code: str
    # Of enums, structs and runs of constants: (name, declaration, comment).
    members: list = field(default_factory=list)


@dataclass
class Section:
    title: str
    items: list


def plain(comment):
    """The text of a /** */ comment."""
    body = re.sub(r"^\s*/\*\*?|\*/\s*$", "", comment.strip())
    lines = [re.sub(r"^\s*\* ?", "", line).rstrip() for line in body.splitlines()]
    return "\n".join(lines).strip()


def tidy(code):
    """A declaration as a reader wants it: without what is only for compilers."""
    code = re.sub(r"^#if.*?^#endif[^\n]*\n", "", code, flags=re.M | re.S)
    code = re.sub(r"^#[^\n]*\n", "", code, flags=re.M)
    return code.replace("WSKT_API\n", "").replace("WSKT_API ", "").strip()


def members(body):
    found = []
    for comment, declaration in re.findall(r"(/\*\*.*?\*/)\s*([^/;,]+?)\s*[;,]", body, re.S):
        name = re.search(r"(\w+)(?: = -?\d+)?$", declaration).group(1)
        found.append((name, declaration, plain(comment)))
    return found


def item(comment, code):
    text = plain(comment)
    if code.startswith("#define"):
        defines = re.findall(r"#define (\w+) (.+)", code)
        rows = [(name, value, "") for name, value in defines]
        return Item("constant", defines[0][0], text, code.strip(), rows)
    if code.startswith("enum"):
        name = re.match(r"enum (\w+)", code).group(1)
        body = code[code.index("{") : code.index("};") + 1]
        return Item("enum", name, text, f"enum {name}", members(body))
    if code.startswith("typedef struct") and "{" in code:
        name = re.search(r"\} (\w+);", code).group(1)
        body = code[code.index("{") + 1 : code.rindex("}")]
        return Item("struct", name, text, f"struct {name}", members(body))
    if code.startswith("typedef struct"):
        return Item("handle", re.search(r"(\w+);", code).group(1), text, code.strip())
    if code.startswith("typedef"):
        return Item("callback", re.search(r"\(\*(\w+)\)", code).group(1), text, code.strip())
    code = tidy(code)
    return Item("function", re.search(r"(\w+)\(", code).group(1), text, code)


def declaration(text, start):
    """What follows a comment, up to its end."""
    head = text[start : start + 20]
    if head.startswith("#define"):
        return re.compile(r"(?:#define [^\n]*\n)+").match(text, start).group(0)
    if head.startswith("enum") or re.match(r"typedef struct \w+ \{", text[start : start + 80]):
        end = text.index("\n}", start)
        return text[start : text.index(";", end) + 1]
    return text[start : text.index(";", start) + 1]


def parse(path):
    """The overview at the top of the header, and its sections."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    overview = plain(text[: text.index("*/") + 2])
    marks = list(re.finditer(r"^/\* (.+?) -+ \*/$", text, re.M))
    ends = [mark.start() for mark in marks[1:]] + [text.rindex("#endif")]
    sections = []
    for mark, end in zip(marks, ends):
        items, at = [], mark.end()
        for found in re.finditer(r"^/\*\*.*?\*/\n", text[at:end], re.M | re.S):
            code = declaration(text, at + found.end())
            items.append(item(found.group(0), code))
        sections.append(Section(mark.group(1), items))
    return overview, sections


def release(path):
    """Date and version, as CHANGELOG.md has them of the header's version."""
    with open(path, encoding="utf-8") as file:
        version = re.search(r'^#define WSKT_VERSION_STRING "(.+)"', file.read(), re.M).group(1)
    with open(CHANGELOG, encoding="utf-8") as file:
        date = re.search(rf"^## \[{re.escape(version)}\] - (\S+)", file.read(), re.M)
    return date.group(1), version


def blocks(text):
    """A comment as (kind, content): paragraph, heading, code, list, results.
    A list is [(term or "", text)]; results are the list after "Returns:"."""
    out = []
    results = False
    for part in re.split(r"\n\s*\n", text):
        if all(line.startswith("    ") for line in part.splitlines()):
            if out and out[-1][0] == "code":
                out[-1] = ("code", out[-1][1] + "\n\n" + part)
            else:
                out.append(("code", part))
            continue
        if part == part.upper() and WORDS.search(part) is None and len(part) > 3:
            out.append(("heading", part))
            continue
        intro, dash, rest = ("\n" + part).partition("\n- ")
        intro = " ".join(intro.split())
        if intro == "Returns:":
            results = True
        elif intro:
            out.append(("paragraph", intro))
        if dash:
            points = [" ".join(point.split()) for point in rest.split("\n- ")]
            kind = "results" if results else "list"
            out.append((kind, [term(point) if results else ("", point) for point in points]))
            results = False
    return out


def term(point):
    """`WSKT_ERR_A, WSKT_ERR_B: why` in two halves."""
    match = re.match(r"((?:WSKT_\w+(?:, )?)+)(?:: (.*))?$", point)
    return (match.group(1), match.group(2) or "") if match else ("", point)


def first_sentence(text):
    paragraph = " ".join(re.split(r"\n\s*\n", text)[0].split())
    match = re.match(r"(.+?[.:])(?: |$)(?=[A-Z0-9`]|$)", paragraph)
    return (match.group(1) if match else paragraph).rstrip(".:")


def is_threads(paragraph):
    return re.match(r"(Any thread|On the driving thread)", paragraph) is not None


def is_origin(paragraph):
    return re.search(r"Since: \d", paragraph) is not None
