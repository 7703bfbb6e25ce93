"""The reference as one HTML page: no other file, no network, works as file://."""
import re
from html import escape
from pathlib import Path

import header

LINKS = re.compile(r"`([^`]+)`|\b((?:wskt|WSKT)_\w+)")


class Reference:
    def __init__(self, path):
        self.date, self.version = header.release(path)
        self.overview, self.sections = header.parse(path)
        # Where each name is explained.
        self.places = {}
        for section in self.sections:
            for item in section.items:
                self.places[item.name] = item.name
                for name, _, _ in item.members if item.kind in ("enum", "constant") else ():
                    self.places[name] = name

    def prose(self, text):
        out, at = [], 0
        for match in LINKS.finditer(text):
            out.append(escape(text[at : match.start()], quote=False))
            quoted, name = match.groups()
            out.append(f"<code>{escape(quoted)}</code>" if quoted else self.link(name))
            at = match.end()
        return "".join(out) + escape(text[at:], quote=False)

    def link(self, name):
        place = self.places.get(name)
        return f'<a href="#{place}"><code>{name}</code></a>' if place else f"<code>{name}</code>"

    def code(self, text):
        shown = escape(text, quote=False)
        linked = header.WORDS.sub(lambda match: self.in_code(match.group(0)), shown)
        return f"<pre><code>{linked}</code></pre>"

    def in_code(self, name):
        place = self.places.get(name)
        return f'<a href="#{place}">{name}</a>' if place else name

    def comment(self, text, level):
        out = []
        for kind, content in header.blocks(text):
            if kind == "heading":
                out.append(f"<h{level}>{escape(content.capitalize())}</h{level}>")
            elif kind == "code":
                lines = [line[4:] for line in content.splitlines()]
                out.append(self.code("\n".join(lines)))
            elif kind == "list":
                points = "".join(f"<li>{self.prose(point)}</li>" for _, point in content)
                out.append(f"<ul>{points}</ul>")
            elif kind == "results":
                rows = "".join(
                    f"<dt>{self.prose(name)}</dt><dd>{self.prose(why)}</dd>" for name, why in content
                )
                out.append(f'<h4>Returns</h4><dl class="results">{rows}</dl>')
            else:
                kinds = " ".join(
                    name
                    for name, holds in (
                        ("threads", header.is_threads(content)),
                        ("origin", header.is_origin(content)),
                    )
                    if holds
                )
                shown = f' class="{kinds}"' if kinds else ""
                out.append(f"<p{shown}>{self.prose(content)}</p>")
        return "\n".join(out)

    def members(self, item):
        rows = []
        for name, declaration, text in item.members:
            mark = f' id="{name}"' if item.kind == "enum" else ""
            shown = escape(" ".join(declaration.split()), quote=False)
            rows.append(f"<dt{mark}><code>{shown}</code></dt><dd>{self.prose(' '.join(text.split()))}</dd>")
        return f'<dl class="members">{"".join(rows)}</dl>' if rows else ""

    def item(self, item):
        # Other names of a run of constants are places, too.
        marks = "".join(
            f'<span id="{name}"></span>'
            for name, _, _ in (item.members if item.kind == "constant" else ())
            if name != item.name
        )
        members = "" if item.kind == "constant" else self.members(item)
        return f"""<article id="{item.name}" data-kind="{item.kind}">{marks}
<h3><a href="#{item.name}">{item.name}</a> <small>{item.kind}</small></h3>
{self.code(item.code)}
{self.comment(item.comment, 4)}
{members}
</article>"""

    def page(self):
        menu, body = [], []
        for section in self.sections:
            place = re.sub(r"\W+", "-", section.title.lower())
            entries = "".join(
                f'<li><a href="#{item.name}">{item.name}</a></li>' for item in section.items
            )
            menu.append(f'<section><h2><a href="#{place}">{section.title}</a></h2><ul>{entries}</ul></section>')
            items = "\n".join(self.item(item) for item in section.items)
            body.append(f'<section id="{place}"><h2>{section.title}</h2>\n{items}</section>')
        intro = self.overview.split("Do not edit.", 1)[1]
        template = (Path(__file__).parent / "reference.html").read_text(encoding="utf-8")
        for key, value in (
            ("VERSION", self.version),
            ("DATE", self.date),
            ("MENU", "\n".join(menu)),
            ("OVERVIEW", self.comment(intro.strip(), 2)),
            ("BODY", "\n".join(body)),
        ):
            template = template.replace(f"@{key}@", value)
        return template


def page(path):
    return Reference(path).page()
