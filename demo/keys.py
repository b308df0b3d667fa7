"""The DKIM keys of the demo's senders: made once into files, shared by the domains of one mail host as hosters do."""

import base64
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from demo.senders import SENDERS
from demo.write import write_file

ED25519 = "edwards"  # the name of the one key that is no RSA key
NAMES = tuple(sorted({sender.key for sender in SENDERS if sender.key}))


@dataclass(frozen=True, slots=True)
class Key:
    """DKIM signing key; its name is the selector too."""

    name: str
    private: bytes  # as dkimpy takes it: PEM (PKCS #1) for RSA, base64 of the seed for Ed25519
    algorithm: bytes  # rsa-sha256, ed25519-sha256
    record: str  # the TXT record that publishes it (RFC 6376, 3.6.1; RFC 8463)


def read_keys(directory: Path) -> dict[str, Key]:
    """Reads the keys by name; makes those that have no file in `directory` yet."""
    return {name: read_key(name, directory / f"{name}.pem") for name in NAMES}


def read_key(name: str, path: Path) -> Key:
    """The key in this file."""
    if not path.exists():
        write_file(path, fresh_pem(name), mode=0o600)
    private = serialization.load_pem_private_key(path.read_bytes(), None)
    if isinstance(private, Ed25519PrivateKey):
        raw = serialization.Encoding.Raw, serialization.PublicFormat.Raw
        public = base64.b64encode(private.public_key().public_bytes(*raw)).decode()
        return Key(name, base64.b64encode(private.private_bytes_raw()), b"ed25519-sha256", f"v=DKIM1; k=ed25519; p={public}")
    if not isinstance(private, RSAPrivateKey):
        raise TypeError(f"{path} holds neither an RSA nor an Ed25519 key")
    der = private.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return Key(name, pem_of(private), b"rsa-sha256", f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode()}")


def fresh_pem(name: str) -> bytes:
    """A new private key in PEM form."""
    if name == ED25519:
        ed25519 = Ed25519PrivateKey.generate()
        return ed25519.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem_of(generate_private_key(65537, 2048))


def pem_of(private: RSAPrivateKey) -> bytes:
    """An RSA key in the form that dkimpy reads."""
    return private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
