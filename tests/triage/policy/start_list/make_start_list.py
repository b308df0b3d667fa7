"""Makes the shipped start list again from the lists of other projects in the corpus.

Run it as python -m tests.triage.policy.start_list.make_start_list

MAILROOM_CORPUS names the directory with lists.tar.gz. A domain is written only where one of these lists names it as a sender whose DKIM
signatures hold: nothing comes from memory but the category. The sources are under the Apache licence 2.0; only names of domains are taken.
"""

import os
import re
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from triage.addressing.public_suffix import is_shared
from triage.message.mime.links import is_related_host
from triage.policy.start_list.list_file import HEAD, ListedSender, write_sender

SHIPPED = Path(__file__).parents[4] / "triage/policy/start_list/start_list.txt"
VERSION = "2026-12-01"
RSPAMD, SPAMASSASSIN = "rspamd-3.12.1", "spamassassin-f7fe7b82"
MAPS = {"spf_dkim_whitelist.inc": "rspamd-spf_dkim_whitelist.inc", "dmarc_whitelist.inc": "rspamd-dmarc_whitelist.inc"}
CONFIGS = {name: f"spamassassin-{name}" for name in ("60_welcomelist_dkim.cf", "60_welcomelist_auth.cf")}
ENTRY = re.compile(r"^def_welcomelist_(?:auth|from_dkim)\s+\*@(?P<below>\*\.)?(?P<domain>[a-z0-9.-]+)(?:\s+(?P<signer>[a-z0-9.-]+))?\s*$")
NOTICE = """# Start list of Mailroom: senders of confirmations and sign-in codes. `make_start_list.py` of the tests writes it.
# Each domain stands in the lists that its line names: of Rspamd (3.12.1) and of Apache SpamAssassin (f7fe7b82), both under the
# Apache licence 2.0. Categories and the mark platform (anybody can send through it) are ours."""
SENDS = {
    "accounts": ("codes", "confirmations"),
    "banks": ("codes", "notices"),
    "parcels": ("shipments", "notices"),
    "travel": ("bookings", "confirmations"),
    "shops": ("orders", "codes"),
    "providers": ("codes", "orders"),
    "work": ("confirmations", "notices"),
    "authorities": ("confirmations", "notices"),
    "networks": ("codes", "notices"),
}
CHOSEN = {
    "accounts": """
        accountprotection.microsoft.com adobesystems.com apple.com avg.com battle.net cisco.com dell.com digicert.com
        digitalocean.com dji.com drweb.com epicgames.com esetnod32.ru fitbit.com godaddy.com headspace.com hp.com insideapple.com
        intel.com itunes.com lastpass.com letsencrypt.org logmein.com mackeeper.com microsoftonline.com
        mozillafoundation.org myfitnesspal.com nest.com nintendo.com norton.com opendns.com secureworks.com skype.com
        skype.net solarwinds.com sonicwall.com steampowered.com stalker.com teamviewer.com thetileapp.com vmware.com windows.com
        wunderground.com xbox.com nic.ru roku.com spamcop.net
    """,
    "banks": """
        aexp.com alipay.com ally.com americanexpress.com anthem.com bankofamerica.com alert.bankofamerica.com
        ealerts.bankofamerica.com broadridge.com capitalone.com capitaloneemail.com carecredit.com chase.com cignasecure.com
        citi.com creditkarma.com creditsesame.com csid.com deluxe.com discover.com discovercard.com email-allstate.com
        email-libertymutual.com email-nationwide.com experian.com fidelity.com firsttennessee.com fisglobal.com geico.com
        hdfcbank.com healthequity.com horacemann.com hrblock.com icicibank.com investordelivery.com lendingclub.com mohela.com
        nm.com paypalcredit.com paytm.com progressive.com quicken.com quickenloans.com regions.com rocketloans.com sberbank.ru
        schwab.com squaretrade.com statefarm.com statefarminfo.com suntrust.com thekeyrewards.com uhc.com usaa.com usbank.com
        visa.com visadpsmessage.com visapayablesautomation.com vtb24.ru wellsfargo.com wellsfargoemail.com westernunion.com
    """,
    "parcels": "dhl.com fedex.com neopost.com theupsstore.com ups.com usps.com usps.gov",
    "travel": """
        aa.com accor-mail.com airfarewatchdog.com amtrak.com avis.com bestwesternrewards.com carlsonhotels.com
        carnivalcruiselineemail.com cheaptickets.com delta.com email.hotels.com enterprise.com execucar.com
        expediamail.com fandango.com flyfrontier.com hertz.com hilton.com hotwire.com hyatt.com ihg.com irctc.co.in
        justflyemail.com kayak.com lh.lufthansa.com lufthansa-group.com mail.hotels.com mandarinoriental.com milesandmore.com
        opentable.com ozon.travel priceline.com rentalcars.com seabourn.com southwest.com southwestvacations.com
        spirit-airlines.com starwoodhotels.com ticketmaster.com travelocity.com travelodge.co.uk travelzoo.com uber.com utair.ru
        wyndhamrewards.com
    """,
    "shops": """
        1800flowers.com 6pm.com abercrombie.com adidas.com
             barnesandnoble.com bathandbodyworks.com biglots.com bn.com cabelas.com
        carters.com cdiscount.com containerstore.com costco.com crateandbarrel.com cvs.com dollargeneral.com dominos.com
        doordash.com eastbay.com ebags.com eddiebauer.com email-advanceautoparts.com email-carmax.com finishline.com forever21.com
        fossil.com gamestop.com gap.com gnc.com grainger.com groupon.com grubhub.com guitarcenter.com harborfreight.com hm.com
        hollisterco.com homedepotemail.com hulumail.com ikea-usa.com instacart.com jcpenney.com jcrew.com jet.com joann.com
        krogeremail.com landsend.com levi.com loft.com macys.com marykay.com menswearhouse.com michaels.com mvideo.ru
        neimanmarcusemail.com netflix.com newegg.com nike.com nordstrom.com nordstromrack.com northerntoolemail.com
        officedepot.com overstock.com ozon.ru pandora.com petco.com publix.com quill.com rakuten.com ralphlauren.com
        redbox.com rei.com sallybeauty.com samsclub.com sears.com siriusxm.com sling.com sportmaster.ru spotify.com staples.com
        target.com thenorthface.com tokopedia.com tractorsupply.com ulta.com underarmour.com vistaprint.com walgreens.com
        walmart.com wayfair.com wildberries.ru yankeecandle.com zappos.com zomato.com zulily.com
    """,
    "providers": """
        airtel.in att.com att-mail.com beeline.ru bt.com charteremails.com dishemail.com megafon.ru mts.ru
        rostelecom.ru rt.ru spectrumemails.com sprint.com tele2.ru verizon.com verizonenterprise.com
        verizonwireless.com vzw.com
    """,
    "work": """
        act.org adp.com cambridge.org collegenet.com discoveryeducation.com edgenuity.com everfi.net gallup.com
        hcahealthcare.com ixl.com khanacademy.org livetext.com macmillan.com mycollegeoptions.org ealert.nature.com overdrive.com
        readingeggs.com scholastic.com sciencedirect.com sciencepubs.org shrm.org springer.com superjob.ru tangocard.com
        testout.com virtualvocations.com
    """,
    "authorities": """
        advice.hmrc.gov.uk ed.gov fafsa.gov fda.gov gosuslugi.ru hhs.gov hmrc.gov.uk in.gov lists.in.gov senate.gov tpr.gov.uk
        us-cert.gov uscourts.gov usda.gov
    """,
    "networks": """
        ancestry.com eharmony.com match.com pch.com redditgifts.com snapchat.com zwift.com zoosk.com
    """,
}
PLATFORMS = {  # anybody can make these send a message with words of their own: marked, and never offered together with others
    "accounts": """
        accounts.google.com adobe.com asana.com basecamp.com box.com calendly.com dropbox.com dropboxmail.com evernote.com
        mozilla.org redhat.com
        github.com google.com microsoft.com servicenow.com slack.com spiceworks.com trello.com wikimedia.org wikipedia.org
    """,
    "banks": "paypal.com paypal.co.uk paypal.de paypal.at paypal.fr paypal.es paypal.it paypal.nl paypal.be square.com venmo.com",
    "parcels": "shipstation.com",
    "travel": "airbnb.com booking.com expedia.com hotels.com tripadvisor.com",
    "shops": """
        amazon.ca amazon.cn amazon.co.jp amazon.co.uk amazon.com amazon.de amazon.es amazon.fr amazon.in amazon.it
        aliexpress.com rakuten.co.jp
        alibaba.com ebay.com ebay.co.uk ebay.de ebay.at ebay.fr ebay.it ebay.es ebay.ca etsy.com kickstarter.com
        mercadolibre.com.ar shopify.com squarespace.com taobao.com teespring.com
    """,
    "work": """
        apache.org blackboard.com careerbuilder.com constantcontact.com cvent-planner.com docusign.com docusign.net echosign.com force.com
        govdelivery.com hubspot.com indeed.com indeedemail.com list-manage.com mailchimp.com meetup.com powerschool.com
        salesforce.com schoolmessenger.com signup.com submittable.com surveymonkey.com surveymonkeyuser.com taleo.net wufoo.com
        zendesk.com zohodesk.com
    """,
    "networks": """
        change.org craigslist.org disqus.com facebook.com facebookmail.com flickr.com gofundme.com instagram.com linkedin.com
        nytimes.com pinterest.com quora.com reddit.com researchgate.net slideshare.net tumblr.com twitter.com vimeo.com vk.com whatsapp.com
        wordpress.com yelp.com youtube.com
    """,
}


@dataclass(slots=True)
class Named:
    """Sources and signers of a domain."""

    sources: list[str] = field(default_factory=list)
    dkim: set[str] = field(default_factory=set)
    below: bool = False  # what lies below it is meant too

    def add(self, source: str, signer: str, *, below: bool) -> None:
        """Notes that a list names the domain."""
        self.sources += [source] if source not in self.sources else []
        self.dkim.add(signer)
        self.below |= below


def read_sources(archive: Path) -> dict[str, Named]:
    """Returns the domains of the corpus's lists, with their sources and signers."""
    found: dict[str, Named] = {}
    with tarfile.open(archive) as tar:
        texts = {Path(one.name).name: tar.extractfile(one).read().decode() for one in tar if one.isfile()}  # type: ignore[union-attr]
    for name, file in MAPS.items():  # Rspamd compares the registered domain: what lies below counts
        for domain in map_domains(texts[file]):
            found.setdefault(domain, Named()).add(f"{RSPAMD}/{name}", domain, below=True)
    for name, file in CONFIGS.items():
        for line in texts[file].splitlines():
            if entry := ENTRY.match(line):
                domain, signer = entry["domain"], entry["signer"] or entry["domain"]
                if is_related_host(signer, domain):  # others send through a service, whose signature says nothing of the sender
                    found.setdefault(domain, Named()).add(f"{SPAMASSASSIN}/{name}", signer, below=bool(entry["below"]))
    return found


def map_domains(text: str) -> Iterator[str]:
    """The domains of a map of Rspamd; a number after one is a weight."""
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            yield line.split()[0]


def make_list(archive: Path) -> str:
    """The text of the start list. KeyError for a chosen domain that no list names."""
    found = read_sources(archive)
    lines = [*NOTICE.splitlines(), f"{HEAD} {VERSION}"]
    for category, sends in SENDS.items():
        platforms = PLATFORMS.get(category, "").split()
        for domain in sorted({*CHOSEN[category].split(), *platforms}):
            named = found[domain]
            assert not is_shared(domain), domain
            lines.append(
                write_sender(
                    ListedSender(domain, category, sends, tuple(sorted(named.dkim)), tuple(named.sources), named.below, domain in platforms)
                )
            )
    return "\n".join(lines) + "\n"


def missing_domains(archive: Path) -> list[str]:
    """The chosen domains that no list names."""
    found = read_sources(archive)
    return sorted({one for some in (*CHOSEN.values(), *PLATFORMS.values()) for one in some.split()} - found.keys())


if __name__ == "__main__":
    lists = Path(os.environ["MAILROOM_CORPUS"]) / "lists.tar.gz"
    if missing := missing_domains(lists):
        sys.exit(f"no list names {', '.join(missing)}")
    SHIPPED.write_text(make_list(lists))
