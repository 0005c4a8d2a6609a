"""A whole daemon: runs plans as shell scripts. It needs nats-py and the login of a daemon, as in
eval "$(npx writ env --daemon python)"; python3 daemon.py python
"""
import asyncio, contextlib, json, os, signal, sys, tempfile, time, uuid
from urllib.parse import unquote, urlsplit
import nats

URL, NAME, OWNER = os.environ["NATS_URL"], (sys.argv[1:] or ["python"])[0], os.environ.get("WRIT_OWNER", "default")
SESSION, SLOTS, SILENCE = uuid.uuid4().hex, 2, (nats.errors.Error, asyncio.TimeoutError)
FINAL = {"STALE", "NOT_FOUND", "REFUSED", "CONFLICT", "BAD_INPUT", "TOO_LARGE"}  # Of a report: it would be answered so for ever.
TEXT_BYTES = 200_000  # Of a result or a reason; a message takes 512 KiB.

class Refused(Exception):
    def __init__(self, code, message):
        self.body = {"code": code, "message": message}
        super().__init__(f"{code}: {message}")

def ending_of(text):
    """As much of its end as fits, counted as JSON: there one character may take twelve bytes."""
    while (size := len(json.dumps(text))) > TEXT_BYTES:
        text = text[-(len(text) * TEXT_BYTES // size):]
    return text

class Daemon:
    def __init__(self, bus):
        self.bus, self.attempts, self.open, self.draining, self.changed = bus, {}, set(), False, asyncio.Event()

    async def ask(self, subject, body):
        try:
            answer = json.loads((await self.bus.request(f"writ.v1.{OWNER}.{subject}", json.dumps(body).encode(), timeout=10)).data)
        except nats.errors.MaxPayloadError:  # It would be so for ever: no silence to wait out.
            raise Refused("TOO_LARGE", "the server takes no messages of this size") from None
        if "error" in answer:
            raise Refused(answer["error"]["code"], answer["error"]["message"])
        return answer

    async def live(self):
        """Says hello until a node answers, and beats until it is not known any more, or nothing of it is left while it drains."""
        while not (self.draining and not self.open):
            state = {"session": SESSION, "slots": SLOTS, "running": sorted(self.open), "draining": self.draining}
            try:
                hello = await self.ask(f"daemon.{NAME}.hello", {**state, "roles": ["worker"], "executors": ["shell"]})
                print("a node has answered", file=sys.stderr, flush=True)
                while not (self.draining and not self.open):
                    with contextlib.suppress(asyncio.TimeoutError):
                        await asyncio.wait_for(self.changed.wait(), hello["beatMs"] / 1000)
                    self.changed.clear()
                    beat = {"session": SESSION, "running": sorted(self.open), "slots": SLOTS, "draining": self.draining}
                    if not (await self.ask(f"daemon.{NAME}.beat", beat))["known"]:
                        break
            except (Refused, *SILENCE) as error:  # NAME_TAKEN too: a former process of this name is given up after its lease.
                print(f"no hello or beat: {error!r}", file=sys.stderr, flush=True)
                await asyncio.sleep(1)

    async def take(self, message):
        try:
            answer = self.obey(message.subject.rsplit(".", 1)[1], json.loads(message.data or b"{}"))
        except Refused as refused:
            answer = {"error": refused.body}
        await message.respond(json.dumps(answer).encode())

    def obey(self, verb, body):
        """Every order may come more than once: an attempt is run once, and its report is said again to whoever asks again."""
        if verb == "drain":
            self.drain()
        elif verb == "spawn" and (key := f"{body['task']['id']}/{body['task']['attempt']}") not in self.attempts:
            if self.draining or len(self.open) >= SLOTS:
                raise Refused("DRAINING" if self.draining else "BUSY", "no room here")
            self.open.add(key)
            self.attempts[key] = Attempt(self, key, body)
            for old in [key for key in self.attempts if key not in self.open][:-1000]:
                del self.attempts[old]
        elif verb in ("spawn", "cancel", "finish"):
            key = f"{body['task']['id']}/{body['task']['attempt']}" if verb == "spawn" else f"{body['task']}/{body['attempt']}"
            if key in self.attempts:
                self.attempts[key].end(None if verb == "spawn" else verb)
        else:
            raise Refused("BAD_INPUT", f"there is no order {verb} here")
        return {"accepted": True}

    def drain(self):
        self.draining = True
        self.changed.set()

class Attempt:
    def __init__(self, daemon, key, spawn):
        self.daemon, self.key, self.spawn, self.ending, self.process, self.outcome = daemon, key, spawn, None, None, None
        self.work = asyncio.create_task(self.live())

    async def live(self):
        try:
            self.outcome = await self.run()
        except Exception as error:  # No room, no program: without a report nobody would hear of the attempt's end.
            self.kill(signal.SIGKILL)
            self.outcome = "failed", {"reason": ending_of(repr(error)), "means": True}
        verb, body = self.outcome
        await self.report(verb, **body)
        self.daemon.open.discard(self.key)  # The slot is free once the report has its receipt.
        self.daemon.changed.set()

    def end(self, why):
        if self.outcome is not None and self.work.done():
            self.work = asyncio.create_task(self.report(self.outcome[0], **self.outcome[1]))
        elif why is not None:
            self.ending = self.ending or why
            self.kill(signal.SIGTERM)
            asyncio.get_running_loop().call_later(10, self.kill, signal.SIGKILL)

    def kill(self, sign):
        if self.process is not None and self.process.returncode is None:
            os.killpg(self.process.pid, sign)

    async def run(self):
        task, output, said = self.spawn["task"], b"", 0.0
        if self.spawn["repository"] is not None:
            return "failed", {"reason": "this daemon knows no repositories"}
        with tempfile.TemporaryDirectory() as folder:
            pipes = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.STDOUT, "start_new_session": True}
            self.process = await asyncio.create_subprocess_exec("sh", "-c", task["plan"], cwd=folder, **pipes)
            if self.ending is not None:
                self.kill(signal.SIGKILL)
            while chunk := await self.process.stdout.read(65536):
                output = (output + chunk)[-100_000:]
                line = {"attempt": task["attempt"], "stream": "stdout", "text": chunk.decode(errors="replace")}
                with contextlib.suppress(*SILENCE):  # It is to be looked at: the work goes on without.
                    await self.daemon.bus.publish(f"writ.v1.{OWNER}.output.{task['id']}", json.dumps(line).encode())
                if time.monotonic() - said > 5:  # An attempt without progress is taken away after `stallMs`.
                    said, _ = time.monotonic(), asyncio.create_task(self.progress())
            code = await self.process.wait()
        text = ending_of(output.decode(errors="replace"))
        if self.ending == "finish" or (self.ending is None and code == 0):
            return "done", {"result": text}
        # A failure of the means (a signal, say) is tried again, one of the work is not.
        return "failed", {"reason": self.ending or f"exit code {code}\n{text}", "means": self.ending is None and code < 0}

    async def progress(self):
        with contextlib.suppress(Refused, *SILENCE):  # The next one will do.
            if not (await self.daemon.ask(self.subject("progress"), self.stamp()))["counted"]:
                self.end("cancel")  # The attempt is over: somebody else has it, or nobody wants it.

    async def report(self, verb, **body):
        while True:
            try:
                return await self.daemon.ask(self.subject(verb), {**self.stamp(), **body})
            except Refused as refused:
                if verb == "done" and refused.body["code"] in ("BAD_INPUT", "TOO_LARGE"):
                    # Nobody would hear of the attempt's end: what cannot be reported as done has failed.
                    verb, body = self.outcome = "failed", {"reason": ending_of(str(refused)), "means": False}
                    continue
                if refused.body["code"] in FINAL:
                    return print(f"{self.key}: {refused}", file=sys.stderr, flush=True)
            except SILENCE:
                print(f"{self.key} is not reported yet", file=sys.stderr, flush=True)
            await asyncio.sleep(1)

    def subject(self, verb):
        return f"report.{self.spawn['task']['address']}.{NAME}.{verb}"

    def stamp(self):
        return {"attempt": self.spawn["task"]["attempt"], "nonce": self.spawn["task"]["nonce"], "session": SESSION}

async def main():
    user = unquote(urlsplit(URL).username or "")
    inbox = f"_INBOX_{user}" if user.startswith(("c_", "d_")) else "_INBOX"  # Our users hear answers on inboxes of their own only.
    bus = await nats.connect(URL, name=f"daemon {NAME}", inbox_prefix=inbox.encode(), max_reconnect_attempts=-1)
    daemon = Daemon(bus)
    await bus.subscribe(f"writ.v1.{OWNER}.daemon.{NAME}.{SESSION}.*", cb=daemon.take)
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, daemon.drain)
    await daemon.live()
    await daemon.ask(f"daemon.{NAME}.bye", {"session": SESSION})
    await bus.close()

asyncio.run(main())
