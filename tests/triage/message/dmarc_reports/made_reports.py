"""Aggregate reports for tests, written as receivers write them."""

import gzip
import io
import zipfile
from collections.abc import Sequence

from tests.triage.messages import multipart, part

DAY = 86_400
BEGIN = 1_795_392_000  # 2026-11-23


def record(
    *,
    ip: str = "192.0.2.1",
    count: int | str = 7,
    author: str = "company.example",
    dkim: str = "fail",
    spf: str = "fail",
    reason: str = "",
    results: str = "",
) -> str:
    """Record of a DMARC report."""
    why = f"<reason><type>{reason}</type><comment>none</comment></reason>" if reason else ""
    return (
        f"<record><row><source_ip>{ip}</source_ip><count>{count}</count><policy_evaluated><disposition>none</disposition>"
        f"<dkim>{dkim}</dkim><spf>{spf}</spf>{why}</policy_evaluated></row>"
        f"<identifiers><header_from>{author}</header_from></identifiers><auth_results>{results}</auth_results></record>"
    )


def result(method: str, domain: str, outcome: str = "pass") -> str:
    """Result of DKIM or SPF in a report."""
    return f"<{method}><domain>{domain}</domain><selector>s1</selector><result>{outcome}</result></{method}>"


OURS = record(dkim="pass", spf="pass", results=result("dkim", "company.example") + result("spf", "mail.company.example"))


def report(
    *records: str,
    report_id: str = "r1",
    domain: str = "company.example",
    begin: int = BEGIN,
    end: int = BEGIN + DAY,
    root: str = "feedback",
) -> bytes:
    """A report as XML."""
    about = (
        f"<report_metadata><org_name>Receiver</org_name><email>dmarc@receiver.example</email><report_id>{report_id}</report_id>"
        f"<date_range><begin>{begin}</begin><end>{end}</end></date_range></report_metadata>"
        f"<policy_published><domain>{domain}</domain><p>none</p></policy_published>"
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}>{about}{"".join(records)}</{root.partition(" ")[0]}>'.encode()


def zipped(*files: tuple[str, bytes]) -> bytes:
    """Files in a ZIP file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return out.getvalue()


HEAD = "From: dmarc@receiver.example\nSubject: Report Domain: company.example"
NAME = "receiver.example!company.example!1!2.xml.gz"


def letter(content: bytes, kind: str = "application/gzip", name: str = NAME) -> bytes:
    """A report beside a text, as most receivers send it."""
    file = part(f'Content-Type: {kind}; name="{name}"', content, encoded=True)
    return multipart(part("Content-Type: text/plain", b"A report."), file, head=HEAD)


def alone(xml: bytes) -> bytes:
    """A message that is nothing but the file."""
    return part(f"{HEAD}\nMIME-Version: 1.0\nContent-Type: application/gzip", gzip.compress(xml), encoded=True)


def packings(xml: bytes) -> Sequence[bytes]:
    """The same report in each form that receivers use."""
    return (
        letter(gzip.compress(xml)),
        letter(zipped(("r.xml", xml)), "application/zip", "r.zip"),
        letter(xml, "text/xml", "r.xml"),
        letter(gzip.compress(xml), "application/octet-stream", "r.xml.gz"),
        alone(xml),
    )
