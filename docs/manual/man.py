"""Man pages out of include/wskt.h: one for each function, callback, struct, enum
and handle, one for the close codes, and wskt(3) as the overview."""
import re
from pathlib import Path

import header

SEE = {
    "Configuration": ["wskt_config"],
    "Loop": ["wskt_loop"],
    "Socket": ["wskt_socket"],
    "Close codes": ["wskt_close_codes"],
    "Close events of the program": ["wskt_close_event"],
}
NAMES = re.compile(r"\b(?:wskt_\w+|WSKT_\w+)\b|`[^`]+`")


def roff(text):
    """Plain text, with nothing in it that roff would take for its own."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return re.sub(r"^\.", r"\\&.", text)


def prose(text):
    """Text with names in bold and quoted words in italics."""
    out, at = [], 0
    for match in NAMES.finditer(text):
        out.append(roff(text[at : match.start()]))
        word = match.group(0)
        if word.startswith("`"):
            out.append(f"\\fI{roff(word[1:-1])}\\fR")
        else:
            out.append(f"\\fB{roff(word)}\\fR")
        at = match.end()
    out.append(roff(text[at:]))
    # No line may begin with a control character.
    return re.sub(r"^([.'])", r"\\&\1", "".join(out))


def code(text):
    lines = [roff(line) if line.strip() else "" for line in text.splitlines()]
    shown = "\n".join(f"\\&{line}" if line else "\\&" for line in lines)
    return f".PP\n.nf\n{shown}\n.fi"


class Page:
    def __init__(self, name, title, release):
        self.name = name
        date, version = release
        # Names are not cut in two, and lines not stretched.
        title_line = f'.TH {name.upper()} 3 "{date}" "wskt {version}" "wskt manual"'
        self.lines = [title_line, ".nh", ".ad l", ".SH NAME"]
        self.lines.append(f"{roff(name)} \\- {prose(title[0].lower() + title[1:])}")

    def heading(self, text):
        self.lines.append(f".SH {text}")

    def synopsis(self, declaration):
        self.heading("SYNOPSIS")
        shown = "#include <wskt.h>\n" + (f"\n{declaration}" if declaration else "")
        body = [f"\\fB{roff(line)}\\fR" if line else "\\&" for line in shown.splitlines()]
        self.lines += [".nf", *body, ".fi"]
        self.lines += [".PP", "Link with \\fI\\-lwskt\\fR."]

    def paragraph(self, text, first=False):
        if not first:
            self.lines.append(".PP")
        self.lines.append(prose(text))

    def point(self, label, text):
        self.lines += [".TP", f"\\fB{roff(label)}\\fR", prose(text) if text else "\\&"]

    def bullet(self, text):
        self.lines += [".IP \\(bu 2", prose(text)]

    def see_also(self, names):
        names = sorted(name for name in set(names) if name != self.name)
        self.heading("SEE ALSO")
        self.lines.append(",\n".join(f"\\fB{roff(name)}\\fR(3)" for name in names))

    def text(self):
        return "\n".join(self.lines) + "\n"


def comment(page, text):
    """Puts the parts of a comment under the headings where they belong."""
    description, threads, results, origin = [], [], [], []
    for kind, content in header.blocks(text):
        if kind == "results":
            results += content
        elif kind == "paragraph" and header.is_threads(content):
            threads.append(content)
        elif kind == "paragraph" and header.is_origin(content):
            origin.append(content)
        else:
            description.append((kind, content))
    page.heading("DESCRIPTION")
    first = True
    for kind, content in description:
        if kind == "paragraph":
            page.paragraph(content, first)
        elif kind == "heading":
            page.lines.append(f".SS {roff(content.capitalize())}")
        elif kind == "code":
            page.lines.append(code(content))
        else:
            for _, point in content:
                page.bullet(point)
        first = kind == "heading"
    if results:
        page.heading("RETURN VALUE")
        for label, why in results:
            page.point(label, why)
    if threads:
        page.heading("THREADS AND CALLBACKS")
        for i, content in enumerate(threads):
            page.paragraph(content, i == 0)
    return origin


def end(page, origin, names):
    if origin:
        page.heading("HISTORY")
        for i, content in enumerate(origin):
            page.paragraph(content, i == 0)
    page.see_also(names)


def of_item(item, section, pages, release):
    page = Page(item.name, header.first_sentence(item.comment), release)
    page.synopsis(item.code + (";" if item.kind in ("enum", "struct") else ""))
    origin = comment(page, item.comment)
    if item.members:
        page.heading("VALUES" if item.kind == "enum" else "FIELDS")
        for _, declaration, text in item.members:
            page.point(" ".join(declaration.split()), " ".join(text.split()))
    mentioned = [name for name in header.WORDS.findall(item.comment + item.code) if name in pages]
    end(page, origin, ["wskt", *SEE.get(section, []), *mentioned])
    return page


def close_codes(section, release):
    page = Page("wskt_close_codes", "The close codes of WebSocket", release)
    page.synopsis("")
    page.heading("CONSTANTS")
    functions = []
    for item in section.items:
        if item.kind == "constant":
            page.point(item.name, " ".join(item.comment.split()))
        else:
            functions.append(item.name)
    page.see_also(["wskt", "wskt_socket_close", *functions])
    return page


def overview(text, sections, release):
    page = Page("wskt", "The browser's WebSocket for C", release)
    page.synopsis("")
    first = True
    for kind, content in header.blocks(text):
        if kind == "heading":
            page.heading(roff(content))
        elif kind == "code":
            page.lines += code(content).splitlines()[1 if first else 0 :]
        elif kind == "paragraph" and not content.startswith(("wskt.h - ", "Generated from")):
            page.paragraph(content, first)
        first = kind == "heading"
    for section in sections:
        page.heading(roff(section.title.upper()))
        for item in section.items:
            if item.kind != "constant":
                page.point(f"{item.name}(3)", header.first_sentence(item.comment))
    page.see_also(["wskt_socket", "wskt_loop", "wskt_config", "wskt_close_codes"])
    return page


def write(path, out):
    """All pages into a directory; their names."""
    release = header.release(path)
    text, sections = header.parse(path)
    found = [(item, section.title) for section in sections for item in section.items]
    found = [(item, title) for item, title in found if item.kind != "constant"]
    names = {item.name for item, _ in found} | {"wskt", "wskt_close_codes"}
    codes = next(section for section in sections if section.title == "Close codes")
    pages = [of_item(item, title, names, release) for item, title in found]
    pages += [close_codes(codes, release), overview(text, sections, release)]
    Path(out).mkdir(parents=True, exist_ok=True)
    for page in pages:
        (Path(out) / f"{page.name}.3").write_text(page.text(), encoding="utf-8")
    return sorted(page.name for page in pages)
