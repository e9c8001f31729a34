"""What scripts that start several daemons share. Not a script itself."""
import pathlib
import socket
import subprocess
import sys
import time

PATIENCE = 120  # s, for whatever is waited for; a cluster starts in twenty


def free_ports(count):
    """All held at once, so that they differ."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        return True
    except OSError:
        return False


class Daemons:
    """Processes by name; what each prints is in `home`."""

    def __init__(self, home, environment):
        self.home, self.environment = pathlib.Path(home), environment
        self.running = {}

    def start(self, name, *command):
        with open(self.home / f"{name}.out", "ab") as out:
            self.running[name] = subprocess.Popen(list(map(str, command)), env=self.environment,
                                                  stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def run(self, *command):
        """What it printed; an error says what it complained of."""
        done = subprocess.run(list(map(str, command)), env=self.environment, capture_output=True,
                              text=True, timeout=PATIENCE, check=False)
        if done.returncode != 0:
            raise OSError(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
        return done.stdout

    def wait(self, what, holds):
        until = time.monotonic() + PATIENCE
        while not holds():
            dead = [name for name, process in self.running.items() if process.poll() is not None]
            if dead or time.monotonic() > until:
                raise OSError(f"{what}: no answer{'; ended: ' + ', '.join(dead) if dead else ''}")
            time.sleep(0.1)

    def kill(self, name):
        process = self.running.pop(name)
        process.kill()
        process.wait()

    def end(self):
        for process in self.running.values():
            process.kill()  # nothing of it is kept
        for process in self.running.values():
            process.wait()

    def complain(self, why):
        print(f"did not start: {why}", file=sys.stderr)
        for log in sorted(self.home.glob("*.out")):
            print(f"{log.name}: {log.read_text(errors='replace')[-500:]}", file=sys.stderr, flush=True)
