"""Load through nginx that remembers what was acknowledged:

    load.py <file> <threads> <address,...> <certificate> <site> <simulator's credentials>

Until the file exists, each thread posts unique messages and reads pages on kept connections, with a new connection
every 25 requests, which goes to the next address when one refuses it: as browsers do for a name with several.
Then every acknowledged message has to be there exactly once. Prints one line with the counts;
fails when a read failed, or an acknowledged message is lost or doubled. A write that failed is counted: its outcome
is unknown when a replica dies with it.
"""

import base64
import collections
import http.client
import json
import os
import socket
import ssl
import sys
import threading
import time

until, threads, address, certificate, site, credentials = sys.argv[1:]
addresses = [(host, int(port)) for host, port in (one.rsplit(":", 1) for one in address.split(","))]
api = "api." + site
context = ssl.create_default_context(cafile=certificate)
credentials = base64.b64encode(credentials.encode()).decode()
own = {"Authorization": "Basic " + credentials, "Content-Type": "application/json"}
lock = threading.Lock()
failed = collections.Counter()
latencies = []
acknowledged = {}


class Client:
    def __init__(self):
        self.connections = {}
        self.uses = 0

    def ask(self, method, name, path, body=None, counted=True):
        """Status, or the name of what went wrong, and the body of an answer."""
        start = time.monotonic()
        self.uses += 1
        if self.uses % 25 == 0:
            self.close()
        try:
            connection = self.connections.get(name) or self.connect(name)
            body = json.dumps(body) if body else None
            connection.request(method, path, body, {"Host": name, **(own if name == api else {})})
            answer = connection.getresponse()
            outcome, text = str(answer.status), answer.read()
        except (OSError, http.client.HTTPException) as error:
            outcome, text = type(error).__name__, b""
            self.close()
        if counted:
            with lock:
                latencies.append(time.monotonic() - start)
                if not outcome.startswith("2"):
                    failed[f"{method} {outcome}"] += 1
        return outcome, text

    def connect(self, name):
        for host, port in addresses[:-1]:
            try:
                return self.connect_to(host, port, name)
            except (ConnectionError, TimeoutError):
                pass
        return self.connect_to(*addresses[-1], name)

    def connect_to(self, host, port, name):
        connection = http.client.HTTPSConnection(host, port, timeout=15, context=context)
        limit = 2 if len(addresses) > 1 else 15
        raw = socket.create_connection((host, port), timeout=limit)
        connection.sock = context.wrap_socket(raw, server_hostname=name)
        connection.sock.settimeout(15)
        self.connections[name] = connection
        return connection

    def close(self):
        for connection in self.connections.values():
            connection.close()
        self.connections = {}


def retry(action, accepted, seconds=60):
    """For what has to work in the end, and is no part of the load."""
    deadline = time.monotonic() + seconds
    while True:
        outcome, text = action()
        if accepted(outcome, text) or time.monotonic() > deadline:
            return outcome, text
        time.sleep(0.5)


def work(number):
    client = Client()
    user = f"load{os.getpid()}x{number}"
    account = {"username": user, "email": user + "@example.org", "pwd": "long enough"}
    register = lambda: client.ask("POST", api, "/register", account, counted=False)
    retry(register, lambda outcome, text: outcome == "204" or b"taken" in text)
    sent = acknowledged.setdefault(user, [])
    turn = 0
    while not os.path.exists(until):
        turn += 1
        text = f"message {turn} of {user} blåbær"
        outcome, _ = client.ask("POST", api, f"/msgs/{user}", {"content": text})
        if outcome == "204":
            sent.append(text)
        client.ask("GET", api, f"/msgs/{user}?no=20")
        if turn % 20 == 0:
            client.ask("GET", site, "/public")
        time.sleep(0.03)


workers = [threading.Thread(target=work, args=(number,)) for number in range(int(threads))]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()

client = Client()
lost = twice = 0
for user, sent in acknowledged.items():
    read = lambda: client.ask("GET", api, f"/msgs/{user}?no=1000000", counted=False)
    _, text = retry(read, lambda outcome, text: outcome == "200" and text.startswith(b"["))
    stored = collections.Counter(message["content"] for message in json.loads(text))
    lost += sum(stored[text] == 0 for text in sent)
    twice += sum(stored[text] > 1 for text in stored)

latencies.sort()
reads = sum(count for what, count in failed.items() if what.startswith("GET"))
p99 = latencies[len(latencies) * 99 // 100] * 1000 if latencies else 0
print(
    f"{len(latencies)} requests, failed {dict(failed)}, acknowledged {sum(map(len, acknowledged.values()))}, "
    f"lost {lost}, twice {twice}, p99 {p99:.0f} ms"
)
sys.exit(bool(reads or lost or twice or not latencies))
