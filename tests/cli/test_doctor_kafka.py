"""`weir doctor` before an Apache Kafka that encrypts, asks who comes, and does not let everybody do everything."""

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from tests.brokers import unique_topic
from tests.cli.configured import configuration
from tests.cli.examined import examine
from tests.stream.secured import CONNECTION_STRING, SETTINGS, app_service, ca_file, listeners

PASSWORD = "canary-password-9c1f"  # noqa: S105 - of nothing
SECRETS = (PASSWORD, "c2VjcmV0LWtleQ", CONNECTION_STRING)
CHANGE = "WEIR__STREAM__SOURCE__SASL__PASSWORD"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def guarded(own_kafka, folder):
    """A broker with an open door for the test, and three that are guarded for what is tested."""
    doors = listeners(folder)
    tls = {key: value for key, value in doors["KEY"].items() if key.startswith("ssl.")}
    login = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    users = f'{login} user_weir="{PASSWORD}" user_guest="{PASSWORD}";'
    doors["PASSWORD"] = {**tls, "sasl.enabled.mechanisms": "PLAIN", "plain.sasl.jaas.config": users}
    with own_kafka(listeners=doors, settings=SETTINGS) as kafka:
        yield kafka


@pytest.fixture
def settings(guarded, folder, tmp_path):
    """The configuration of a user who may do everything."""
    found = configuration(tmp_path)
    for key in ("source", "sink", "dead_letters"):
        found["stream"][key]["topic"] = guarded.create_topic(unique_topic(key), 1)
    sasl = {"mechanism": "PLAIN", "username": "weir"}
    servers = {"bootstrap_servers": guarded.servers_of("PASSWORD"), "tls": {"ca_file": str(ca_file(folder))}}
    found["stream"]["source"] |= servers | {"sasl": sasl}
    return found


@pytest.fixture
def told(settings, tmp_path):
    """Examine the configuration; no secret is ever printed."""

    def told(password=PASSWORD, **environment):
        if settings["stream"]["source"].get("sasl"):
            environment |= {CHANGE: password}
        found = examine(tmp_path, settings, **environment)
        assert not any(secret in found.text for secret in SECRETS)
        return found

    return told


def allow(guarded, *, user, **rights):
    """Give a user a right on a topic, or on a group: `topic=(name, "READ")`."""
    admin = AdminClient({"bootstrap.servers": guarded.bootstrap_servers})
    bindings = [
        AclBinding(
            getattr(ResourceType, kind.rstrip("_").upper()),
            name,
            ResourcePatternType.LITERAL,
            f"User:{user}",
            "*",
            getattr(AclOperation, right),
            AclPermissionType.ALLOW,
        )
        for kind, (name, right) in rights.items()
    ]
    for made in admin.create_acls(bindings).values():
        made.result(20)


class TestEncryption:
    def test_a_certificate_that_is_trusted(self, guarded, told):
        found = told()
        assert found.wrong == {}
        words = found.notes[f"source, broker {guarded.servers_of('PASSWORD')}"]
        assert words.startswith("answers; its certificate is trusted, and expires soon: 20")
        assert found.well["source, sign-in"] == "PLAIN as 'weir': accepted"

    def test_one_that_is_not(self, guarded, settings, told):
        settings["stream"]["source"]["tls"] = {}
        assert told().wrong == {
            f"source, broker {guarded.servers_of('PASSWORD')}": "does not answer: its certificate is not trusted: "
            "self-signed certificate (stream.source.tls.ca_file)"
        }

    def test_a_certificate_that_cannot_be_loaded(self, settings, told):
        settings["stream"]["source"]["tls"] = {"ca_file": "nowhere.pem"}
        assert told().wrong == {
            "source, encryption": "stream.source.tls: cannot load nowhere.pem: No such file or directory"
        }

    def test_a_broker_that_does_not_encrypt(self, guarded, settings, told):
        settings["stream"]["source"]["bootstrap_servers"] = guarded.bootstrap_servers
        assert told().wrong == {
            f"source, broker {guarded.bootstrap_servers}": (
                "does not answer: it closed the connection (stream.source.tls)"
            )
        }

    def test_a_broker_that_does(self, settings, told):
        del settings["stream"]["source"]["tls"], settings["stream"]["source"]["sasl"]
        assert told().wrong == {
            "source, sign-in": "none is set: the broker closed the connection: it may want a sign-in "
            "(stream.source.sasl) or encryption (stream.source.tls)"
        }


class TestPasswords:
    def test_a_wrong_password(self, told):
        assert told("another-canary-password").wrong == {
            "source, sign-in": "PLAIN as 'weir': refused: Authentication failed: Invalid username or password "
            f"(stream.source.sasl.username, {CHANGE})"
        }

    def test_a_mechanism_that_the_cluster_does_not_have(self, settings, told):
        settings["stream"]["source"]["sasl"]["mechanism"] = "SCRAM-SHA-512"
        [(what, words)] = told().wrong.items()
        assert what == "source, sign-in"
        assert words.startswith("SCRAM-SHA-512 as 'weir': refused: ")
        assert words.endswith("(stream.source.sasl.mechanism)")

    def test_a_sink_in_another_cluster_has_a_sign_in_of_its_own(self, settings, told):
        source = settings["stream"]["source"]
        settings["stream"]["sink"] |= {key: source[key] for key in ("bootstrap_servers", "tls", "sasl")}
        password = "WEIR__STREAM__SINK__SASL__PASSWORD"  # noqa: S105
        found = told(**{password: "another-canary-password"})
        assert found.wrong == {
            "sink, sign-in": "PLAIN as 'weir': refused: Authentication failed: Invalid username or password "
            f"(stream.sink.sasl.username, {password})"
        }
        assert f"dead_letters, topic {settings['stream']['dead_letters']['topic']}" in found.well


class TestRights:
    def test_a_user_who_may_do_nothing(self, settings, told):
        settings["stream"]["source"]["sasl"]["username"] = "guest"
        needed = {"source": "Read", "sink": "Write", "dead_letters": "Write"}
        assert told().wrong == {
            f"{key}, topic {settings['stream'][key]['topic']}": f"may not be seen: give this user the right {right} "
            f"on it, or change stream.{key}.topic"
            for key, right in needed.items()
        }

    def test_a_user_who_may_only_look(self, guarded, settings, told):
        stream = settings["stream"]
        for key in ("source", "sink", "dead_letters"):
            allow(guarded, user="guest", topic=(stream[key]["topic"], "DESCRIBE"))
        group = stream["source"]["group"]
        allow(guarded, user="guest", group=(group, "DESCRIBE"))
        stream["source"]["sasl"]["username"] = "guest"
        found = told()
        assert found.wrong == {
            f"source, topic {stream['source']['topic']}": (
                "1 partition, and may not be read: give this user the right Read on it"
            ),
            f"sink, topic {stream['sink']['topic']}": (
                "1 partition, and may not be written: give this user the right Write on it"
            ),
            f"dead_letters, topic {stream['dead_letters']['topic']}": (
                "1 partition, and may not be written: give this user the right Write on it"
            ),
            f"source, group {group}": (
                "may not be joined: give this user the right Read on it, or change stream.source.group"
            ),
        }
        assert found.notes["sink, sizes"] == (
            f"the cluster does not tell us the max.message.bytes of {stream['sink']['topic']}"
        )

    def test_a_group_that_is_another_users(self, guarded, settings, told):
        stream = settings["stream"]
        allow(guarded, user="guest", topic=(stream["source"]["topic"], "READ"))
        allow(guarded, user="guest", topic=(stream["sink"]["topic"], "WRITE"))
        allow(guarded, user="guest", topic=(stream["dead_letters"]["topic"], "WRITE"))
        stream["source"]["sasl"]["username"] = "guest"
        assert told().wrong == {
            f"source, group {stream['source']['group']}": "may not be used: give this user the right Read on the "
            "group, or change stream.source.group"
        }


class TestEventHubsByKafka:
    """The flavour of Event Hubs: a connection string, or the machine's identity."""

    KEY = "WEIR__STREAM__SOURCE__CONNECTION_STRING"

    @pytest.fixture(autouse=True)
    def flavour(self, settings):
        del settings["stream"]["source"]["sasl"]
        settings["stream"]["source"]["flavour"] = "event_hubs"

    def test_a_connection_string(self, guarded, settings, told):
        settings["stream"]["source"]["bootstrap_servers"] = guarded.servers_of("KEY")
        found = told(**{self.KEY: CONNECTION_STRING})
        assert found.wrong == {}
        assert found.well["source, sign-in"] == (
            "the connection string's key 'weir', for the whole namespace: accepted"
        )

    def test_a_wrong_key(self, guarded, settings, told):
        settings["stream"]["source"]["bootstrap_servers"] = guarded.servers_of("KEY")
        found = told(**{self.KEY: CONNECTION_STRING.replace("c2VjcmV0", "Y2FuYXJ5")})
        assert found.wrong == {
            "source, sign-in": "the connection string's key 'weir', for the whole namespace: refused: "
            f"Authentication failed: Invalid username or password ({self.KEY})"
        }
        assert "Y2FuYXJ5" not in found.text

    def test_the_managed_identity_of_an_app_service(self, guarded, settings, told):
        settings["stream"]["source"]["bootstrap_servers"] = guarded.servers_of("TOKEN")
        with app_service() as service:
            found = told()
        assert found.wrong == {}
        assert found.well["source, identity"] == "the managed identity (ManagedIdentityCredential) gave a token"
        assert found.well["source, sign-in"] == "the identity's token: accepted"
        assert service.resources == ["https://127.0.0.1"]

    def test_a_token_that_is_not_taken(self, guarded, settings, told):
        settings["stream"]["source"]["bootstrap_servers"] = guarded.servers_of("TOKEN")
        with app_service(lasts_s=-60):
            found = told()
        assert found.wrong == {
            "source, sign-in": "the identity's token: the broker closed the connection: it does not take this (give "
            "the identity a role for data on the namespace, such as Azure Event Hubs Data Owner, and look at the clock)"
        }

    def test_nobody_to_sign_in_as(self, guarded, settings, told):
        settings["stream"]["source"]["bootstrap_servers"] = guarded.servers_of("TOKEN")
        found = told(AZURE_TOKEN_CREDENTIALS="EnvironmentCredential")  # noqa: S106 - a name
        assert found.wrong == {
            "source, identity": "no identity gave a token: EnvironmentCredential: authentication unavailable; give "
            f"this machine an identity, sign in with az login, or set {self.KEY}"
        }
        assert found.notes["source, topics"] == "were not looked at, for the cluster cannot be asked"
