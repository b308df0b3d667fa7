"""The console in German, page by page and sheet by sheet: no sentence of ours is left in English, whoever says it."""

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from sqlalchemy import select, update
from sqlmodel import col

from tests.peers.browsers import browser as browser_peer
from tests.triage.arriving import ANA, DMARC_FAIL, IDA, NO_DMARC, SYNC, add_rules
from tests.webui.people.test_reported import report
from tests.webui.settings.test_language import GERMAN
from tests.webui.site import JOE, MARA, PASSWORD, Site
from triage import ids
from triage.actor import Actor
from triage.ids import format_id
from triage.notifications import alerts
from triage.policy import emergency
from triage.policy.contacts.contact_evidence import Sent
from triage.policy.learning import learn_contacts
from triage.policy.rules.rule_request import RuleOrder
from triage.policy.suggestions import rule_suggestions
from triage.policy.suggestions.threshold import Candidate, Evidence, Kind
from triage.quarantine.decisions import answer_suggestion, decide as decisions, undo as undoing
from triage.quarantine.decisions.decision_request import DecisionRequest, Verb
from triage.quarantine.requests import release_requests
from triage.quarantine.search.selection import Selection
from triage.say import say
from triage.store import db
from triage.store.models.decisions import Decision
from triage.store.models.deliveries import Delivery
from triage.times import utcnow

# Words that English sentences hardly do without and German ones never have. What others write in these tests has none of them.
ENGLISH = re.compile(
    r"(?<![\w@./_=-])(?:the|of|and|for|from|by|not|is|are|were|be|been|has|have|had|with|without|this|that|they|them|which|who|nobody|somebody|to|no"
    r"|yes|your|you|we|our|its|can|cannot|could|would|there|here|what|when|where|why|how|because|but|or|at|into|only|one|two|more|than|on|done|wanted"
    r"|held|released|purged|undone|refused|allowed|blocked|none|in flight|out of reach|shared"
    r"|allow|import|standing|learned|delivered|deferred|bounced)"
    r"(?![\w@:/_-]|\.\w)",
    re.IGNORECASE,
)
QUOTED = re.compile("[„“][^“”]*[“”]")
TEXTS = """() => {
    const found = []
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    while (walker.nextNode()) {
        const text = walker.currentNode
        if (!text.parentElement.closest('script, noscript, style, kbd, code, pre, [lang=en]')) found.push(text.data)
    }
    const names = ['title', 'aria-label', 'aria-description', 'placeholder', 'alt']
    for (const one of document.querySelectorAll('*')) found.push(...names.map((name) => one.getAttribute(name)).filter(Boolean))
    return found
}"""
STORY = """(mail) => fetch(`/api/v1/deliveries/${mail}`, {headers: {'accept-language': 'de'}}).then((answer) => answer.json())
    .then(({history, note, verdict}) => [...history.map((one) => one.sentence), note, verdict.reason])"""
COUNTING = """window.underWay = 0
const asked = window.fetch
window.fetch = (...request) => { underWay += 1; return asked(...request).finally(() => { underWay -= 1 }) }"""
QUIET = """async () => {
    for (let quiet = 0; quiet < 3; quiet = underWay ? 0 : quiet + 1)
        await new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted)))
}"""
GEWINN = "Hurra Gewinn Nummer {}: Ihr Preis liegt bereit, holen Sie ihn noch heute ab. Klicken Sie https://gewinn{}.example/abholen jetzt!"


def english(texts: Iterable[str]) -> list[str]:
    """English texts among these."""
    return sorted({text.strip() for text in texts if ENGLISH.search(QUOTED.sub(" ", text))})


def left(page: Page) -> list[str]:
    """English texts on the page as it is now."""
    return english(page.evaluate(TEXTS))


@pytest.fixture(scope="module")
def filled(site: Site) -> Site:
    """Company with a message in every state, and with faults."""
    now, settings = utcnow(), site.settings
    add_rules(
        site.engine,
        settings,
        RuleOrder("allow", "domain", "papier.example", "company", note="unser Papier"),
        RuleOrder("block", "address", "chef@papier.example", "department:it"),
        RuleOrder("allow", "address", "einkauf@papier.example", "person:joe.fern"),
        RuleOrder("block", "domain", "werbung.example", "company"),
        RuleOrder("redirect", "domain", "amt.example", "company", to="person:mara.berg"),
    )
    for number, to in enumerate((JOE, MARA, JOE)):
        site.come(to, author=f"glueck@preis{number}.example", subject="Gewonnen", text=GEWINN.format(number, number), dmarc=NO_DMARC)
    site.come(JOE, author="chefin@company-example.test", subject="Heute noch zahlen", dmarc=NO_DMARC)
    site.come(JOE, author="bank@sparkasse.example", subject="Konto", dmarc=DMARC_FAIL, text="Bitte Konto prüfen")
    site.come(JOE, author="einkauf@papier.example", subject="Papier", dmarc=NO_DMARC)
    site.come(MARA, author="post@amt.example", subject="Bescheid")
    site.come(JOE, author="anmeldung@portal.example", subject="Ihr Anmeldecode", text="Ihr Bestätigungscode: 481516. Er gilt 10 Minuten.")
    fates = {name: ids.parse_id(site.come(JOE, author=f"{name}@lieferant.example", subject=f"Lieferung {name}")[0]) for name in FATES}
    with db.transaction(site.engine) as session:
        for name, verb in FATES.items():
            mail, to = Selection(ids=(fates[name],)), TO.get(name, "")
            made = decisions.decide_messages(session, DecisionRequest(mail, verb, "Grund", to=to), by=ANA, now=now, settings=settings)
            if name == "zurück":
                undoing.undo_decision(session, made.id, by=IDA, reason="", now=now, settings=settings)
        session.execute(update(Delivery).where(col(Delivery.id) == fates["warte"]).values(last_reply="", attempts=2, due_at=now))
    (asked,) = site.come(JOE, author="freund@verein.example", subject="Einladung")
    (odd,) = site.come(JOE, author="seltsam@boese.example", subject="Gutscheinkarten")
    joe = Actor.employee("joe.fern", "Joe Fern")
    with db.transaction(site.engine) as session:
        release_requests.request_release(session, ids.parse_id(asked), by=joe, words="bitte", now=now)
        sent = Sent("joe.fern@company.example", ("post@amt.example",), "joe.fern@company.example", now, message_id="1@company.example")
        learn_contacts.learn_many(session, [sent], how="outbound", settings=settings, by=SYNC, now=now)
        emergency.open_emergency(session, now + timedelta(hours=1), by=IDA, reason="Umzug", now=now)
        alerts.raise_brake(session, BRAKED, now=now)
        rule_suggestions.refresh_suggestions(session, [candidate(kind, name) for kind, name in PROPOSED.items()], now=now)
        (list_of_posts,) = (one for one in rule_suggestions.list_suggestions(session, by=IDA, now=now) if one.kind == Kind.LIST)
        answer_suggestion.answer_suggestion(session, list_of_posts.id, "accept", by=IDA, now=now, settings=settings)
    report(site, odd, "Gutscheinkarten", "joe", "mara")
    return site


BRAKED = say("The directory would {changes}, so nothing was changed.", changes=say("leave no employee"))
NOBODY = "0AMR92XANA62D"
FATES = {"frei": Verb.RELEASE, "warte": Verb.RELEASE, "um": Verb.REDIRECT, "weg": Verb.PURGE, "zurück": Verb.PURGE}
TO = {"um": "person:mara.berg"}
PROPOSED = {Kind.SIGN_IN: "portal.example", Kind.CORRESPONDENCE: "dell.example", Kind.LIST: "liste.example"}


def candidate(kind: Kind, name: str) -> Candidate:
    evidence = Evidence(
        people=14, messages=212, dmarc=200, unproven=0 if kind is Kind.SIGN_IN else 3, time_limited=2, recipients=5, posts=4, would_pass=20
    )
    return Candidate(
        kind, "list" if kind is Kind.LIST else "domain", name, "dkim:liste.example" if kind is Kind.LIST else "dmarc", evidence
    )


@pytest.fixture
def german(browser: Browser) -> Iterator[Page]:
    """The desk of somebody whose browser speaks German."""
    with browser_peer.open_page(browser, locale="de-DE") as page:
        page.emulate_media(reduced_motion="reduce")
        page.add_init_script(COUNTING)
        yield page


def row(page: Page, subject: str) -> Locator:
    return page.get_by_role("option").filter(has_text=subject)


def unfold(page: Page) -> None:
    """Open what is closed, once all that is fetched for it has come and is shown."""
    page.evaluate(QUIET)
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    page.evaluate(QUIET)


@pytest.mark.long
def test_every_page(filled: Site, german: Page) -> None:
    filled.open_console(german, "ida")
    found = {}
    for path, title in GERMAN.items():
        german.goto(filled.url + path)
        expect(german.get_by_role("heading", level=1, name=title)).to_be_visible()
        unfold(german)
        if leaks := left(german):
            found[path] = leaks
    assert found == {}


@pytest.mark.long
def test_every_mail(filled: Site, german: Page) -> None:
    filled.open_console(german, "ida")
    found = {}
    expect(german.get_by_role("option").first).to_be_visible()
    for number in range(german.get_by_role("option").count()):
        german.get_by_role("option").nth(number).click()
        expect(german.get_by_role("region", name="Warum sie zurückgehalten wurde")).to_be_visible()
        unfold(german)
        for key in ("3", "4"):
            german.keyboard.press(key)
            german.evaluate(QUIET)
            if leaks := left(german):
                found[f"{number} {key}"] = leaks
    assert found == {}


@pytest.mark.long
def test_every_sheet_and_what_is_said_of_what_was_done(filled: Site, german: Page) -> None:
    filled.open_console(german, "ida")
    row(german, "Gewonnen").click()
    expect(german.get_by_role("tabpanel")).to_be_visible()
    for key in ("b", "p", "m", "n", "c", "?", "Control+k"):
        german.keyboard.press(key)
        expect(german.get_by_role("dialog")).to_be_visible()
        expect(german.get_by_role("dialog").get_by_text("Wird gezählt …")).to_have_count(0)
        unfold(german)
        assert left(german) == [], key
        german.keyboard.press("Escape")
        expect(german.get_by_role("dialog")).to_have_count(0)
    for key, subject, told in (("a", "Bescheid", "zugelassen"), ("r", "Einladung", "Freigegeben")):
        row(german, subject).click()
        german.keyboard.press(key)
        expect(german.get_by_role("status").filter(has_text=told)).to_be_visible()
        assert left(german) == [], key
    for path in (
        "/?q=nichts+davon",
        "/nirgends",
        "/decisions/0AMR92XANA62D",
        "/campaigns/0AMR92XANA62D",
        "/senders/niemand%40nirgends.example",
    ):
        german.goto(filled.url + path)
        expect(german.get_by_role("heading").first).to_be_visible()
        unfold(german)
        assert left(german) == [], path


@pytest.mark.long
def test_pages_about_one_thing(filled: Site, german: Page) -> None:
    filled.open_console(german, "ida")
    with db.read_transaction(filled.engine) as session:
        campaign = session.scalars(select(col(Delivery.campaign_id)).where(col(Delivery.subject) == "Gewonnen")).first()
        made = [format_id(one) for one in session.scalars(select(col(Decision.id)))]
        messages = [format_id(one) for one in session.scalars(select(col(Delivery.id)))]
    pages = [
        "/people/joe.fern",
        "/people/mara.berg",
        "/senders/einkauf%40papier.example",
        "/senders/papier.example",
        "/senders/amt.example",
    ]
    for path in (*pages, f"/campaigns/{format_id(campaign or 0)}", *(f"/decisions/{one}" for one in made)):
        german.goto(filled.url + path)
        expect(german.get_by_role("heading", level=1)).to_be_visible()
        unfold(german)
        assert left(german) == [], path
    for mail in messages:
        assert english(german.evaluate(STORY, mail)) == []


@pytest.mark.long
def test_signing_in_and_the_lock(filled: Site, german: Page) -> None:
    german.goto(filled.url)
    for password in ("falsch", PASSWORD):
        expect(german.get_by_role("heading", name="Anmelden")).to_be_visible()
        assert left(german) == []
        german.get_by_label("Name").fill("ida")
        german.get_by_label("Passwort").fill(password)
        german.get_by_role("button", name="Anmelden").click()
        if password != PASSWORD:
            expect(german.get_by_role("alert")).to_be_visible()
    expect(german.get_by_role("heading", level=1, name="Ganze Firma")).to_be_visible()
    german.get_by_role("link", name="Regeln").click()
    expect(german.get_by_role("heading", level=1, name="Regeln")).to_be_visible()
    german.context.clear_cookies()
    german.keyboard.type("gp")
    lock = german.get_by_role("dialog")
    expect(lock.get_by_role("heading")).to_be_visible()
    lock.get_by_label("Passwort").fill("falsch")
    lock.get_by_role("button").first.click()
    expect(lock.get_by_role("alert")).to_be_visible()
    assert left(german) == []


@pytest.mark.long
def test_a_whole_mail_provider(filled: Site, german: Page) -> None:
    filled.come(JOE, author="jemand@gmail.com", subject="Gruß")
    filled.open_console(german, "ida", "/senders/gmail.com")
    german.get_by_role("button", name="Sperren").press("Enter")  # an open door's bar moves it down when it comes in
    sheet = german.get_by_role("dialog")
    expect(sheet.get_by_text("gmail.com ist ein öffentlicher Mailanbieter")).to_be_visible()
    assert left(german) == []
    sheet.get_by_role("button").last.click()
    expect(german.get_by_role("status").filter(has_text="gesperrt").first).to_be_visible()
    unfold(german)
    assert left(german) == []


@pytest.mark.long
def test_what_is_refused(filled: Site, german: Page) -> None:
    filled.open_console(german, "ida", "/rules")
    form = german.get_by_role("form", name="Neue Regel")
    for value in ("gmail.com", "co.uk", "company.example", "kein name"):
        form.get_by_label("Wert").fill(value)
        form.get_by_role("button", name="Regel hinzufügen").click()
        expect(form.get_by_role("alert")).to_be_visible()
        assert left(german) == [], value
    german.goto(filled.url + "/reports?since=2026-01-06&until=2026-01-01")
    unfold(german)
    assert left(german) == []
