"""A place in blob storage to write to; importing it brings Azure's clients.

Rules:
- A file is one upload, which the service takes as a whole: a blob appears with all its bytes or not at all.
- The client tries once and for so long; whether to try again is the collector's to say.
"""

from contextlib import closing
from typing import Any

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceRequestTimeoutError,
    ServiceResponseError,
)
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobServiceClient
from pydantic import SecretStr

from telemetry.collection.settings import BlobPlace
from telemetry.collection.storage import StorageError

__all__ = ["BlobStorage"]

_CONNECT_S = 5
_ANSWER_S = 20
_WHOLE_BYTES = 256 * 1024 * 1024  # a larger file would be sent in blocks


class BlobStorage:
    """A prefix in a container."""

    def __init__(self, place: BlobPlace, connection_string: SecretStr | None, *, answer_s: float = _ANSWER_S) -> None:
        """Make the client; nothing is connected yet.

        Args:
            place: where to; it names the account where there is no connection string.
            connection_string: the account and its key.
            answer_s: how long an answer may take, in seconds.

        Raises:
            ValueError: the connection string is none.
        """
        self._credential: DefaultAzureCredential | None = None
        options: dict[str, Any] = {
            "retry_total": 0,
            "connection_timeout": _CONNECT_S,
            "read_timeout": answer_s,
            "max_single_put_size": _WHOLE_BYTES,
        }
        if connection_string is not None:
            self._service = BlobServiceClient.from_connection_string(connection_string.get_secret_value(), **options)
        else:
            self._credential = DefaultAzureCredential()
            self._service = BlobServiceClient(str(place.account_url), self._credential, **options)
        self._container = place.container
        self._prefix = f"{place.prefix}/" if place.prefix else ""

    def put(self, name: str, content: memoryview) -> None:
        """Upload a blob.

        Raises:
            StorageError: it was refused, or nobody answered in time.
        """
        try:
            with closing(self._service.get_blob_client(self._container, self._prefix + name)) as blob:
                blob.upload_blob(bytes(content), overwrite=True)
        except (AzureError, OSError, ValueError) as error:
            raise StorageError(_in_words(error)) from error

    def close(self) -> None:
        """Close the client."""
        self._service.close()
        if self._credential is not None:
            self._credential.close()


def _in_words(error: Exception) -> str:
    """Return what went wrong; an error's own text may hold an address with its signature."""
    if isinstance(error, ServiceRequestTimeoutError | ServiceResponseError):
        return "the storage account did not answer in time"
    if isinstance(error, ServiceRequestError):
        return "the storage account cannot be reached"
    if isinstance(error, HttpResponseError) and error.status_code is not None:
        code = getattr(error, "error_code", None) or error.reason
        return f"the storage account answered {error.status_code} {getattr(code, 'value', code)}"
    if isinstance(error, ClientAuthenticationError):
        return "this machine's identity cannot sign in"
    return f"the upload failed ({type(error).__name__})"
