"""``russo cache show``: one entry for people, as a table with a waveform; with ``--json``, its metadata."""

from __future__ import annotations

import contextlib
import itertools
import sys
import time
from collections.abc import Iterator
from typing import Final

import click

from .._audio import Audio, wav_of
from .._foreign import shown, visible
from .._store.cache import Miss
from . import screen
from .completion import entry_keys
from .entries import Entry
from .finding import find_entries
from .screen import Column
from .setting_texts import named_texts, setting_title
from .units import age_text, seconds_text, size_text
from .waveform import draw
from .workspace import directory_options, find_workspace, json_option

_WIDEST: Final = 100
_MOST_SETTINGS: Final = 200
_LONGEST_VALUE: Final = 4000
_CHANNELS: Final = {1: "1 (mono)", 2: "2 (stereo)"}


@click.command()
@click.argument("wanted", metavar="KEY|PROMPT", shell_complete=entry_keys)
@directory_options
@json_option
def show(*, wanted: str, cache_dir: str | None, recordings_dir: str | None, as_json: bool) -> None:
    """Show the settings of an entry, its audio, and its waveform.

    Give a key, its first characters, or the exact prompt. If several entries have the prompt, all are shown.
    --json prints all metadata.
    """
    workspace = find_workspace(cache_dir=cache_dir, recordings_dir=recordings_dir)
    found = find_entries(workspace, wanted)
    if as_json:
        entries = [{**entry.to_json(), "meta": entry.cache.describe(entry.key)} for entry in found]
        screen.show_json({**workspace.to_json(), "entries": entries})
        return
    workspace.announce()
    for number, entry in enumerate(found):
        if number:
            screen.show("")
        _show_entry(entry)


def _show_entry(entry: Entry) -> None:
    found = entry.cache.lookup(entry.key)
    if isinstance(found, Miss) and found.reason == "absent" and entry.problem is not None:
        found = entry.problem
    rows = [
        ("prompt", "(unknown)" if entry.prompt is None else shown(entry.prompt, _LONGEST_VALUE)),
        ("key", entry.key),
        *_settings(entry),
        *(_sound(found) if isinstance(found, Audio) else ()),
        ("size", f"{size_text(entry.size)} on disk"),
        ("stored", _date(entry.stored)),
        ("in", str(entry.cache.directory)),
        ("replayed", _replayed(entry, found)),
    ]
    screen.show(screen.table([Column("", fold=False), Column("", long=True, fold=True)], rows))
    if isinstance(found, Audio):
        screen.show("\n".join(_waveform(found)))
    else:
        reason = shown(found.reason, _LONGEST_VALUE)
        screen.show(f"damaged, and counts as a miss: {reason}" if found.damaged else reason)


def _settings(entry: Entry) -> Iterator[tuple[str, str]]:
    """Yield the settings, backend and voice first; settings beyond a limit are only counted."""
    settings = dict(entry.settings)
    first = {name: settings.pop(name) for name in ("backend", "class", "voice") if name in settings}
    pairs = itertools.chain(
        *(named_texts({name: value}, _LONGEST_VALUE) for name, value in first.items()),
        named_texts(settings, _LONGEST_VALUE),
    )
    for name, text in itertools.islice(pairs, _MOST_SETTINGS):
        yield setting_title(name), text or "not set"
    if left := sum(1 for _ in pairs):
        yield "…", f"and {left:,} more; --json shows all"


def _sound(audio: Audio) -> Iterator[tuple[str, str]]:
    """Yield facts about the audio; russo does not decode compressed audio, so its rate is not known."""
    yield "format", audio.format
    with contextlib.suppress(ValueError):
        wav = wav_of(audio)
        yield "sample rate", f"{wav.sample_rate:,} Hz"
        yield "channels", _CHANNELS.get(wav.channels, f"{wav.channels:,}")
    yield "seconds", seconds_text(audio.known_duration)


def _replayed(entry: Entry, found: Audio | Miss) -> str:
    if isinstance(found, Miss):
        return "no"
    return "no, because the recordings have the same key" if entry.is_shadowed else "yes"


def _date(stored: float) -> str:
    try:
        date = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(stored))
    except (OverflowError, ValueError, OSError):  # the time of a file may be any number
        return "at an impossible time"
    return f"{date} ({age_text(time.time() - stored)} ago)"


def _waveform(audio: Audio) -> list[str]:
    try:
        samples = audio.pcm()
    except ValueError as error:
        return [f"no waveform: {visible(str(error))}"]
    if not samples:
        return ["no waveform: no samples"]
    console = screen.console_for(sys.stdout)
    width = min(console.width, _WIDEST) if console.is_terminal else _WIDEST
    plain = not (console.encoding or "").startswith("utf")
    scale = f"{seconds_text(audio.known_duration)} s"
    return [*draw(samples, width, plain=plain), f"0{scale.rjust(width - 1)}"]
