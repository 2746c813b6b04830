"""Certificates for servers on loopback, made on the spot."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

__all__ = ["certified"]


def certified(host: str, folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Give the server's side of TLS for a name, and the side of somebody who trusts that and nobody else."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    names = ["-addext", f"subjectAltName=DNS:{host}", "-subj", f"/CN={host}"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *names]
    subprocess.run([*made, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(certificate, key)
    return served, ssl.create_default_context(cafile=str(certificate))
