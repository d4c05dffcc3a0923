"""``russo cache play``: plays stored audio, or writes it to a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from .._audio import Audio, check_format
from .._errors import shorten
from .._foreign import shown, visible
from .._store.cache import Miss
from . import screen
from .completion import entry_keys
from .entries import Entry
from .entry_table import key_length
from .finding import choices, find_entries, refuse_ambiguous, replayed
from .output import (
    check_output,
    is_standard_output,
    output_option,
    play_or_write,
    replaced_by,
    write_audio,
)
from .setting_texts import Differences
from .units import seconds_text
from .workspace import CommandWorkspace, directory_options, find_workspace, json_option

_MOST_SETTINGS: Final = 5


@click.command("play")
@click.argument("wanted", metavar="KEY|PROMPT", shell_complete=entry_keys)
@output_option
@directory_options
@json_option
def play_stored(
    *,
    wanted: str,
    output: Path | None,
    cache_dir: str | None,
    recordings_dir: str | None,
    as_json: bool,
) -> None:
    """Play the audio that a test replays.

    Give a key, its first characters, or the exact prompt. If several entries have the prompt, all are played
    one after the other. If an entry cannot be played, its audio is written to a new file in the current
    folder. With --json nothing is played.
    """
    workspace = find_workspace(cache_dir=cache_dir, recordings_dir=recordings_dir)
    if output is not None:
        check_output(output, workspace.side.rootdir, as_json=as_json)
    found = find_entries(workspace, wanted)
    refuse_ambiguous(found, wanted)
    entries = replayed(workspace, found)
    if output is not None and len(entries) > 1:
        raise screen.RefusedError(
            f"{len(entries):,} entries have this prompt; choose one for -o by its key:\n{choices(entries)}"
        )
    if not as_json:
        workspace.announce()
    facts = [
        _play(workspace, entry, label, output, as_json=as_json)
        for entry, label in zip(entries, _labels(entries), strict=True)
    ]
    if as_json:
        screen.show_json({**workspace.to_json(), "entries": facts})
    if any("problem" in each for each in facts):
        raise click.exceptions.Exit(1)


def _play(
    workspace: CommandWorkspace, entry: Entry, label: str, output: Path | None, *, as_json: bool
) -> dict[str, Any]:
    """Play one entry or write it to the file; return its facts, and the problem if it cannot be played."""
    audio = workspace.layered.lookup(entry.key)  # what a test replays
    facts = entry.to_json()
    if (problem := _problem(audio, entry)) is not None or not isinstance(audio, Audio):
        name = f"{shorten(entry.prompt or '(unknown)')} (key {shown(entry.key[:12])})"
        screen.complain(f"{name} cannot be played: {shown(problem)}")
        return {**facts, "problem": problem}
    facts |= {"format": audio.format, "sample_rate": audio.sample_rate, "seconds": audio.known_duration}
    if output is not None:
        _write(audio, output, label, as_json=as_json)
        facts["output"] = str(output.absolute())
    elif not as_json:
        screen.show(label)
        if (sentence := play_or_write(audio, entry.prompt, entry.key)) is not None:
            screen.show(sentence)
    return facts


def _problem(found: Audio | Miss, entry: Entry) -> str | None:
    if isinstance(found, Miss):
        return entry.problem.reason if entry.problem and found.reason == "absent" else found.reason
    try:
        check_format(found)
    except ValueError as error:  # an earlier russo stored raw samples as WAV
        return str(error)
    return None


def _write(audio: Audio, output: Path, label: str, *, as_json: bool) -> None:
    tell = screen.note if is_standard_output(output) else screen.show
    replaced = replaced_by(output)
    try:
        write_audio(audio, output)
    except ValueError as error:
        raise screen.RefusedError(str(error)) from error
    if not as_json:
        tell(label)
        if not is_standard_output(output):
            tell(f"written to {visible(str(output))}{replaced}")


def _labels(entries: Sequence[Entry]) -> list[str]:
    """Return a line about each entry; if there are several, with the settings that differ."""
    length = key_length({entry.key for entry in entries})
    differences = Differences(entries)
    common = [f"{name} {text}" for name, text in differences.common.items()]
    labels = []
    for number, entry in enumerate(entries, 1):
        is_one = len(entries) == 1
        head = shorten(entry.prompt or "(unknown)") if is_one else f"{number} of {len(entries)}"
        settings = common if is_one else differences.texts(entry, _MOST_SETTINGS)
        facts = [*settings, f"{seconds_text(entry.seconds)} s", f"key {entry.key[:length]}"]
        labels.append(f"{head}: {', '.join(facts)}")
    return labels
