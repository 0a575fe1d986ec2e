"""A cluster of ClickHouse servers on loopback, as processes of the scenario's own: own configuration and data directories, free ports,
bounded memory. Nothing of a server that the system may have is touched."""

import os
import shutil
import urllib.error
import urllib.request

from support.scenario import ROOT, check, equal, free_port, wait_for

FLEET = os.path.join(ROOT, "examples/fleet")

STRAIGHT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
CONFIG = """<yandex>
  <logger><level>warning</level><log>{folder}/server.log</log><errorlog>{folder}/error.log</errorlog></logger>
  <listen_host>127.0.0.1</listen_host><http_port>{http}</http_port><tcp_port>{tcp}</tcp_port>
  <path>{folder}/data/</path><tmp_path>{folder}/tmp/</tmp_path><users_config>users.xml</users_config>
  <default_profile>default</default_profile><default_database>default</default_database>
  <mark_cache_size>16777216</mark_cache_size>
  <remote_servers><fdr>{shards}</fdr></remote_servers>
</yandex>
"""
USERS = """<yandex>
  <profiles><default>
    <max_memory_usage>400000000</max_memory_usage><max_threads>2</max_threads><background_pool_size>2</background_pool_size>
    <background_schedule_pool_size>2</background_schedule_pool_size>
  </default></profiles>
  <users><default><password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default></users>
  <quotas><default></default></quotas>
</yandex>
"""


class Shard:
    def __init__(self, scenario, number, tcp):
        self.scenario, self.name, self.tcp, self.http = scenario, f"clickhouse{number}", tcp, free_port()
        self.url = f"http://127.0.0.1:{self.http}"
        self.folder = scenario.path(self.name)
        self.process = None

    def start(self, ports):
        os.mkdir(self.folder)
        shards = "".join(f"<shard><replica><host>127.0.0.1</host><port>{port}</port></replica></shard>" for port in ports)
        for name, text in (("config.xml", CONFIG.format(folder=self.folder, http=self.http, tcp=self.tcp, shards=shards)), ("users.xml", USERS)):
            with open(os.path.join(self.folder, name), "w", encoding="ascii") as file:
                file.write(text)
        self.process = self.scenario.spawn([shutil.which("clickhouse-server", path=os.environ.get("PATH", "") + ":/usr/sbin"), f"--config-file={self.folder}/config.xml"], name=self.name, cwd=self.folder)

    def answers(self):
        check(self.process.poll() is None, f"{self.name} ended with {self.process.poll()}: {self.scenario.read(self.name + '.stderr')[-2000:]}")
        try:
            with STRAIGHT.open(self.url + "/ping", timeout=5) as answer:
                return answer.read() == b"Ok.\n"
        except (urllib.error.URLError, OSError):
            return False

    def query(self, sql):
        with STRAIGHT.open(self.url, data=sql.encode(), timeout=60) as answer:
            return answer.read().decode()

    def number(self, sql):
        return int(self.query(sql))


def start_cluster(scenario, count=2):
    """Shards that answer and know each other, with the tables of examples/fleet."""
    scenario.need("clickhouse-server", "clickhouse-client")
    ports = [free_port() for _ in range(count)]
    shards = [Shard(scenario, number + 1, port) for number, port in enumerate(ports)]
    for shard in shards:
        shard.start(ports)
    for shard in shards:
        wait_for(f"{shard.name} to answer", shard.answers, 60, every=0.1)
    for shard in shards * 2:  # the second time changes nothing
        with open(os.path.join(FLEET, "schema.sql"), "rb") as schema:
            made = scenario.run(["clickhouse-client", "--host", "127.0.0.1", "--port", str(shard.tcp), "--multiquery"], stdin=schema)
        equal(made.returncode, 0, f"exit code of clickhouse-client with schema.sql ({made.stderr})")
    return shards
