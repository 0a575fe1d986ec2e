"""One ClickHouse server over HTTP: what load and ask need of it, with Python's own library alone.

A server is named by its URL, http://[USER:PASSWORD@]HOST:PORT; without one $CLICKHOUSE_URL is, or the one on this host. It may be any
server of the cluster. What it refuses, or that it does not answer, is a ServerProblem, with its own first line.
"""

import os
import urllib.error
import urllib.parse
import urllib.request

SECONDS = 600
STRAIGHT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # whatever $http_proxy says


class Problem(Exception):
    """What a person is told, on one line."""


class ServerProblem(Problem):
    pass


class Server:
    def __init__(self, url=None):
        parts = urllib.parse.urlsplit(url or os.environ.get("CLICKHOUSE_URL") or "http://127.0.0.1:8123")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Problem("a server is named by http://HOST:PORT")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        self.place = f"{parts.scheme}://{host}:{parts.port or 8123}"
        self.headers = {}
        if parts.username:
            self.headers["X-ClickHouse-User"] = urllib.parse.unquote(parts.username)
            self.headers["X-ClickHouse-Key"] = urllib.parse.unquote(parts.password or "")

    def post(self, sql, data=None, **settings):
        """What it answers, as bytes. `data` is that of an INSERT."""
        if data is not None:
            settings["query"] = sql
        request = urllib.request.Request(f"{self.place}/?{urllib.parse.urlencode(settings)}", method="POST", headers=self.headers,
                                         data=sql.encode() if data is None else data)
        try:
            with STRAIGHT.open(request, timeout=SECONDS) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            said = error.read(4000).decode(errors="replace").splitlines()
            raise ServerProblem(f"{self.place} refuses: {printable(said[0]) if said else error.reason}") from None
        except (OSError, ValueError) as error:
            raise ServerProblem(f"{self.place} does not answer: {getattr(error, 'reason', error)}") from None


def quoted(text):
    """A string of SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def printable(text):
    """For a terminal: no character that is not to be seen."""
    return "".join(c if c.isprintable() else "?" for c in text)
