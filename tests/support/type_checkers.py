"""Runs mypy and pyright on code of users, against the installed packages, as users run them.

The pyright here is basedpyright from PyPI, because its wheels contain all that it needs; the package `pyright`
downloads node and itself when it first runs. In the modes ``standard`` and ``strict``, basedpyright has the
rules of pyright. Neither checker reads the configuration of this repository.
"""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

from support.page_blocks import ROOT, blocks

_EXAMPLES = [str(ROOT / "examples" / name) for name in ("voice-agent", "livekit-agent", "russo-acme/src")]

# Options that --strict switches on and that may be set for single modules; pages show code without annotations.
_STRICT_OPTIONS = (
    "disallow_any_generics",
    "disallow_incomplete_defs",
    "disallow_subclassing_any",
    "disallow_untyped_calls",
    "disallow_untyped_decorators",
    "disallow_untyped_defs",
    "extra_checks",
    "strict_equality",
    "warn_return_any",
    "warn_unused_ignores",
)


def mypy(directory, cache, *arguments):
    """Return the errors in a directory as ``{(file, line): message}``.

    Args:
        directory: What to check.
        cache: The folder of mypy's cache. A run with an empty cache checks the SDKs of the services, too.
        *arguments: More arguments for mypy.
    """
    command = ["mypy", "--config-file=", "--cache-dir", str(cache), "--output=json"]
    lines = _output(*command, *arguments, ".", directory=directory).splitlines()
    errors = [error for error in map(json.loads, filter(None, lines)) if error["severity"] == "error"]
    return {(_posix(error["file"]), error["line"]): error["message"] for error in errors}


def mypy_page(directory, cache):
    """Return the errors in the code of a page, with mypy's default options and ``--check-untyped-defs``.

    The modules that the page imports have the options of ``--strict``, because mypy uses its cache of a module only
    if the options are the same.
    """
    files = [path.relative_to(directory).with_suffix("").parts for path in directory.rglob("*.py")]
    modules = sorted({".".join(parts[start:]) for parts in files for start in range(len(parts))})
    lines = ["[mypy]", "strict = True", "warn_unused_configs = False"]
    lines += [
        f"[mypy-{','.join(modules)}]",
        "implicit_reexport = True",
        "disable_error_code = import-untyped",
    ]
    lines += [f"{option} = False" for option in _STRICT_OPTIONS]
    config = directory.with_name(f"{directory.name}.ini")
    config.write_text("\n".join(lines), "utf-8")
    return mypy(directory, cache, f"--config-file={config}")


def pyright(directory, *, mode, roots=()):
    """Return the errors in a directory as ``{(file, line): message}``.

    Args:
        directory: What to check.
        mode: ``standard`` or ``strict``.
        roots: Folders in it whose files do not import those of another folder.
    """
    config = {
        "typeCheckingMode": mode,
        "include": ["."],
        "executionEnvironments": [
            {"root": root.name, "extraPaths": [str(root / "src"), *_EXAMPLES]} for root in roots
        ],
    }
    (directory / "pyrightconfig.json").write_text(json.dumps(config), "utf-8")
    command = ["basedpyright", "--outputjson", "--pythonpath", sys.executable, "--project", "."]
    result = json.loads(_output(*command, directory=directory))
    assert result["summary"]["filesAnalyzed"] == len(list(directory.rglob("*.py")))
    errors = [each for each in result["generalDiagnostics"] if each["severity"] == "error"]
    return {
        (_posix(Path(each["file"]).relative_to(directory)), each["range"]["start"]["line"] + 1): each[
            "message"
        ]
        for each in errors
    }


def write_page(text, page, directory, types):
    """Write the Python code of a page to folders, and return them.

    A file is written with the line numbers of its page. If a page shows a file again, another folder gets the
    second version. Parameters with the names of fixtures get the types of these fixtures.

    Args:
        text: The text of the page.
        page: Its path.
        directory: Where the folders are made.
        types: The types of fixtures, by name.
    """
    versions = [{}]
    for block in blocks(text, page):
        if block.language == "python":
            name = block.title or f"block_{block.line}.py"
            if name in versions[-1]:
                versions.append(dict(versions[-1]))
            versions[-1][name] = "\n" * (block.line - 1) + annotated(block.text, types)
    folders = []
    for number, files in enumerate(versions if versions[0] else [], 1):
        folders.append(directory / f"{'_'.join(page.with_suffix('').parts)}_{number}".replace(".", "_"))
        for name, code in files.items():
            path = folders[-1] / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(code, "utf-8")
    return folders


def annotated(code, types):
    """Return code in which each parameter with the name of a fixture has the type of the fixture."""
    lines = code.splitlines(keepends=True)
    arguments = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.arg)]
    bare = [node for node in arguments if node.annotation is None and node.arg in types]
    for node in sorted(bare, key=lambda node: (node.lineno, node.col_offset), reverse=True):
        line, end = lines[node.lineno - 1].encode(), node.end_col_offset
        lines[node.lineno - 1] = (line[:end] + f': "{types[node.arg]}"'.encode() + line[end:]).decode()
    packages = sorted({types[node.arg].partition(".")[0] for node in bare})
    return "".join(lines) + "".join(f"\nimport {package}\n" for package in packages)


def _posix(path):
    return Path(path).as_posix()


def _output(*command, directory):
    kept = {name: value for name, value in os.environ.items() if name not in {"MYPYPATH", "PYTHONPATH"}}
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=directory,
        env=kept,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr  # 1: the code has errors
    return done.stdout
