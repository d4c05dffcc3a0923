"""File names of code blocks: a hook of mkdocs that makes them titles of the blocks.

In the source of a page, the name is a paragraph before the block, because GitHub and PyPI show no title of a
block. On the site, the name is the title.
"""

import re

_NAMED_BLOCK = re.compile(r"^( *)`([^`\n]+)`:\n\s*\n\1```(\w+)(.*)$", re.MULTILINE)


def on_page_markdown(markdown: str, **_: object) -> str:
    """Replace each paragraph "`name`:" before a block by the title of the block."""
    return _NAMED_BLOCK.sub(r'\1```\3 title="\2"\4', markdown)
