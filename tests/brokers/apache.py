"""Apache Kafka itself, in KRaft mode, in child processes of the tests."""

import base64
import contextlib
import random
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from .cluster import Cluster, ExternalKafka, known_brokers
from .jars import missing_tools, server_jars
from .jvm import Guard, JavaProgram

__all__ = ["QUICK_JVM", "THROUGHPUT_JVM", "ApacheKafka", "ExternalKafka", "missing_tools"]

QUICK_JVM = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""Starts soonest and takes least of a small machine: for tests."""
THROUGHPUT_JVM = ("-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35")
"""What Kafka's own start script asks for: for benchmarks, with a `heap` of a gigabyte or more."""

_HOST = "127.0.0.1"
# Below the range from which clients are given their own ports, or a client could sit on a killed broker's port.
_PORTS = range(20_000, 32_000)
_LARGEST_MESSAGE = 16 * 1024 * 1024


class ApacheKafka(Cluster):
    """Brokers that are controllers too, on loopback ports, with their data in a temporary folder.

    Brokers are numbered from 0. They keep their port and their data when they are killed and restarted. They end with
    the context, or with this process.

    Args:
        brokers: 1 or 3. Every topic is kept by all of them, and a write needs a majority.
        heap: the largest heap of each JVM.
        jvm_options: further options of the JVM, e.g. `THROUGHPUT_JVM`.
        settings: settings of the brokers that replace the tests' own.
        listeners: further listeners, encrypted and with a sign-in: the settings of each by its name, in capitals.
        timeout: seconds that any wait may take.

    Raises:
        RuntimeError: a broker did not start; the text shows the end of its log.
        TimeoutError: nor did it fail in time; likewise.
    """

    def __init__(
        self,
        *,
        brokers: int = 1,
        heap: str = "512m",
        jvm_options: Sequence[str] = QUICK_JVM,
        settings: Mapping[str, Any] | None = None,
        listeners: Mapping[str, Mapping[str, Any]] | None = None,
        timeout: float = 60.0,
    ) -> None:
        self.timeout = timeout
        self._options = [f"-Xmx{heap}", *jvm_options, "-Dorg.apache.logging.log4j.level=INFO"]
        self._overrides = dict(settings or {})
        self._listeners = dict(listeners or {})
        names = ("PLAINTEXT", "CONTROLLER", *self._listeners)
        ports = free_ports(len(names) * brokers)
        self._ports_of = {name: ports[at * brokers :][:brokers] for at, name in enumerate(names)}
        self._ports = self._ports_of["PLAINTEXT"]
        self._nodes: list[JavaProgram] = []
        self._held = contextlib.ExitStack()

    @property
    def bootstrap_servers(self) -> str:
        """The address of every broker, running or not."""
        return self.servers_of("PLAINTEXT")

    def servers_of(self, listener: str) -> str:
        """The address of every broker for those who come by this listener."""
        return ",".join(f"{_HOST}:{port}" for port in self._ports_of[listener])

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Kill every broker and remove the data."""
        self._held.close()
        self._nodes = []

    def kill(self, i: int) -> None:
        """End broker `i` with SIGKILL."""
        self._nodes[i].kill()

    def pause(self, i: int) -> None:
        """Stop broker `i` in its tracks: its connections stay open and nothing answers."""
        self._nodes[i].pause()

    def resume(self, i: int) -> None:
        """Let a paused broker go on, and wait until the cluster has it back."""
        self._nodes[i].resume()
        self._wait_for(i)

    def restart(self, i: int) -> None:
        """Start broker `i` again on its data, killing it first if it runs, and wait until the cluster has it back."""
        self._serve(i)
        self._wait_for(i)

    def heal(self) -> None:
        """Restart what has been killed and resume what has been paused."""
        for i, node in enumerate(self._nodes):
            if not node.running:
                self._serve(i)
            elif node.paused:
                node.resume()
        for i in range(len(self._nodes)):
            self._wait_for(i)

    def evidence(self) -> str:
        """Return the end of each broker's log."""
        return "\n".join(f"--- the log of broker {i} ends with:\n{node.tail()}" for i, node in enumerate(self._nodes))

    def _start(self) -> None:
        java = ["java", *self._options, "-cp", f"{server_jars()}/*"]
        self._folder = Path(self._held.enter_context(tempfile.TemporaryDirectory(prefix="weir-kafka-")))
        guard = Guard()
        self._held.callback(guard.close)
        for i in range(len(self._ports)):
            self._write_properties(i)
            node = JavaProgram(guard, java, self._properties(i).with_name("log"))
            self._held.callback(node.kill)
            self._nodes.append(node)
        self._format()
        for i in range(len(self._nodes)):
            self._serve(i)
        for i in range(len(self._nodes)):
            self._wait_for(i)

    def _format(self) -> None:
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        for i, node in enumerate(self._nodes):
            # with its sign of equality, for one id in 64 begins with a dash
            node.start("kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(self._properties(i)))
        for i, node in enumerate(self._nodes):
            try:
                code = node.wait(self.timeout)
            except subprocess.TimeoutExpired:
                raise TimeoutError(f"broker {i} did not format its folder\n{self.evidence()}") from None
            if code:
                raise RuntimeError(f"broker {i} could not format its folder\n{self.evidence()}")

    def _serve(self, i: int) -> None:
        self._nodes[i].start("kafka.Kafka", str(self._properties(i)))

    def _wait_for(self, i: int) -> None:
        self.wait(lambda: self._is_ready(i), f"broker {i} is not ready")

    def _is_ready(self, i: int) -> bool:
        if not self._nodes[i].running:
            raise RuntimeError(f"broker {i} ended while it was starting\n{self.evidence()}")
        # A broker that was paused believes that it is still one of them: the others know better.
        alive = {j for j, node in enumerate(self._nodes) if node.running and not node.paused}
        return all(alive <= known_brokers(f"{_HOST}:{self._ports[j]}") for j in alive)

    def _properties(self, i: int) -> Path:
        return self._folder / f"broker-{i}" / "server.properties"

    def _write_properties(self, i: int) -> None:
        self._properties(i).parent.mkdir()
        settings = self._settings(i) | self._listening(i) | self._overrides
        self._properties(i).write_text("".join(f"{key}={value}\n" for key, value in settings.items()))

    def _settings(self, i: int) -> dict[str, Any]:
        voters = ",".join(f"{node}@{_HOST}:{port}" for node, port in enumerate(self._ports_of["CONTROLLER"]))
        copies, majority = len(self._ports), len(self._ports) // 2 + 1
        return {
            "process.roles": "broker,controller",
            "node.id": i,
            "controller.quorum.voters": voters,
            "controller.listener.names": "CONTROLLER",
            "log.dirs": self._properties(i).with_name("data"),
            "auto.create.topics.enable": "false",
            "default.replication.factor": copies,
            "min.insync.replicas": majority,
            "offsets.topic.replication.factor": copies,
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": majority,
            "transaction.state.log.num.partitions": 4,
            "message.max.bytes": _LARGEST_MESSAGE,
            "replica.fetch.max.bytes": _LARGEST_MESSAGE,
            # The rest shortens the waits of tests, and spares a small heap.
            "group.initial.rebalance.delay.ms": 0,
            "group.min.session.timeout.ms": 1000,
            "broker.heartbeat.interval.ms": 200,
            "broker.session.timeout.ms": 3000,
            "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
            "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
        }

    def _listening(self, i: int) -> dict[str, Any]:
        protocols = {"PLAINTEXT": "PLAINTEXT", "CONTROLLER": "PLAINTEXT", **dict.fromkeys(self._listeners, "SASL_SSL")}
        return {
            "listeners": ",".join(f"{name}://{_HOST}:{ports[i]}" for name, ports in self._ports_of.items()),
            "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in protocols.items()),
            **{
                f"listener.name.{name.lower()}.{key}": value
                for name, settings in self._listeners.items()
                for key, value in settings.items()
            },
        }


def free_ports(count: int) -> list[int]:
    """Return loopback ports on which nothing listens now."""
    chosen: set[int] = set()
    while len(chosen) < count:
        port = random.SystemRandom().choice(_PORTS)  # tests that seed `random` must not choose the same ports
        with socket.socket() as candidate, contextlib.suppress(OSError):
            candidate.bind((_HOST, port))
            chosen.add(port)
    return list(chosen)
