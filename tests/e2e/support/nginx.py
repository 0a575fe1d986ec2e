"""nginx that compresses what it serves, under load: deep stacks through its filters and zlib."""

import os

from support.scenario import free_port, wait_for
from support.services import PYTHON, SCRIPTS, answers


class Nginx:
    def __init__(self, scenario):
        scenario.need("nginx")
        self.scenario = scenario
        self.port = free_port()

    def start(self):
        root = self.scenario.path("www")
        os.makedirs(root, exist_ok=True)
        with open(os.path.join(root, "index.html"), "w", encoding="utf-8") as file:
            file.write("".join(f"<p>line {number} of a page</p>\n" for number in range(3000)))
        path = self.scenario.path("nginx.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"""daemon off; master_process off; pid {self.scenario.path('nginx.pid')};
error_log {self.scenario.path('nginx.error')};
events {{ worker_connections 64; }}
http {{
  access_log off; gzip on; gzip_types text/html; gzip_min_length 1; gzip_proxied any;
  client_body_temp_path {root}; proxy_temp_path {root}; fastcgi_temp_path {root}; uwsgi_temp_path {root}; scgi_temp_path {root};
  server {{ listen 127.0.0.1:{self.port}; root {root}; }}
}}
""")
        self.process = self.scenario.spawn(["nginx", "-c", path], name="nginx")
        wait_for("nginx answers", lambda: answers(self.port))

    def load(self):
        return self.scenario.spawn([PYTHON, f"{SCRIPTS}/http_load.py", str(self.port), "8", "gzip"], name="nginx_load")
