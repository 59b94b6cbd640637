"""The limit to measure against: the same client calls and the same session in a plain loop, and nothing else.

No checks, no ids, no dead letters, no telemetry, no commits while it runs, no care for rebalances or failures.
"""

import argparse
import asyncio
from operator import attrgetter
from pathlib import Path

import msgspec
import numpy as np
import onnxruntime as ort
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from benchmarks.workload import FEATURES

_value_of = attrgetter("value")


class _Answer(msgspec.Struct, gc=False):
    event_id: str
    label: int
    score: float


async def _loop(options: argparse.Namespace) -> None:
    event = msgspec.defstruct("event", [("transaction_id", str), *((name, float) for name in FEATURES)], gc=False)
    decode = msgspec.json.Decoder(event).decode
    features, id_of = attrgetter(*FEATURES), attrgetter("transaction_id")
    encode = msgspec.json.Encoder().encode
    session_options = ort.SessionOptions()
    session_options.intra_op_num_threads = 1
    session = ort.InferenceSession(options.model.read_bytes(), session_options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    outputs = [output.name for output in session.get_outputs()][:2]
    consumer = AIOKafkaConsumer(
        options.source,
        bootstrap_servers=options.kafka,
        group_id=options.group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=options.kafka,
        acks="all",
        enable_idempotence=True,
        max_batch_size=900_000,
        max_request_size=10_000_000,
    )
    await consumer.start()
    await producer.start()
    done = 0
    while done < options.events:
        fetched = await consumer.getmany(timeout_ms=200, max_records=4096)
        waiting = []
        for partition, records in fetched.items():
            events = list(map(decode, map(_value_of, records)))
            matrix = np.array(list(map(features, events)), np.float32)
            labels, probabilities = session.run(outputs, {name: matrix})
            answers = map(_Answer, map(id_of, events), labels.tolist(), probabilities[:, 1].tolist())
            batch = producer.create_batch()
            for record, value in zip(records, map(encode, answers), strict=True):
                if batch.append(timestamp=None, key=record.key, value=value) is None:
                    raise RuntimeError("a batch is too small for one fetch")
            waiting.append(await producer.send_batch(batch, options.sink, partition=partition.partition))
            done += len(records)
        await asyncio.gather(*waiting)
    await consumer.stop()
    await producer.stop()


def main() -> None:
    """Run until the given number of events is scored."""
    parser = argparse.ArgumentParser()
    for option in ("kafka", "source", "sink", "group"):
        parser.add_argument(f"--{option}", required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--events", type=int, required=True)
    uvloop.run(_loop(parser.parse_args()))


if __name__ == "__main__":
    main()
