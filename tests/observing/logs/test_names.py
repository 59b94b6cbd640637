"""Which names say that what they name is a secret."""

import pytest

from telemetry.logs.names import names_a_secret, variable_names_a_secret


@pytest.mark.parametrize(
    "name",
    [
        "SharedAccessKey", "AccountKey", "InstrumentationKey", "password", "sasl_plain_password", "sig", "api-key",
        "key", "x-functions-key", "Ocp-Apim-Subscription-Key", "client_secret", "refresh_token", "Authorization",
        "connection_string", "connectionString", "primary_key", "--api-key", "Set-Cookie",
    ],
)  # fmt: skip
def test_a_secret(name):
    assert names_a_secret(name)


@pytest.mark.parametrize(
    "name", ["SharedAccessKeyName", "Endpoint", "config", "keyboard", "tokens_seen", "partition", "", "12345", "design"]
)
def test_no_secret(name):
    assert not names_a_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "WEIR__HTTP__AUTH__PRIMARY_KEY", "APPLICATIONINSIGHTS_CONNECTION_STRING", "AZURE_CLIENT_SECRET", "DB_PASSWORD",
        "GITHUB_TOKEN", "IDENTITY_HEADER", "AzureWebJobsDashboardKey", "EventHubConnectionString", "APIKEY",
        "AWS_SECRET_ACCESS_KEY", "STORAGE_SAS",
    ],
)  # fmt: skip
def test_a_variable_with_a_secret(name):
    assert variable_names_a_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "PWD", "PATH", "AZURE_FEDERATED_TOKEN_FILE", "SSL_KEY_FILE", "TOKEN_URL", "SHARED_ACCESS_KEY_NAME", "KEYBOARD",
        "AZURE_TOKEN_CREDENTIALS", "MONKEY", "", "_",
    ],
)  # fmt: skip
def test_a_variable_without(name):
    assert not variable_names_a_secret(name)
