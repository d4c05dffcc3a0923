"""Turns speech into words: pocketsphinx with the grammar of commands.jsgf."""

import math
from pathlib import Path

from pocketsphinx import Decoder, get_model_path

SAMPLE_RATE = 16_000  # Hz, the rate pocketsphinx's model was trained at

_GRAMMAR = Path(__file__).with_name("commands.jsgf")
_PHONES = Path(get_model_path()) / "en-us" / "en-us-phone.lm.bin"

# A grammar finds a command in any speech. The command is accepted only if its words fill the speech and
# match it better than phones in free order. Commands reach 0.92 and 0.00085, other speech 0.59 or 0.00023.
_LEAST_COVERAGE = 0.8
_LEAST_MATCH = 0.0005


class Hearing:
    """Recognises commands; loading takes half a second, so create it once and keep it."""

    def __init__(self) -> None:
        self._decoder = Decoder(lm=None, loglevel="FATAL")
        self._decoder.add_jsgf_string("commands", _GRAMMAR.read_text())
        self._decoder.add_allphone_file("phones", str(_PHONES))

    def words(self, pcm: bytes) -> str:
        """Return the words of a command, or "" for silence and for speech that is not a command.

        Args:
            pcm: One turn of speech: 16 kHz, 16 bits, mono.
        """
        command, command_score, command_frames = self._decode("commands", pcm)
        if not command_frames:
            return ""
        _, phones_score, phones_frames = self._decode("phones", pcm)
        covers = command_frames / max(phones_frames, 1)
        match = (command_score - phones_score) / command_frames
        return command if covers >= _LEAST_COVERAGE and match >= _LEAST_MATCH else ""

    def _decode(self, search: str, pcm: bytes) -> tuple[str, float, int]:
        """Return the text, its logarithmic score and the number of 10 ms frames it takes."""
        decoder = self._decoder
        decoder.activate_search(search)
        decoder.start_utt()
        decoder.process_raw(pcm, full_utt=True)
        decoder.end_utt()
        heard = decoder.hyp()
        if heard is None:
            return "", 0.0, 0
        spoken = [part for part in decoder.seg() if part.word[0] not in "<+[" and part.word != "SIL"]
        frames = sum(part.end_frame - part.start_frame + 1 for part in spoken)
        return heard.hypstr, math.log(heard.score), frames
