"""Runs moto's server and ends with the process that started it.

Standard input is a pipe held by that process: when it reaches its end, however
that process ended, so does this one. The port is chosen by the kernel and told
on standard output.
"""

import io
import os
import pickle
import sys
import threading
import traceback
from urllib.parse import parse_qs


def end_with_parent():
    while os.read(0, 4096):
        pass
    os._exit(0)


threading.Thread(target=end_with_parent, daemon=True).start()

from werkzeug.serving import make_server  # noqa: E402
from moto.core.base_backend import BackendDict, backend_lock  # noqa: E402
from moto.moto_server.werkzeug_app import (  # noqa: E402
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)


class Handler(MotoRequestHandler):
    disable_nagle_algorithm = True

    def log_request(self, *args, **kwargs):
        pass


COPY = "/sandbox-copy"


def copy(source, target):
    """Gives one account everything that another one has, under the same ids.

    All services go through one pickle, so that what they share stays shared. Account numbers
    have one length, which is why they can be exchanged in the bytes. Keys cannot be pickled, never
    change, and so are the same object in both.
    """
    keys = []

    class Writer(pickle.Pickler):
        def persistent_id(self, one):
            if not type(one).__module__.startswith("cryptography."):
                return None
            keys.append(one)
            return len(keys) - 1

    class Reader(pickle.Unpickler):
        def persistent_load(self, number):
            return keys[number]

    stream = io.BytesIO()
    with backend_lock:
        services = {service.service_name: service for service in BackendDict._instances}
        there = {
            name: dict(service[source].items())
            for name, service in services.items()
            if source in service.keys()
        }
        Writer(stream).dump(there)
    copied = stream.getvalue().replace(source.encode(), target.encode())
    for name, regions in Reader(io.BytesIO(copied)).load().items():
        services[name][target].update(regions)


class Honest:
    """Names what went wrong inside moto, where moto answers a page of HTML."""

    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        try:
            if environ["PATH_INFO"] == COPY:
                asked = parse_qs(environ["QUERY_STRING"])
                copy(asked["from"][0], asked["to"][0])
                start_response("200 OK", [("Content-Type", "text/plain")])
                return [b""]
            return self.app(environ, start_response)
        except Exception as error:
            if not isinstance(error, NotImplementedError):
                traceback.print_exc()
            what = " ".join(str(error).split())[:400]
            start_response(
                "500 Internal Server Error",
                [
                    ("Content-Type", "text/html"),
                    ("X-Moto-Failure", f"{type(error).__name__}: {what}".encode("ascii", "replace").decode()),
                ],
            )
            return [b"<!doctype html><title>500</title>"]


def promote_for_good():
    """A replica that was promoted is one no longer, and says so; moto goes on naming its source.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_PromoteReadReplica.html
    """
    from moto.rds.models import DBInstance

    source = DBInstance.read_replica_source_db_instance_identifier.fget
    DBInstance.read_replica_source_db_instance_identifier = property(
        lambda instance: source(instance) if instance.is_replica else None
    )


def warm_up():
    """The first call of a service imports it, which takes seconds: do it now."""
    from importlib import import_module

    for service in ("ec2", "elbv2", "route53", "cloudwatch", "sns", "sts"):
        import_module(f"moto.{service}.responses")
        import_module(f"moto.{service}.urls")
    promote_for_good()


server = make_server(
    "127.0.0.1",
    0,
    Honest(DomainDispatcherApplication(create_backend_app)),
    threaded=True,
    request_handler=Handler,
)
os.environ["MOTO_PORT"] = str(server.port)
print(f"PORT {server.port}", flush=True)
threading.Thread(target=warm_up, daemon=True).start()
server.serve_forever()
