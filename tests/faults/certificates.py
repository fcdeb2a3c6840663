"""Certificates for servers of the tests: from an authority that is believed, for a host and a time of one's choice."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

DAY = timedelta(days=1)
PEM = serialization.Encoding.PEM


def _name(said):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, said)])


class Authority:
    def __init__(self, folder):
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("The tests' own authority")
        usage = x509.BasicConstraints(ca=True, path_length=None)
        own = self._certificate(self._name, self._key, -DAY, DAY).add_extension(usage, critical=True)
        self._own = own.sign(self._key, hashes.SHA256())

    def believed(self):
        """A context of somebody who believes us."""
        context = ssl.create_default_context()
        context.load_verify_locations(cadata=self._own.public_bytes(PEM).decode())
        return context

    def server(self, host="127.0.0.1", *, since=-DAY, until=DAY, by_itself=False):
        """The context of a server that has a certificate for this host."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = self._certificate(_name(host), key, since, until, _name(host) if by_itself else self._name)
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))])
        signed = made.add_extension(names, critical=False).sign(key if by_itself else self._key, hashes.SHA256())
        plain = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        file = self._folder / "server.pem"
        file.write_bytes(plain + signed.public_bytes(PEM))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(file)
        return context

    def _certificate(self, name, key, since, until, issuer=None):
        now = datetime.now(UTC)
        return x509.CertificateBuilder(
            issuer or self._name, name, key.public_key(), x509.random_serial_number(), now + since, now + until
        )
