"""Crawls the public names of a site from outside and fails when something of its operators answers:

    crawl.py <address> <certificate> <site>

Follows links of pages within the site and the API, then asks every path of operators in several spellings, on the
public names, on operator access and by other names. Prints one line with the counts.
"""

import html.parser
import http.client
import itertools
import json
import socket
import ssl
import sys
import time
import urllib.parse

address, certificate, site = sys.argv[1:]
host, port = address.rsplit(":", 1)
api, ops = "api." + site, "ops." + site
context = ssl.create_default_context(cafile=certificate)
most = 300
# What pages of the panel, of Grafana, of Prometheus and of a listener for operators say.
marks = [b"grafana", b"prometheus time series", b"# help ", b"data-go=", b'"is_ready"', b"sign in to the panel", b"runbook"]
hidden = [
    "/admin", "/admin/", "/admin/login", "/admin/logs", "/admin/system", "/admin/session", "/admin/api/alerts",
    "/metrics", "/livez", "/readyz", "/grafana/", "/grafana/api/health", "/grafana/login", "/prometheus/",
    "/prometheus/api/v1/query?query=up", "/api/v1/query?query=up", "/runbooks/MiniTwitDown", "/session", "/chaos/off",
    "/nginx-health", "/graph", "/-/ready", "/-/healthy", "/api/health", "/.env", "/.git/config", "/debug/pprof/",
]
spellings = [
    lambda path: path,
    lambda path: "/" + path,
    lambda path: path.replace("a", "%61", 1).replace("m", "%6d", 1),
    lambda path: "/public/.." + path,
    lambda path: "/static/..%2f" + path[1:],
    lambda path: path.upper(),
    lambda path: "/api" + path,
    lambda path: "/sim" + path,
]
failures = []
asked = 0


class Links(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = set()

    def handle_starttag(self, tag, attributes):
        self.found.update(value for name, value in attributes if name in ("href", "src", "action") and value)


def ask(name, path, server_name=None):
    """Status and body of an answer; None when the connection is refused, as for a name that has no certificate."""
    global asked
    asked += 1
    try:
        connection = http.client.HTTPSConnection(host, int(port), timeout=10, context=context)
        raw = socket.create_connection((host, int(port)), timeout=10)
        connection.sock = context.wrap_socket(raw, server_hostname=server_name or name)
        connection.putrequest("GET", path, skip_host=True)
        connection.putheader("Host", name)
        connection.endheaders()
        answer = connection.getresponse()
        status, body = answer.status, answer.read()
        connection.close()
        return status, body, answer.getheader("Location") or ""
    except (OSError, http.client.HTTPException):
        return None, b"", ""


def patiently(name, path, **more):
    """Past the limit of requests."""
    for _ in range(60):
        answer = ask(name, path, **more)
        if answer[0] != 429:
            return answer
        time.sleep(0.5)
    return answer


def crawl(name, starts):
    seen, waiting = set(starts), list(starts)
    while waiting and len(seen) < most:
        path = waiting.pop(0)
        status, body, location = patiently(name, path)
        check(name, path, status, body)
        links = Links()
        links.feed(body.decode(errors="replace"))
        found = links.found | ({location} if location else set())
        if path == "/openapi.json" and status == 200:
            found |= set(json.loads(body)["paths"])
        for link in found:
            target = urllib.parse.urlsplit(urllib.parse.urljoin(f"https://{name}{path}", link))
            if target.hostname == ops:
                failures.append(f"{name}{path} links to {link}")
            next_path = target.path + ("?" + target.query if target.query else "")
            if target.hostname == name and next_path not in seen and next_path.isascii() and " " not in next_path:
                seen.add(next_path)
                waiting.append(next_path)
    return len(seen)


def check(name, path, status, body):
    text = body.lower()
    said = [mark.decode() for mark in marks if mark in text]
    if said:
        failures.append(f"{name}{path} answered {status} and says {said}")


pages = crawl(site, ["/", "/public", "/login", "/register", "/robots.txt"])
pages += crawl(api, ["/", "/docs", "/openapi.json", "/latest"])
for name, path, spell in itertools.product((site, api), hidden, spellings):
    status, body, _ = patiently(name, spell(path))
    check(name, spell(path), status, body)
    if status not in (400, 403, 404, 405) and spell is spellings[0]:
        failures.append(f"{name}{path} answered {status}")
for path in hidden:
    # Operator access is for others; by the certificate of the site as well.
    for server_name in (ops, site):
        status, body, _ = patiently(ops, path, server_name=server_name)
        if status not in (None, 403, 421):
            failures.append(f"{ops}{path} answered {status}")
        check(ops, path, status, body)
    for name in (host, "localhost", "grafana", "prometheus", "app"):
        status, body, _ = patiently(name, path, server_name=site)
        if status != 421:
            failures.append(f"{name}{path} answered {status}")
print(f"{pages} pages and {asked} requests, {len(failures)} found")
for failure in failures[:20]:
    print(failure)
sys.exit(bool(failures))
