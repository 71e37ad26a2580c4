"""The app of these tests: what it does is said by the words of its command line."""

import http.server
import os
import signal
import socket
import subprocess
import sys
import time

words = sys.argv[1:]


def note(name, text):
    """Writes a file at once, so that whoever waits for it reads all of it."""
    with open(name + ".new", "w") as file:
        file.write(text)
    os.rename(name + ".new", name)


def first_time(name):
    if os.path.exists(name):
        return False
    note(name, "")
    return True


class App(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status, text = 200, ""
        if self.path == "/":
            print("asked", self.headers["Host"], flush=True)
            if "ill" in words and not os.path.exists("well"):
                status = 500
        elif self.path == "/environment":
            text = "\n".join(f"{name}={value}" for name, value in os.environ.items())
        elif self.path == "/ids":
            text = f"{os.getuid()}:{os.getgid()} {os.getgroups()}"
        elif self.path == "/descriptors":
            for name in os.listdir("/proc/self/fd"):
                try:
                    text += f"{name} {os.readlink('/proc/self/fd/' + name)}\n"
                except OSError:
                    pass
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


if "deaf" in words:
    signal.signal(signal.SIGTERM, lambda *_: print("asked to end", flush=True))
if "crash" in words:
    print("no database", file=sys.stderr, flush=True)
    sys.exit(7)
if "prints" in words:
    sys.stdout.buffer.write(b"short\n" + b"x" * 40000 + b"\nbinary \xff\xfe\n")
    sys.stdout.buffer.flush()
if "descends" in words:
    sleeper = "import os, time; print(os.getpid(), flush=True); time.sleep(1000)"
    made = []
    # A child, one in its own session, and one whose parent has ended as well.
    for way in ["{}", "setsid {}", "(setsid {} &)"]:
        command = way.format(f"{sys.executable} -c '{sleeper}'")
        child = subprocess.Popen(["sh", "-c", command], stdout=subprocess.PIPE, text=True)
        made.append(child.stdout.readline().strip())
    note("descendants", " ".join(made))
if "late" in words and first_time("was-late"):
    print("port", os.environ["PORT"], flush=True)
    time.sleep(1000)
host = "0.0.0.0" if "open" in words else os.environ["HOSTNAME"]
port = int(os.environ["PORT"])
if "elsewhere" in words:
    port = 0
server = http.server.ThreadingHTTPServer((host, port), App)
note("pid", str(os.getpid()))
server.serve_forever()
