"""What the processes of the torture do; started by torture_processes as ``-m torture_roles ROLE JSON``."""

import asyncio
import collections
import contextlib
import errno
import json
import logging
import os
import random
import re
import resource
import shutil
import signal
import sys
import time
import warnings
from pathlib import Path

import russo._flow.single_flight
import russo._store.locks
from russo import Audio, AudioCache, CachedSynthesizer
from russo._hooks import plugin_manager
from russo._store.cache import Miss
from support import torture_broken
from support.torture_audio import make_audio, told_by
from support.torture_faults import Calls, counted, kill

KEYS = ("a", "b-c", "0" * 64)


def say(word):
    """Say one thing to the test."""
    print(json.dumps(word), flush=True)


def hear():
    """Wait for a word of the test."""
    return sys.stdin.readline().strip()


@contextlib.contextmanager
def forked(work):
    """Run work in a forked child; its exit status is 0, or 1 after an error, which it prints."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException as error:  # noqa: BLE001 - told through the status
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        finally:
            os._exit(code)
    try:
        yield pid
    finally:
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def status_of(pid):
    """Wait for a child; return its exit code, negative where a signal ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


# --- whole or not at all ---


class Readers:
    """Forked readers of all keys; each counts what it read until it is told to end."""

    def __init__(self, directory, number):
        self._directory = directory
        self._ends, self._tallies, self._pids = [], [], []
        for _ in range(number):
            self._start()

    def _start(self):
        (tally, told), (listen, end) = os.pipe(), os.pipe()
        pid = os.fork()
        if pid == 0:
            os.set_blocking(listen, False)
            os.write(told, json.dumps(self._read(listen)).encode())
            os._exit(0)
        os.close(told)
        os.close(listen)
        self._ends.append(end)
        self._tallies.append(tally)
        self._pids.append(pid)

    def _read(self, listen):
        cache, count = AudioCache(self._directory), collections.Counter()
        while True:
            with contextlib.suppress(BlockingIOError):
                os.read(listen, 1)
                return {**count, "problems": []}
            for key in KEYS:
                try:
                    audio = cache.get(key)
                    if audio is not None:
                        told_by(audio, key)
                except BaseException as error:  # noqa: BLE001 - whatever it is, it is a finding
                    return {**count, "problems": [f"{type(error).__name__}: {error}"[:300]]}
                count["reads"] += 1
                count["hits"] += audio is not None

    def end(self):
        """End them all and return their sum."""
        total, problems = collections.Counter(), []
        for end, tally, pid in zip(self._ends, self._tallies, self._pids, strict=True):
            os.write(end, b"x")
            with open(tally, "rb") as file:
                told = json.loads(file.read() or b'{"problems": ["a reader died"]}')
            problems += told.pop("problems")
            total.update(told)
            os.waitpid(pid, 0)
            os.close(end)
        return {**total, "problems": problems}


def _write_for_ever(directory, writer, rng):
    cache = AudioCache(directory)
    for serial in range(10**9):
        key = rng.choice(KEYS)
        cache.put(key, make_audio(key, writer, serial, rng.choice((10, 3000, 70_000))))


def storm(directory, seed, kills):
    """Kill writers at random moments while readers read; end with one put in peace."""
    rng = random.Random(seed)
    logging.disable(logging.CRITICAL)
    readers, writers, number = Readers(directory, 1), [], 0
    interrupted = 0
    for _ in range(kills):
        while len(writers) < 2:
            number += 1
            sys.stdout.flush()
            pid = os.fork()
            if pid == 0:
                _write_for_ever(directory, number % 90, random.Random(seed + number))
            writers.append(pid)
        time.sleep(rng.uniform(0, 0.006))
        victim = writers.pop(rng.randrange(2))
        os.kill(victim, signal.SIGKILL)
        os.waitpid(victim, 0)
        with contextlib.suppress(FileNotFoundError):
            interrupted += any(f".{victim}-" in name for name in os.listdir(directory))
    for pid in writers:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    told = readers.end()
    for key in KEYS:
        AudioCache(directory).put(key, make_audio(key, 99, 0))
    say({**told, "kills": kills, "interrupted": interrupted, "keys": KEYS})


def race(directory, seed, puts):
    """Let four writers overwrite the same keys to their end, while readers read."""
    logging.disable(logging.CRITICAL)
    readers, writers = Readers(directory, 1), []

    def write(writer):
        cache, rng = AudioCache(directory), random.Random(seed + writer)
        for serial in range(puts):
            key = rng.choice(KEYS) if serial >= len(KEYS) else KEYS[serial]
            assert cache.put(key, make_audio(key, writer, serial, rng.choice((10, 3000, 70_000))))

    with contextlib.ExitStack() as stack:
        writers = [stack.enter_context(forked(lambda w=writer: write(w))) for writer in range(4)]
        codes = [status_of(pid) for pid in writers]
    told = readers.end()
    problems = told["problems"] + [f"a writer ended with {code}" for code in codes if code]
    say({**told, "problems": problems, "keys": KEYS})


class Situation:
    """A directory in a known state, and the verdict on what a killed put made of it."""

    def __init__(self, directory, name):
        self.directory, self.name = directory, name
        self.old, self.new = make_audio("k", 1, 0), make_audio("k", 2, 0)
        self.problems, self.states = [], collections.Counter()

    def prepare(self):
        """Put the directory into the state."""
        shutil.rmtree(self.directory, ignore_errors=True)
        if self.name == "no directory":
            return
        cache = AudioCache(self.directory)
        cache.put("other", self.old)
        if self.name != "no entry":
            cache.put("k", self.old)
        if self.name == "a damaged entry":
            (cache.directory / "k.audio").write_bytes(b"damaged")

    def put(self):
        """Do the put that is to be killed."""
        AudioCache(self.directory).put("k", self.new)

    def judge(self, moment):
        """Note what is readable, and that the next put heals."""
        cache = AudioCache(self.directory)
        found = cache.lookup("k")
        if isinstance(found, Miss):
            state = "damaged" if found.damaged and self.name.startswith("no ") else "miss"
        else:
            state = "old" if found == self.old else "new" if found == self.new else "wrong"
        self.states[state] += 1
        if state == "wrong" or (state == "old" and self.name != "an entry"):
            self.problems.append(f"{moment}: {found}")
        next_one = make_audio("k", 3, 0)
        if not cache.put("k", next_one) or cache.get("k") != next_one:
            self.problems.append(f"{moment}: the next put did not heal")
        cache.clear()
        if rest := set(os.listdir(self.directory)) - {".gitattributes", ".gitignore"}:
            self.problems.append(f"{moment}: {rest} stay after a clear")


def killed_put(directory, situation, after):
    """Kill a put at each of its calls in turn."""
    logging.disable(logging.CRITICAL)
    here = Situation(directory, situation)
    for number in range(1, 400):
        here.prepare()

        def work(number=number):
            with counted(Calls(number, kill, after=after)):
                here.put()

        with forked(work) as pid:
            code = status_of(pid)
        if code == 0:
            break
        if code != -signal.SIGKILL:
            here.problems.append(f"call {number}: the put ended with {code}")
        here.judge(f"call {number}")
    say({"problems": here.problems, "calls": number - 1, "states": here.states})


# Calls that fail at once: they make a process older by one system call of their kind.
_PADDING = {
    "openat": lambda: os.open("/nonexistent/file", os.O_RDONLY),
    "write": lambda: os.write(10**6, b""),
    "close": lambda: os.close(10**6),
    "rename": lambda: os.rename("/nonexistent/a", "/nonexistent/b"),
    "newfstatat": lambda: os.stat("/nonexistent/file"),
    "read": lambda: os.read(10**6, 1),
    "unlink": lambda: os.unlink("/nonexistent/file"),
}


def nothing():
    """Only start and end."""
    say("nothing")


def killed_at_system_calls(directory, at, verdicts):
    """Kill a put at each of its system calls, by a tracer that kills a process at the ``at``-th of a kind.

    The tracer counts each kind for each process apart. So a child that makes ``at[kind] - n`` calls of a
    kind for nothing dies at the put's n-th of that kind; all else is done by children that stay below.
    """
    logging.disable(logging.CRITICAL)
    here = Situation(directory, "an entry")

    def drive():
        for name in at:
            for number in range(1, 60):
                if _killed_at(here, _PADDING[name], at[name] - number) == 0:
                    break
                _in_child(lambda moment=f"{name} {number}": _judge_into(here, moment, verdicts))

    _in_child(drive)
    states, problems = collections.Counter(), []
    for line in Path(verdicts).read_text().splitlines():
        verdict = json.loads(line)
        states.update(verdict["states"])
        problems += verdict["problems"]
    say({"problems": problems, "states": states})


def _in_child(work):
    with forked(work) as pid:
        assert status_of(pid) == 0


def _killed_at(here, pad, padding):
    _in_child(here.prepare)

    def work():
        for _ in range(padding):
            with contextlib.suppress(OSError):
                pad()
        here.put()

    with forked(work) as pid:
        return status_of(pid)


def _judge_into(here, moment, verdicts):
    here.judge(moment)
    note(verdicts, json.dumps({"states": here.states, "problems": here.problems}))


# --- one backend call ---


def shorten_patience(patience, sign_of_life=0.2):
    """Make others lose patience sooner."""
    assert hasattr(russo._store.locks, "PATIENCE")
    assert hasattr(russo._flow.single_flight, "PATIENCE")
    russo._store.locks.PATIENCE = russo._flow.single_flight.PATIENCE = patience
    russo._store.locks._SIGN_OF_LIFE = sign_of_life


def take_locks_away():
    """Make this process's file system one without advisory locks."""
    import fcntl

    def flock(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    fcntl.flock = flock


def note(path, line):
    """Add a line to a file that many processes write to."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.write(descriptor, (line + "\n").encode())
    os.close(descriptor)


class Speaker:
    """Speaks after a while, and notes when each call began and ended."""

    def __init__(self, calls, seconds, *, fails=False, blocks=False):
        self.cache_key_extra = {"backend": "speaker"}
        self.calls, self.seconds, self.fails, self.blocks = calls, seconds, fails, blocks

    async def synthesize(self, text):
        note(self.calls, f"{os.getpid()} begin {time.time()} {text}")
        if self.blocks:
            time.sleep(self.seconds)  # noqa: ASYNC251 - to block the loop is the point
        else:
            await asyncio.sleep(self.seconds)
        note(self.calls, f"{os.getpid()} end {time.time()} {text}")
        if self.fails:
            raise RuntimeError("the service is down")
        return Audio(text.encode() * 200, "pcm")


def payer(
    *,
    directory,
    calls,
    prompts,
    tasks=1,
    seconds=0.05,
    fails=False,
    blocks=False,
    patience=None,
    locks=True,
    timeout=None,
    warm=False,
):
    """Speak prompts from many tasks; say when it starts and ends, and what each task heard."""
    logging.disable(logging.CRITICAL)
    if patience is not None:
        shorten_patience(patience)
    if not locks:
        take_locks_away()
    speaker = CachedSynthesizer(
        Speaker(calls, seconds, fails=fails, blocks=blocks), cache=AudioCache(directory)
    )

    async def ask(prompt):
        try:
            async with asyncio.timeout(timeout):
                audio = await speaker.synthesize(prompt)
        except (RuntimeError, TimeoutError) as error:
            return f"{type(error).__name__}"
        assert audio.data == prompt.encode() * 200
        return "audio"

    async def main():
        order = [list(prompts) for _ in range(tasks)]
        for index, mine in enumerate(order):
            random.Random(index + os.getpid()).shuffle(mine)
        return await asyncio.gather(*(ask(prompt) for mine in order for prompt in mine))

    say("ready")
    hear()
    heard = asyncio.run(main())
    say({"heard": collections.Counter(heard), "time": time.time()})


def place_holders(directory, referee, seconds, seed):
    """Take the place for one key again and again; a lock beside it judges whether two had it at once."""
    import fcntl

    from russo._store.locks import KeyLock

    os.makedirs(directory, exist_ok=True)
    rng, loop = random.Random(seed), asyncio.new_event_loop()
    judge = os.open(referee, os.O_RDWR | os.O_CREAT)
    count = collections.Counter()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        place = KeyLock(Path(directory), "k", loop)
        if place.try_acquire():
            count["held"] += 1
            try:
                fcntl.flock(judge, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                count["at once"] += 1
            else:
                time.sleep(rng.uniform(0, 0.0005))
                fcntl.flock(judge, fcntl.LOCK_UN)
        place.release()
    loop.close()
    say(count)


def place_sweeper(directory, seconds):
    """Sweep the locks again and again."""
    from russo._store.locks import sweep_locks

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sweep_locks(directory, 0.0)
        time.sleep(0.0001)
    say("done")


def fork_in_flight(directory, calls):
    """Fork while a call is in flight; the child asks for the same prompt."""
    import threading

    warnings.simplefilter("ignore")  # forking with threads is what users' tools do
    shorten_patience(1.0)
    speaker = CachedSynthesizer(Speaker(calls, 3.0), cache=AudioCache(directory))
    thread = threading.Thread(target=lambda: asyncio.run(speaker.synthesize("hello")))
    thread.start()
    while not os.path.exists(calls):
        time.sleep(0.01)

    def child():
        audio = asyncio.run(asyncio.wait_for(speaker.synthesize("hello"), 8))
        assert audio.data == b"hello" * 200

    with forked(child) as pid:
        code = status_of(pid)
    thread.join()
    say(code)


def fork_and_release(directory):
    """Fork while holding a place; the child lets go of what it inherited."""
    from russo._store.locks import KeyLock

    warnings.simplefilter("ignore")
    os.makedirs(directory)
    loop = asyncio.new_event_loop()
    place = KeyLock(Path(directory), "k", loop)
    assert place.try_acquire()

    with forked(place._let_go) as pid:
        assert status_of(pid) == 0
    other = KeyLock(Path(directory), "k", loop)
    taken = other.try_acquire()
    other.release()
    place.release()
    loop.close()
    say({"taken": taken})


# --- the audio is never lost ---


class Ears(logging.Handler):
    """Notes what the log says at WARNING and above."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.heard = []

    def emit(self, record):
        self.heard.append(record.getMessage())


class Repeater:
    """Speaks at once."""

    def __init__(self):
        self.cache_key_extra = {"backend": "repeater"}
        self.calls = 0

    async def synthesize(self, text):
        self.calls += 1
        return Audio(text.encode() * 5000, "pcm")


def warm_up(directory):
    """Import and make what a first miss needs: the lack of files is about to be tested, not imports."""
    plugin_manager()
    speaker = CachedSynthesizer(Repeater(), cache=AudioCache(directory))
    asyncio.run(speaker.synthesize("warm"))
    asyncio.run(speaker.synthesize("warm"))


def _speak(cache, prompts):
    """Speak prompts; return what was heard of the log and how many were paid for."""
    ears, repeater = Ears(), Repeater()
    logging.getLogger().addHandler(ears)
    speaker = CachedSynthesizer(repeater, cache=cache)

    async def main():
        for prompt in prompts:
            audio = await speaker.synthesize(prompt)
            assert audio.data == prompt.encode() * 5000

    asyncio.run(main())
    logging.getLogger().removeHandler(ears)
    return {"log": ears.heard, "calls": repeater.calls}


def speak_as_nobody(directory, warm):
    """Speak without any permission in the cache's directory."""
    warm_up(warm)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    say(_speak(AudioCache(directory), ["stored", "one", "two"]))


def speak_without_files(directory, warm, cold=False):
    """Speak when the process may open no more files; then again when it may."""
    if not cold:
        warm_up(warm)
    cache = AudioCache(directory)
    with forked(lambda: _speak(cache, ["stored"])) as pid:
        assert status_of(pid) == 0
    ears, repeater = Ears(), Repeater()
    logging.getLogger().addHandler(ears)
    speaker = CachedSynthesizer(repeater, cache=cache)

    async def main():
        resource.setrlimit(resource.RLIMIT_NOFILE, (60, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        taken = []
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.open("/dev/null", os.O_RDONLY))
        for prompt in ("stored", "one", "two"):
            audio = await speaker.synthesize(prompt)
            assert audio.data == prompt.encode() * 5000
        for descriptor in taken:
            os.close(descriptor)
        paid = repeater.calls
        for prompt in ("stored", "one", "two", "one", "two"):
            await speaker.synthesize(prompt)
        return paid

    paid = asyncio.run(main())
    say({"log": ears.heard, "paid": paid, "then": repeater.calls - paid, "rest": os.listdir(directory)})


def speak_without_threads(directory, warm):
    """Speak when the process may start no more threads."""
    warm_up(warm)
    os.setgid(65534)
    os.setuid(65534)
    resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
    import threading

    try:
        threading.Thread(target=int).start()
        say("threads")
    except RuntimeError:
        say(_speak(AudioCache(directory), ["one", "two", "one"]))


def read_in_little_memory(directory, key, mebibytes):
    """Look a key up with little memory to spare; say what was found and how much it took."""
    cache = AudioCache(directory)
    logging.disable(logging.CRITICAL)
    cache.get(key + "-none")
    before = int(re.search(r"VmSize:\s*(\d+)", Path("/proc/self/status").read_text())[1]) * 1024
    limit = before + mebibytes * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    found = cache.lookup(key)
    # Not ru_maxrss: a child inherits its parent's.
    peak = int(re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())[1]) / 1024
    say({"miss": isinstance(found, Miss), "peak": peak})


# --- nothing foreign ---


def clear_storm(directory, seed, seconds):
    """Clear, put and read at once, in many processes."""
    logging.disable(logging.CRITICAL)
    end = time.monotonic() + seconds

    def write(writer):
        cache, rng, serial = AudioCache(directory), random.Random(seed + writer), 0
        while time.monotonic() < end:
            serial += 1
            key = rng.choice(KEYS)
            assert cache.put(key, make_audio(key, writer, serial)), "a clear made a put fail"

    def clear():
        while time.monotonic() < end:
            AudioCache(directory).clear()

    readers = Readers(directory, 1)
    with contextlib.ExitStack() as stack:
        pids = [stack.enter_context(forked(lambda w=writer: write(w))) for writer in (1, 2)]
        pids += [stack.enter_context(forked(clear)) for _ in range(2)]
        codes = [status_of(pid) for pid in pids]
    told = readers.end()
    say(
        {
            **told,
            "problems": told["problems"] + [f"process {i} ended with {c}" for i, c in enumerate(codes) if c],
        }
    )


def die_in_a_put(directory):
    """Leave a temporary, and a lock, behind."""
    from russo._store.files import write_temporary
    from russo._store.locks import KeyLock

    place = KeyLock(Path(directory), "dead", asyncio.new_event_loop())
    assert place.try_acquire()
    path, _ = write_temporary(directory, "dead", b"half of it")
    say(os.path.basename(path))
    os.kill(os.getpid(), signal.SIGKILL)


def hold(directory):
    """Hold a temporary and a lock until told to end."""
    from russo._store.files import write_temporary
    from russo._store.locks import KeyLock

    loop = asyncio.new_event_loop()
    place = KeyLock(Path(directory), "living", loop)
    assert place.try_acquire()
    say(os.path.basename(write_temporary(directory, "living", b"half of it")[0]))
    hear()
    place.release()
    loop.close()
    say("done")


def store(directory, prompts):
    """Put entries, as any process would."""
    cache = AudioCache(directory)
    for number, prompt in enumerate(prompts):
        cache.put(f"k{number}", make_audio(f"k{number}", 1, number), prompt=prompt, fields={"b": 1, "a": [2]})
    say("done")


if __name__ == "__main__":
    if name := os.environ.get("RUSSO_TORTURE_BREAK"):
        torture_broken.apply(name)
    globals()[sys.argv[1]](**json.loads(sys.argv[2]))
