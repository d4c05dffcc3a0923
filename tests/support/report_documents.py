"""Documents of a report, as `russo-report.json` has them, and media, for tests of the page."""

import base64
import hashlib
import math
import struct
from pathlib import Path

from russo._wav import write_wav

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAACgAAAAUCAIAAABwJOjsAAAAKklEQVR4nGNgGAWjYBSMglEwCkbBKBgFo2AU"
    "jIJRMApGwSgYBaNgFAwDAAANVAABlJpWNwAAAABJRU5ErkJggg=="
)


class Media:
    """Audio and files of a document, embedded as data: URIs; counts the requests."""

    policy = "data:"

    def __init__(self):
        self.bytes = {}
        self.types = {}
        self.asked = []

    def add(self, data, media_type, suffix=""):
        name = hashlib.sha256(data).hexdigest()[:32] + suffix
        self.bytes[name], self.types[name] = data, media_type
        return name

    def audio(self, name):
        self.asked.append(name)
        return self.file(name)

    def file(self, name):
        if name not in self.bytes:
            return None
        return f"data:{self.types[name]};base64,{base64.b64encode(self.bytes[name]).decode()}"


class Beside(Media):
    """Audio and files in a directory beside the page."""

    policy = "'self'"

    def __init__(self, directory):
        super().__init__()
        self.directory = Path(directory)

    def file(self, name):
        if name not in self.bytes:
            return None
        (self.directory / "audio").mkdir(exist_ok=True)
        path = self.directory / "audio" / f"{name}.{self.types[name].partition('/')[2]}"
        path.write_bytes(self.bytes[name])
        return f"audio/{path.name}"


def speech(seconds, number=0, loudness=0.6, rate=8000):
    """Return samples that look like speech: syllables with pauses between words."""
    samples = []
    for at in range(int(seconds * rate)):
        now = at / rate
        syllable = abs(math.sin(math.pi * now * (3.1 + number % 5 * 0.3))) ** 1.5
        word = 0.15 if math.sin(now * 2.3 + number) < -0.75 else 1
        tone = math.sin(2 * math.pi * now * (140 + number % 7 * 15)) + 0.4 * math.sin(now * 5200)
        samples.append(int(32767 * loudness * syllable * word * tone / 1.4))
    return samples


class Report:
    """Builds a document. Each method returns what it added, for changes by the test."""

    def __init__(self, media=None, project="voice-agent", seconds=12.3):
        self.media = media or Media()
        self.document = {
            "format": "russo-report",
            "version": 1,
            "russo": "0.4.0",
            "project": project,
            "created": "2026-11-26T09:00:00+00:00",
            "seconds": seconds,
            "counts": {},
            "tests": [],
            "outside": {"prompts": [], "sections": [], "attachments": []},
            "audio": {},
            "files": {},
        }

    def sound(self, samples, rate=8000):
        name = self.media.add(
            write_wav(struct.pack(f"<{len(samples)}h", *samples), rate, channels=1), "audio/wav"
        )
        piece = rate // 40
        peaks = [
            round(max(map(abs, samples[at : at + piece])) / 32768, 4) for at in range(0, len(samples), piece)
        ]
        self.document["audio"][name] = {
            "media_type": "audio/wav",
            "bytes": len(self.media.bytes[name]),
            "seconds": len(samples) / rate,
            "peaks": peaks,
            "file": None,
            "problem": None,
        }
        return name

    def file(self, data, media_type, suffix):
        name = self.media.add(data, media_type, suffix)
        self.document["files"][name] = {"bytes": len(data), "media_type": media_type, "file": None}
        return name

    def use(self, prompt, audio=None, *, state="hit", backend="local", error=None, record=None, **settings):
        settings = settings or {"voice": "af", "speed": 1.0}
        key = hashlib.sha256(f"{prompt}{backend}{settings}".encode("utf-8", "surrogatepass")).hexdigest()
        seconds = self.document["audio"][audio]["seconds"] if audio else None
        return {
            "prompt": prompt,
            "key": key,
            "backend": backend,
            "state": state,
            "settings": settings,
            "audio": audio,
            "seconds": seconds,
            "error": error,
            "record": record,
        }

    def test(self, node_id, outcome="passed", prompts=(), *, problems=(), seconds=1.25, earlier=(), **parts):
        anchor = "test-" + hashlib.sha256(node_id.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        attempt = {
            "outcome": outcome,
            "seconds": seconds,
            "problems": list(problems),
            "prompts": list(prompts),
            "sections": parts.get("sections", []),
            "attachments": parts.get("attachments", []),
        }
        test = {
            "id": node_id,
            "anchor": anchor,
            "outcome": outcome,
            "command": f"pytest --russo-synth=local '{node_id}'",
            "attempts": [*earlier, attempt],
        }
        self.document["tests"].append(test)
        counts = self.document["counts"]
        for word in [outcome, *["rerun"] * len(earlier)]:
            counts[word] = counts.get(word, 0) + 1
        return test


def problem(message, phase="call", traceback=""):
    return {"phase": phase, "message": message, "traceback": traceback}


TRACEBACK = """\
russo_say = <function russo_say.<locals>.say at 0x7f5dabe84e00>, agent = <acme.Agent object at 0x7f5dabe84f10>

    def test_on(russo_say, agent):
        audio = russo_say("Turn on the kitchen light.")
>       assert agent.listen(audio).tools == ["set_light"]
E       AssertionError: assert [] == ['set_light']
E         Right contains one more item: 'set_light'

tests/test_lights.py:14: AssertionError"""
MISS = (
    "no cached audio for 'Turn off the bedroom light.' in .russo_cache (mode 'replay', key aa5ac9da1451)\n"
    "the nearest entry differs in: speed (1.0 here, 1.2 there)\n"
    "record it once with: pytest --russo-cache-mode=auto"
)


def red_run(media=None):
    """A red run: three failed tests of different kinds, reruns, skips, tests without prompts."""
    report = Report(media)
    on = report.sound(speech(1.62, 1))
    tour = report.sound(speech(3.4, 2, 0.3))
    short = report.sound(speech(0.4, 3, 0.05))
    silent = report.sound([0] * 6400)
    wait = report.sound(speech(2.3, 4))
    pixel = report.file(PIXEL, "image/png", ".png")
    trace = report.file(bytes(range(256)) * 9, "application/octet-stream", ".bin")
    report.test("tests/test_greeting.py::test_hello", prompts=[report.use("Hello!", short)], seconds=0.41)
    light = report.use("Turn on the kitchen light.", on)
    report.test(
        "tests/test_lights.py::test_on[kitchen]",
        "failed",
        [
            light,
            light,
            light,
            report.use("And now tell me everything about the tour of the house, please.", tour),
        ],
        problems=[
            problem(
                "AssertionError: assert [] == ['set_light']\n\n  Right contains one more item: 'set_light'",
                traceback=TRACEBACK,
            )
        ],
        sections=[
            {
                "title": "Conversation",
                "columns": ["time", "who", "text"],
                "rows": [
                    ["0.0 s", "caller", "Turn on the kitchen light."],
                    ["1.9 s", "agent", "Which room do you mean?"],
                    ["4.2 s", "caller", "And now tell me everything about the tour of the house, please."],
                ],
                "audio": wait,
            }
        ],
        attachments=[
            {
                "name": "transcript",
                "kind": "text",
                "text": "caller: Turn on the kitchen light.\nagent: Which room?",
            },
            {"name": "reply", "kind": "audio", "audio": wait},
            {"name": "screen.png", "kind": "image", "media_type": "image/png", "file": pixel},
            {"name": "trace.bin", "kind": "file", "media_type": "application/octet-stream", "file": trace},
            {"name": "log", "kind": "problem", "text": "agent.log is larger than 10 MB"},
        ],
    )
    miss = report.use(
        "Turn off the bedroom light.",
        state="failed",
        error=MISS,
        record="pytest --russo-cache-mode=auto tests/test_lights.py::test_off",
        voice="af",
        speed=1.0,
    )
    report.test(
        "tests/test_lights.py::test_off",
        "failed",
        [report.use("Turn on the kitchen light.", on), miss],
        problems=[problem("russo.CacheMissError: " + MISS, traceback=TRACEBACK)],
        seconds=0.02,
    )
    report.test(
        "tests/test_lights.py::TestRooms::test_every_room[bedroom-and a longer parameter::with separators]",
        prompts=[
            report.use(
                "Turn off all lights in the house.",
                wait,
                state="synthesized",
                backend="elevenlabs",
                voice="Rachel",
                stability=0.5,
                model="eleven_multilingual_v2",
            )
        ],
        seconds=64.2,
    )
    first = {
        "outcome": "rerun",
        "seconds": 1.1,
        "problems": [problem("AssertionError: the agent said nothing", traceback=TRACEBACK)],
        "prompts": [report.use("Wait a moment.", wait, state="synthesized")],
        "sections": [],
        "attachments": [],
    }
    second = {**first, "problems": [problem("AssertionError: the agent hung up", traceback=TRACEBACK)]}
    report.test(
        "tests/test_patience.py::test_wait",
        prompts=[report.use("Wait a moment.", wait)],
        earlier=[first, second],
    )
    report.test(
        "tests/test_patience.py::test_teardown",
        "error",
        [report.use("Hello!", short, voice="bm", speed=1.1)],
        problems=[problem("RuntimeError: the agent did not hang up", "teardown", TRACEBACK)],
    )
    expected = report.use(
        "Wrong voice", state="failed", error="BackendError: the voice 'zz' does not exist", voice="zz"
    )
    report.test("tests/test_voices.py::test_unknown_voice", prompts=[expected])
    report.test("tests/test_voices.py::test_silence", prompts=[report.use("…", silent)])
    report.test(
        "tests/test_voices.py::test_slow", "skipped", problems=[problem("needs -m slow", "setup")], seconds=0
    )
    report.test(
        "tests/test_voices.py::test_accent",
        "xfailed",
        [report.use("Grüß Gott", on, voice="de")],
        problems=[problem("accents are not supported yet")],
    )
    for number in range(5):
        report.test(f"tests/test_math.py::test_sum[{number}]", seconds=0.001)
    report.document["outside"]["prompts"].append(report.use("Warm up.", short))
    return report


def green_run(media=None):
    """A green run of three tests with prompts."""
    report = Report(media, seconds=2.5)
    for number, prompt in enumerate(["Hello!", "What time is it?", "Good bye."]):
        report.test(
            f"tests/test_it.py::test_{number}",
            prompts=[report.use(prompt, report.sound(speech(1 + number, number)))],
        )
    return report


def long_run(media=None, prompts=500):
    """A run of many distinct prompts of 1 to 3 s at 24 kHz; each twentieth test failed."""
    report = Report(media, "long-run", seconds=312.0)
    for number in range(prompts):
        samples = speech(1 + number % 21 / 10, number, rate=8000)
        audio = report.sound([sample for sample in samples for _ in range(3)], rate=24000)
        use = report.use(f"Prompt number {number}: turn on light {number * 7} in room {number % 13}.", audio)
        failed = number % 20 == 7
        report.test(
            f"tests/test_rooms.py::test_light[{number}]",
            "failed" if failed else "passed",
            [use],
            problems=[problem("AssertionError: assert [] == ['set_light']", traceback=TRACEBACK)]
            if failed
            else (),
        )
    return report


HOSTILE = [
    "<script>window.hurt = 1</script>",
    "</script></style></noscript></template><img src=x onerror='window.hurt = 1'>",
    "\"double\" 'single' &lt; &amp; `back` ${hurt} {{ 7 * 7 }} {% raw %} <!-- ]]>",
    "احجز رحلة من برلين إلى روما \u202eevil",
    "one\ntwo\tthree",
    "a lone \ud800 surrogate",
    "a\x00b\x1b[31m\rc",
    "x" * 10_000,
]


def hostile_run(media=None):
    """A run whose prompts, names, errors, sections and attachments are hostile."""
    report = Report(media, project=HOSTILE[1])
    sound = report.sound(speech(1.0))
    data = report.file(b"<script>window.hurt = 1</script>", "application/octet-stream", ".bin")
    for number, text in enumerate(HOSTILE):
        report.test(
            f"tests/test_it.py::test_{number}[{text}]",
            "failed",
            [
                report.use(text, sound, backend=text, **{text: text, "voice": text}),
                report.use(text, state="failed", error=text, record=text, backend=text),
            ],
            problems=[problem(text, text, text)],
            sections=[{"title": text, "columns": [text], "rows": [[text]], "audio": sound}],
            attachments=[
                {"name": text, "kind": "text", "text": text},
                {"name": text, "kind": "audio", "audio": sound},
                {"name": text, "kind": "image", "media_type": "image/png", "file": data},
                {"name": text, "kind": "file", "media_type": "application/octet-stream", "file": data},
                {"name": text, "kind": "problem", "text": text},
            ],
        )
    return report
