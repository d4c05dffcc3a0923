"""``russo say``: synthesize or replay one prompt, and play it or write it to a file."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from .._audio import Audio
from .._errors import RussoError
from .._flow.cached import CachedSynthesizer
from .._flow.remote_summary import uploads_to_stores
from .._foreign import visible
from .._store.entry import AUDIO_SUFFIX
from .._words import count
from . import screen
from .output import check_output, is_standard_output, output_option, play_or_write, write_audio
from .refresh import refuse_to_refresh, speech_text
from .shared_store import finish_uploads, remote_facts
from .speaking import CommandEvents, open_synthesizer, run_to_end, speaking_options
from .workspace import CommandWorkspace, find_workspace, json_option


@click.command()
@click.argument("words", metavar="TEXT...", nargs=-1)
@output_option
@speaking_options
@json_option
def say(
    *,
    words: tuple[str, ...],
    output: Path | None,
    synth: str | None,
    options: tuple[str, ...],
    cache_dir: str | None,
    recordings_dir: str | None,
    refresh: bool,
    yes: bool,
    remote: str | None,
    remote_write: bool,
    as_json: bool,
) -> None:
    """Speak TEXT through the cache, and play it or write it to a file.

    If the audio cannot be played, it is written to a new file in the current folder.

    The words of TEXT are joined by one space; quotes keep other spaces. TEXT "-" reads standard input; a
    final line end is not part of the prompt. With --json nothing is played.
    """
    prompt = _prompt(words)
    workspace = find_workspace(
        cache_dir=cache_dir,
        recordings_dir=recordings_dir,
        synth=synth,
        options=options,
        remote=remote,
        remote_write=remote_write,
        uses_remote=True,
    )
    if output is not None:
        check_output(output, workspace.side.rootdir, as_json=as_json)
    to_standard_output = output is not None and is_standard_output(output)
    synthesizer, events = open_synthesizer(workspace, yes=yes, refresh=refresh)
    workspace.announce()
    if refresh:
        refuse_to_refresh(synthesizer, workspace, [prompt])
    try:
        audio = _synthesize(synthesizer, events, prompt)
    finally:
        finish_uploads(events)
        _note_kept(prompt, events)
    events.show_troubles(workspace.layered.layers)
    if events.is_interrupted:
        raise click.exceptions.Exit(130)
    if output is not None:
        _write(audio, output, prompt, events)
    if as_json:
        screen.show_json(_facts(prompt, audio, events, workspace, output))
        return
    say_result = screen.note if to_standard_output else screen.show
    for sentence in _sentences(prompt, audio, events):
        say_result(sentence)
    if to_standard_output:
        return
    if output is not None:
        screen.show(f"written to {visible(str(output))}")
    elif (problem := play_or_write(audio, prompt, events.keys.get(prompt, ""))) is not None:
        screen.show(problem)


def _prompt(words: Sequence[str]) -> str:
    if not words:
        raise click.UsageError('no text to speak: write it after "say", or "-" to read standard input')
    return _read_standard_input() if list(words) == ["-"] else " ".join(words)


def _read_standard_input() -> str:
    data = sys.stdin.buffer.read()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise screen.RefusedError(
            f"standard input is not UTF-8: {error.reason} at byte {error.start}"
        ) from None
    return text.removesuffix("\n").removesuffix("\r")


def _synthesize(synthesizer: CachedSynthesizer, events: CommandEvents, prompt: str) -> Audio:
    run = functools.partial(run_to_end, synthesizer, events)
    try:
        return synthesizer.synthesize_sync(prompt, wait_for=run)
    except (RussoError, OSError):
        raise
    except Exception as error:  # a synthesizer of the user's own may raise anything
        raise screen.FailedError(f"the synthesizer raised {type(error).__name__}: {error}") from error


def _write(audio: Audio, output: Path, prompt: str, events: CommandEvents) -> None:
    """Write the audio; if this fails, first print what was stored, replaced and billed."""
    try:
        write_audio(audio, output)
    except (ValueError, OSError) as error:
        for sentence in _sentences(prompt, audio, events):
            screen.note(sentence)
        if isinstance(error, ValueError):
            raise screen.RefusedError(str(error)) from error
        raise


def _note_kept(prompt: str, events: CommandEvents) -> None:
    """Print that the stored audio was not replaced, if ``--refresh`` has not replaced it."""
    old = events.old.get(prompt)
    if old is not None and events.is_unchanged(old):
        screen.note(f"not replaced: the stored audio ({speech_text(old.seconds)}) is unchanged")


def _sentences(prompt: str, audio: Audio, events: CommandEvents) -> Iterator[str]:
    counts, speech = events.counts, speech_text(audio.known_duration)
    if counts.hits:
        place = f" from {events.remotes[prompt]}" if prompt in events.remotes else ""
        yield f"hit: {speech}{place}, no backend call"
        return
    calls = f"{count(counts.backend_calls, 'backend call')} ({count(counts.backend_characters, 'character')})"
    refreshes = events.refreshes is not None
    if events.not_stored:
        what = "synthesized" if refreshes else "miss"
        yield f"{what}: {speech}, {calls}, not stored: {', '.join(events.not_stored.values())}"
        return
    uploads = "".join(f", {upload}" for upload in uploads_to_stores(counts))
    yield f"{'refreshed' if refreshes else 'miss'}: {speech}, {calls}, stored{uploads}"
    if refreshes:
        yield str(events.replaced.get(prompt, "no audio was stored before"))


def _path(prompt: str, events: CommandEvents) -> Path | None:
    """Return the path of the entry's audio, or ``None`` if the audio could not be stored."""
    directory = events.directories.get(prompt)
    return None if directory is None else directory / f"{events.keys[prompt]}{AUDIO_SUFFIX}"


def _facts(
    prompt: str, audio: Audio, events: CommandEvents, workspace: CommandWorkspace, output: Path | None
) -> dict[str, Any]:
    counts, path, replaced = events.counts, _path(prompt, events), events.replaced.get(prompt)
    return {
        "prompt": prompt,
        "key": events.keys.get(prompt),
        "hit": bool(counts.hits),
        "refreshed": events.refreshes is not None and prompt in events.stored,
        "replaced": None if replaced is None else replaced.to_json(),
        "backend_calls": counts.backend_calls,
        "backend_characters": counts.backend_characters,
        "not_stored": events.not_stored.get(prompt),
        "seconds": audio.known_duration,
        "format": audio.format,
        "sample_rate": audio.sample_rate,
        "bytes": len(audio.data),
        "audio": None if path is None else str(path),
        "output": None if output is None else str(output.absolute()),
        **(remote_facts(counts) if workspace.remote is not None else {}),
        **workspace.to_json(),
    }
