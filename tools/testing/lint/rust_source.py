"""What the lints know of Rust: where code is, where tests are, where functions end.

No parser: comments and literals are blanked out, after which braces and words can be
trusted. Line and column numbers stay what they were.
"""

import re
from pathlib import Path

TREE = Path(__file__).resolve().parents[3]

# A comment, a literal, or a lifetime (which must not be taken for a character).
SKIP = re.compile(
    r"""
    (?P<line>//[^\n]*)
  | (?P<block>/\*)
  | (?P<raw>\bb?c?r(?P<hashes>\#*)".*?"(?P=hashes))
  | (?P<string>b?c?"(?:\\.|[^"\\])*")
  | (?P<char>b?'(?:\\(?:x..|u\{[^}]*\}|.)|[^\\'\n])')
    """,
    re.X | re.S,
)


def blank(text):
    return re.sub(r"[^\n]", " ", text)


def end_of_block_comment(text, start):
    """Block comments nest in Rust."""
    depth = 0
    for mark in re.finditer(r"/\*|\*/", text[start:]):
        depth += 1 if mark.group() == "/*" else -1
        if depth == 0:
            return start + mark.end()
    return len(text)


def code(text):
    """`text` with comments and literals blanked out."""
    out, at = [], 0
    while match := SKIP.search(text, at):
        end = end_of_block_comment(text, match.start()) if match.group("block") else match.end()
        out += [text[at : match.start()], blank(text[match.start() : end])]
        at = end
    return "".join(out) + text[at:]


def closing(source, opening):
    """Index of the brace that closes the one at `opening`."""
    depth = 0
    for brace in re.finditer(r"[{}]", source[opening:]):
        depth += 1 if brace.group() == "{" else -1
        if depth == 0:
            return opening + brace.start()
    return len(source) - 1


def without_tests(source):
    """`source`, as from code(), with every `#[cfg(test)]` item blanked out."""
    attribute = re.compile(r"#\[cfg\((?:test|all\(test[^\]]*)\)\]|#\[(?:test|kunit_tests[^\]]*)\]")
    at = 0
    while match := attribute.search(source, at):
        stop = re.compile(r"[;{]").search(source, match.end())
        if stop is None:
            break
        end = stop.start() if stop.group() == ";" else closing(source, stop.start())
        source = source[: match.start()] + blank(source[match.start() : end + 1]) + source[end + 1 :]
        at = match.end()
    return source


def functions(source):
    """(name, line of `fn`, number of lines) of each function that has a body."""
    for match in re.finditer(r"\bfn\s+(\w+)", source):
        stop, depth = None, 0
        for mark in re.finditer(r"[()\[\];{]", source[match.end() :]):
            char = mark.group()
            depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(char, 0)
            if depth == 0 and char in ";{":
                stop = match.end() + mark.start()
                break
        if stop is None or source[stop] == ";":
            continue
        first = source.count("\n", 0, match.start()) + 1
        last = source.count("\n", 0, closing(source, stop)) + 1
        yield match.group(1), first, last - first + 1


def is_test_file(path):
    """Whole files of tests: foo/tests.rs, foo/tests/*.rs, and helpers only tests use."""
    return path.name in ("tests.rs", "testing.rs") or "tests" in path.parts


def sources(root=None):
    """(path below the tree, text) of each Rust file under rust/."""
    for path in sorted((root or TREE / "rust").rglob("*.rs")):
        relative = path.relative_to(TREE)
        if "target" not in relative.parts:
            yield relative, path.read_text(encoding="utf-8")


def room(path):
    """wire, engine, shell or sys; the crate roots have none."""
    return path.parts[1] if len(path.parts) > 2 else None
