#!/usr/bin/env python3
"""The manual, out of the comments of include/wskt.h:

    docs/manual/make.py man DIR      man pages, section 3
    docs/manual/make.py html FILE    the reference, one page that needs no other
"""
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))
HEADER = HERE.parent.parent / "include" / "wskt.h"


def main(kind, out):
    if kind == "man":
        import man

        man.write(HEADER, out)
    elif kind == "html":
        import html_page

        Path(out).write_text(html_page.page(HEADER), encoding="utf-8")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
