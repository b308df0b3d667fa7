"""Mail from those whom Quellmark knows already and who prove who they are: it goes straight through."""

from collections.abc import Iterator

from demo.attachments import make_pdf
from demo.company import DOMAIN, find_person
from demo.sample_messages import Draft, File

ORDERS = "Nordlicht Papier <auftrag@nordlicht-papier.example>"
JANNE = "Janne Matthiesen <janne.matthiesen@nordlicht-papier.example>"


def write_regulars() -> Iterator[Draft]:
    """Writes all messages that the seeded rules deliver."""
    yield from write_supplier()
    yield from write_bank()
    yield from write_counsel()
    yield from list_posts()
    yield from building_services()
    yield write_family()


def address_person(uid: str) -> tuple[str, ...]:
    """A person as recipient, by name and ordinary address."""
    return (f"{find_person(uid).name} <{find_person(uid).mailbox}>",)


def write_supplier() -> Iterator[Draft]:
    """The packaging supplier's day: orders, a delivery note, an invoice, a question."""
    yield Draft("supplier", ORDERS, address_person("graham.pettifer"), "Order confirmation 48-20917: folding boxes B3", CONFIRMATION)
    yield Draft("supplier", ORDERS, address_person("graham.pettifer"), "Delivery note 48-20866, arriving today before noon", DELIVERY)
    note = make_pdf(
        "Invoice 2091-77", ["Folding boxes B3, printed, 6,000 pieces", "Net 2,460.00 EUR", "VAT 467.40 EUR", "Total 2,927.40 EUR"]
    )
    invoice = (File("Invoice_2091-77.pdf", "application/pdf", note),)
    yield Draft("supplier", ORDERS, address_person("noor.vandalen"), "Invoice 2091-77", INVOICE, files=invoice)
    yield Draft("supplier", JANNE, address_person("rhys.pritchett"), "Re: New print for the M40 box", PRINT)
    yield Draft("supplier", JANNE, address_person("graham.pettifer"), "Paper prices from 1 March", PRICES)
    yield Draft("supplier", JANNE, (f"invoices@{DOMAIN}",), "Credit note for the damaged pallet", CREDIT)


CONFIRMATION = """\
Good morning Graham,

thank you for your order. We have entered it as follows:

6,000 folding boxes B3, two colours, 0.41 EUR each, delivery in calendar week 9, free at your gate.

Please tell us by tomorrow evening if anything should be different; the plates are made on Thursday.

Kind regards
Nordlicht Papier, order desk
"""
DELIVERY = """\
Hello,

the truck left our yard at 05:40 with 4 pallets for you (delivery note 48-20866). The driver, Mr Petrowitsch, will call
at your gate about 20 minutes ahead.

One pallet is 1.9 m high, please have the tall truck ready.

Nordlicht Papier, dispatch
"""
INVOICE = """\
Dear Ms van Dalen,

please find invoice 2091-77 for the folding boxes delivered last week attached. Payable within 30 days net, to the account
that you have on file. It has not changed and we would never tell you by mail if it did.

Kind regards
Nordlicht Papier, accounts
"""
PRINT = """\
Hi Rhys,

the new print works, but the blue is too close to the fold: on 3 of 20 samples the logo cracks. If we move it up by 4 mm
everything is fine. Shall I have a new proof made? It would be with you by Friday.

Best
Janne
"""
PRICES = """\
Dear Graham,

as discussed on the phone, corrugated board goes up by 2.8 % from 1 March. Orders that reach us before the end of the month
are still at the old price. The framework contract stays as it is.

Would Tuesday suit you for a call about the second half of the year?

Best regards
Janne Matthiesen
"""
CREDIT = """\
Good morning,

we have booked a credit of 388.00 EUR for the pallet that arrived wet. Please set it off against your next payment.
Thank you for the photographs, they helped us with the carrier.

Janne Matthiesen
Nordlicht Papier
"""


def write_bank() -> Iterator[Draft]:
    """Harbourbank writes to finance."""
    notices = "Harbourbank <notices@harbourbank.example>"
    yield Draft("bank", notices, address_person("chiara.bellandi"), "Your statement for account ending 4471 is ready", STATEMENT)
    yield Draft("bank", notices, address_person("soren.kjeldgaard"), "Incoming payment of 18,240.00 EUR", PAYMENT)
    adviser = "Petra Hallstein <petra.hallstein@harbourbank.example>"
    yield Draft("bank", adviser, address_person("marek.wisniewski"), "Credit line: papers for Thursday", CREDIT_LINE)


STATEMENT = """\
Dear customer,

the statement for the account ending 4471 lies in your electronic mailbox. For your safety this mail holds no link:
please sign in as you always do.

Harbourbank
"""
PAYMENT = """\
An incoming payment has been booked to the account ending 4471.

Amount: 18,240.00 EUR
From: Stadtwerke Hollersund
Reference: RE 24-0311, 240 meters Q3-4

Harbourbank payment notices
"""
CREDIT_LINE = """\
Dear Mr Wiśniewski,

for our meeting on Thursday at 10 I have set aside a room on the third floor. From our side Mr Ferreira of risk will join.
It would help if we could look at the order book by product line; the rest we have.

With kind regards
Petra Hallstein
Corporate customers, Harbourbank
"""


def write_counsel() -> Iterator[Draft]:
    """Outside counsel writes to legal."""
    author = "Dr. Rosalind Dorn <r.dorn@dorn-partner.example>"
    draft = make_pdf(
        "Framework agreement, draft 4",
        ["Section 7 (liability) as agreed on Monday", "Section 9.2 open: term of notice", "For discussion only"],
    )
    files = (File("Framework agreement draft 4.pdf", "application/pdf", draft),)
    yield Draft(
        "counsel", author, address_person("fionnuala.keane"), "Framework agreement: draft 4, one point open", AGREEMENT, files=files
    )
    yield Draft("counsel", author, address_person("otto.brandstatt"), "Works council: minutes and next steps", COUNCIL)


AGREEMENT = """\
Dear Fionnuala,

draft 4 is attached. Only 9.2 is open: they ask for twelve months' notice, I would not go beyond six. If you can live with
nine we could close this week.

I am in court until one, after that on my mobile.

Rosalind
"""
COUNCIL = """\
Dear Otto,

short and without lawyers' words: the agreement on the mail filter can be signed. The record of who looked at what, which
you asked for, convinced them more than anything I said.

Best
Rosalind Dorn
"""


def list_posts() -> Iterator[Draft]:
    """A mailing list: the list signs, the authors cannot prove themselves through it, and need not."""
    posts = (
        ("Ulrike Sandmann <u.sandmann@uni-hollersund.example>", "jorg.weidemann", "[meters] Draft 3 of the radio profile", PROFILE),
        (
            "Gonçalo Abrantes <goncalo.abrantes@mailpond.example>",
            "danils.ozolnieks",
            "Re: [meters] Draft 3 of the radio profile",
            PROFILE_REPLY,
        ),
        ("Ulrike Sandmann <u.sandmann@uni-hollersund.example>", "zsofia.bartal", "[meters] Plug test: two places left", PLUG_TEST),
    )
    fields = (
        ("List-Id", "Meters <meters.metering-forum.example>"),
        ("Precedence", "list"),
        ("List-Post", "<mailto:meters@metering-forum.example>"),
    )
    for author, uid, subject, text in posts:
        yield Draft(
            "list", author, address_person(uid), subject, text, plain=True, reverse_path="meters-bounces@metering-forum.example",
            signer="metering-forum.example", fields=fields,
        )  # fmt: skip


PROFILE = """\
Dear all,

draft 3 is in the usual place. Two changes: the key exchange no longer depends on the clock of the meter, and annex C
(test vectors) has been computed anew by two people independently.

Comments until the 28th, please with a section number.

Ulrike
--
meters mailing list, hosted by Metering Forum
"""
PROFILE_REPLY = """\
> the key exchange no longer depends on the clock of the meter

Very good. In 6.4 it still says "within 30 seconds" though: of what?

Gonçalo
--
meters mailing list, hosted by Metering Forum
"""
PLUG_TEST = """\
Two benches are free at the plug test in Hollersund (12 and 13 April). Bring the meter, the gateway and somebody who may
change the firmware on the spot. Write to me, not to the list.

Ulrike
--
meters mailing list, hosted by Metering Forum
"""


def building_services() -> Iterator[Draft]:
    """The plumber: a domain without DMARC, known by its aligned SPF."""
    author = "Orlow Haustechnik <buero@orlow-haustechnik.example>"
    yield Draft("craftsman", author, address_person("yusuf.celikkol"), "Heating in hall 2: we come on Wednesday at 7", HEATING, plain=True)
    yield Draft("craftsman", author, address_person("graham.pettifer"), "Offer for the new wash basins", BASINS, plain=True)


HEATING = """\
Hello Mr Çelikkol,

the pump has arrived. We come on Wednesday at 7, please have hall 2 open. It will be cold there for about three hours.

Orlow Haustechnik
"""
BASINS = """\
Hello,

six basins with taps, mounted, old ones taken away: 2,180 EUR plus VAT. We could do it in week 11.

Orlow Haustechnik
"""


def write_family() -> Draft:
    """Message from an employee's sister, allowed for that employee alone."""
    return Draft("family", "Lena Grünwaldt <lena.grunwaldt@mailpond.example>", address_person("anneliese.grunwaldt"), "Saturday", SATURDAY)


SATURDAY = """\
Anni,

Mum's train is at 14:12, not at 12:14. Can you still fetch her? I bring the cake.

Lena
"""
