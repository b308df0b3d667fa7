"""The outside world of the demo: sender domains that do not exist, and what each can prove."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sender:
    """Domain that sends messages. The demo sends from this machine, so SPF passes where it names 127.0.0.0/8."""

    domain: str
    name: str
    dmarc: str = ""  # none, quarantine, reject; "": publishes no DMARC record
    key: str = ""  # name of the key that signs for it; "": sends without DKIM
    spf: bool = True  # its SPF record names this machine


SENDERS = (
    # who the company knows
    Sender("nordlicht-papier.example", "Nordlicht Papier", "reject", "hosting"),
    Sender("harbourbank.example", "Harbourbank", "reject", "hosting"),
    Sender("dorn-partner.example", "Dorn & Partner", "quarantine", "hosting"),
    Sender("orlow-haustechnik.example", "Orlow Haustechnik"),
    Sender("metering-forum.example", "Metering Forum", "none", "hosting"),
    # strangers who mean what they say
    Sender("mailpond.example", "Mailpond", "quarantine", "hosting"),
    Sender("funkbrief.example", "Funkbrief", "reject", "edwards"),
    Sender("stadtwerke-hollersund.example", "Stadtwerke Hollersund", "quarantine", "hosting"),
    Sender("uni-hollersund.example", "Universität Hollersund", "none", "hosting"),
    Sender("hollersunder-bote.example", "Hollersunder Bote", "quarantine", "hosting"),
    Sender("wodomierz-serwis.test", "Wodomierz Serwis", "none", "hosting"),
    Sender("jiangwei-metering.test", "江威计量"),
    Sender("brassworks-tyne.example", "Brassworks Tyne", "reject", "hosting"),
    Sender("pagerlight.example", "Pagerlight", "reject", "mailing"),
    Sender("docuhaven.example", "Docuhaven", "reject", "mailing"),
    Sender("parcelrun.example", "Parcelrun", "reject", "mailing"),
    # those who write to everybody
    Sender("letterhaus.example", "Letterhaus", "reject", "mailing"),
    Sender("fluidjournal.example", "Fluid Journal", "none", "mailing"),
    Sender("cloudkettle.example", "Cloudkettle", "reject", "mailing"),
    Sender("werkbedarf.example", "Werkbedarf", "quarantine", "mailing"),
    Sender("leadsprout.test", "Leadsprout", "none", "mailing"),
    Sender("seo-rankers.test", "SEO Rankers", "none", "mailing"),
    # those who lie, with papers of their own in order
    Sender("account-renewal.test", "Account Renewal", "none", "crooks"),
    Sender("secure-mailbox.test", "Secure Mailbox", "none", "crooks"),
    Sender("it-servicedesk.test", "IT Servicedesk", "none", "crooks"),
    Sender("passwort-center.test", "Passwort Center", "quarantine", "crooks"),
    Sender("mail-notice.test", "Mail Notice", "none", "crooks"),
    Sender("executive-mailbox.test", "Executive Mailbox", "none", "crooks"),
    Sender("nordlicht-papler.example", "Nordlicht Papier", "none", "crooks"),  # an l for the i
    Sender("parcelrun-customs.test", "Parcelrun Customs", "none", "crooks"),
    Sender("bulkhost.test", "Bulkhost"),
    # ourselves: our mail never comes in from outside
    Sender("company.example", "Quellmark", "reject", spf=False),
)
BY_DOMAIN = {sender.domain: sender for sender in SENDERS}
