"""Writes down what drivers say to PostgreSQL, and the types of what it answers: `record.py PORT OUTPUT TITLE COMMAND...`.

The command runs once a scenario, `{scenario}` and `{port}` replaced: the port is one of this program's, which passes everything on
to PORT and notes it. The answers are PostgreSQL's, so that the replay (tests/it/door/recorded.rs) has an oracle.
"""

import json
import socket
import struct
import subprocess
import sys
import threading

SCENARIOS = ["start_up", "prepare", "fetch_size", "error", "cancel", "reset"]
CODES = {80877102: "Cancel", 80877103: "SSLRequest", 80877104: "GSSENCRequest"}


class Log:
    """One line a message of the client; the server's in between as one line of types."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.answers: list[str] = []
        self.lock = threading.Lock()

    def client(self, message: list) -> None:
        with self.lock:
            self.flush()
            self.lines.append("> " + json.dumps(message, ensure_ascii=False))

    def server(self, kind: str) -> None:
        with self.lock:
            if kind == "D" and self.answers and self.answers[-1].startswith("D*"):
                self.answers[-1] = f"D*{int(self.answers[-1][2:]) + 1}"
            else:
                self.answers.append("D*1" if kind == "D" else kind)

    def flush(self) -> None:
        if self.answers:
            self.lines.append("< " + " ".join(self.answers))
            self.answers = []


class Body:
    def __init__(self, data: bytes) -> None:
        self.data = data

    def text(self) -> str:
        text, _, self.data = self.data.partition(b"\0")
        return text.decode()

    def number(self, form: str) -> int:
        size = struct.calcsize(form)
        (value,), self.data = struct.unpack(form, self.data[:size]), self.data[size:]
        return value

    def list(self, form: str) -> list[int]:
        return [self.number(form) for _ in range(self.number(">h"))]

    def value(self) -> str | None:
        length = self.number(">i")
        if length < 0:
            return None
        value, self.data = self.data[:length], self.data[length:]
        return value.hex()


def decoded(kind: bytes, body: Body) -> list:
    match kind:
        case b"Q":
            return ["Query", body.text()]
        case b"P":
            return ["Parse", body.text(), body.text(), body.list(">I")]
        case b"B":
            portal, statement, formats = body.text(), body.text(), body.list(">h")
            values = [body.value() for _ in range(body.number(">h"))]
            return ["Bind", portal, statement, formats, values, body.list(">h")]
        case b"D" | b"C":
            return ["Describe" if kind == b"D" else "Close", chr(body.number(">B")), body.text()]
        case b"E":
            return ["Execute", body.text(), body.number(">i")]
        case b"H" | b"S" | b"X":
            return [{b"H": "Flush", b"S": "Sync", b"X": "Terminate"}[kind]]
    raise ValueError(f"a message of type {kind!r}")


def exactly(source: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = source.recv(count - len(data))
        if not more:
            raise ConnectionError
        data += more
    return data


def hang_up(end: socket.socket) -> None:
    """Closing alone is not noticed while the other thread reads."""
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


def from_client(client: socket.socket, server: socket.socket, log: Log, started: threading.Event, one_byte: threading.Event) -> None:
    try:
        while True:
            if started.is_set():
                head = exactly(client, 5)
                data = exactly(client, struct.unpack(">i", head[1:])[0] - 4)
                log.client(decoded(head[:1], Body(data)))
            else:
                head = exactly(client, 4)
                data = exactly(client, struct.unpack(">i", head)[0] - 4)
                code = struct.unpack(">i", data[:4])[0]
                if code in CODES:
                    log.client([CODES[code]])
                    if code != 80877102:
                        one_byte.set()
                else:
                    body, parameters = Body(data[4:]), {}
                    while name := body.text():
                        parameters[name] = body.text()
                    log.client(["Startup", code, parameters])
                    started.set()
            server.sendall(head + data)
    except (ConnectionError, OSError):
        hang_up(server)


def from_server(client: socket.socket, server: socket.socket, log: Log, one_byte: threading.Event) -> None:
    try:
        while True:
            head = exactly(server, 1)
            if one_byte.is_set():
                one_byte.clear()
                log.server(head.decode())
                client.sendall(head)
                continue
            head += exactly(server, 4)
            data = exactly(server, struct.unpack(">i", head[1:])[0] - 4)
            kind = chr(head[0])
            if kind == "E":
                fields = {field[:1]: field[1:].decode() for field in data.split(b"\0") if field}
                kind = f"E:{fields[b'C']}"
            elif kind == "Z":
                kind = f"Z:{data.decode()}"
            if kind not in "SNK":
                log.server(kind)
            client.sendall(head + data)
    except (ConnectionError, OSError):
        hang_up(client)


def serve(listener: socket.socket, upstream: int, log: Log) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        server = socket.create_connection(("127.0.0.1", upstream))
        started, one_byte = threading.Event(), threading.Event()
        threading.Thread(target=from_client, args=(client, server, log, started, one_byte), daemon=True).start()
        threading.Thread(target=from_server, args=(client, server, log, one_byte), daemon=True).start()


def main() -> None:
    upstream, output, title, *command = sys.argv[1:]
    lines = [f"# {title}", "# By sql-tests/clients/recorded/record.py; > is what the client says, < the types of PostgreSQL's answers."]
    for scenario in SCENARIOS:
        log = Log()
        listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=serve, args=(listener, int(upstream), log), daemon=True).start()
        port = listener.getsockname()[1]
        subprocess.run([word.format(scenario=scenario, port=port) for word in command], check=True, timeout=60)
        listener.close()
        log.flush()
        lines += ["", f"[{scenario}]", *log.lines]
    with open(output, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


main()
