"""The TLS context of the SMTP server's certificate, made again when its files change (modern defaults: TLS 1.2 or newer)."""

import logging
import ssl
import time
from pathlib import Path

from triage.config.settings import Smtp
from triage.errors import BadInput
from triage.runtime import metrics

CHECK_EVERY = 1.0  # seconds between looks for a new certificate

log = logging.getLogger(__name__)


class Certificate:
    """The certificate of smtp.tls_cert and smtp.tls_key."""

    def __init__(self, limits: Smtp, role: str) -> None:
        """BadInput when the files cannot be used. `role`: the role that listens, as metrics name it."""
        self.role = role
        self.files = (limits.tls_cert, limits.tls_key)
        self._context: ssl.SSLContext | None = None
        self._seen: tuple[int, ...] = ()
        self._check_at = 0.0
        if any(self.files):
            self._load()

    def context(self) -> ssl.SSLContext | None:
        """The present context; None without a certificate. New files that cannot be used leave the old ones in force."""
        if self._context is None:
            return None
        now = time.monotonic()
        if now >= self._check_at:
            self._check_at = now + CHECK_EVERY
            try:
                if self._stamps() != self._seen:
                    self._load()
            except (BadInput, OSError) as fault:
                log.error("the new certificate is not used: %s", fault)
        return self._context

    def _stamps(self) -> tuple[int, ...]:
        return tuple(Path(file).stat().st_mtime_ns for file in self.files)

    def _load(self) -> None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
        try:
            stamps = self._stamps()
            context.load_cert_chain(*self.files)
        except OSError as fault:  # SSLError is one
            reason = fault.strerror or str(fault)
            raise BadInput(f"smtp.tls_cert {self.files[0]} and smtp.tls_key {self.files[1]} cannot be used: {reason}") from fault
        self._context, self._seen = context, stamps
        report_expiry(self.files[0], self.role)


def report_expiry(chain: str, role: str) -> None:
    """Exports the end of the certificate as a metric. A certificate that only OpenSSL can read is served all the same."""
    from cryptography import x509  # where there is no certificate nobody needs it

    try:
        leaf = x509.load_pem_x509_certificates(Path(chain).read_bytes())[0]
    except (OSError, ValueError) as fault:
        log.warning("when the certificate ends cannot be told: %s", fault)
    else:
        metrics.set_gauge("mailroom_certificate_end_timestamp_seconds", leaf.not_valid_after_utc.timestamp(), role=role)
