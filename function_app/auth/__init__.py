"""Who may ask over HTTP: callers with one of two keys, or with a token; or everybody.

`EntraAuthenticator` is in `function_app.auth.entra`, and Key Vault in `function_app.auth.vault`: their libraries take a
fifth of a second to import, and only those who use them wait for them.
"""

from function_app.auth.key_sources import key_source
from function_app.auth.keys import KeyAuthenticator
from function_app.auth.protocol import Authenticator, NoAuthenticator
from function_app.settings import AuthSettings

__all__ = ["Authenticator", "KeyAuthenticator", "NoAuthenticator", "authenticator"]


def authenticator(settings: AuthSettings) -> Authenticator:
    """Return what decides who may ask, by the settings; nothing is read before it is entered."""
    if settings.mode == "none":
        return NoAuthenticator()
    if settings.mode == "entra" and settings.entra is not None:
        from function_app.auth.entra import EntraAuthenticator  # noqa: PLC0415 - see the package's docstring

        return EntraAuthenticator(settings.entra)
    return KeyAuthenticator(key_source(settings), refresh_s=settings.refresh_s)
