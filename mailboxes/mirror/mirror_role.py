"""The mirror role: held messages lie in departments' accounts, and moving it into a folder for an act is that decision.

A thread for each account. It looks, decides what was moved, and puts the picture right: all of it again and again, so that
whatever broke off in between is simply done the next time.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from mailboxes.imap import imap_login
from mailboxes.mailbox import Unreachable
from mailboxes.mirror import mirror_folders, mirror_message, mirror_notes
from mailboxes.mirror.mirror_account import MirrorAccount, NotTaken
from mailboxes.mirror.mirror_folders import Account, ActFolders
from mailboxes.mirror.plan import KnownCopy, Place, Plan, Seen, plan_mirror
from triage.access import staff_members
from triage.access.second_factor import factor_policy
from triage.actor import Actor
from triage.config.settings import Mirror, Settings
from triage.errors import BadInput
from triage.ids import format_id, new_id
from triage.quarantine.mail_moves import mailbox_moves, mirror_copies, move_names, move_requests
from triage.quarantine.mail_moves.mailbox_moves import ALREADY, ASKED, DONE, Outcome
from triage.quarantine.mail_moves.move_folders import CONFIRM, RELEASE, YES, Move
from triage.runtime import metrics
from triage.runtime.wakeup import WakeupPipe, open_pipes
from triage.say import mark, say
from triage.store.db import open_engine, read_transaction, transaction
from triage.store.models.mailboxes import MirrorCopy
from triage.store.pg_notify import Notifier
from triage.store.transaction_retry import pause_after
from triage.text.sanitize import escape_visible
from triage.times import utcnow

SHARED = "Shared"
SHORTEST_REST = 0.25  # seconds
LONGEST_PAUSE = 30.0  # seconds between attempts to get in
LOOKS = 2  # at all folders, before a copy that lies nowhere is put there again
LATER = 60.0  # seconds until a message that the account did not take is tried again
MOST_REFUSED = 3  # in one turn; then the account is full
NO_RECEIPT = "$MDNSent"  # RFC 3503, 3: no program tells the sender that it was read, which the person alone may
FOREIGN = say("This is not a held message: only messages from the folders of this account can be decided here.")
NOTHING_DONE = mark("Nothing was done: {act}")
SUBJECTS = {ALREADY: mark("A colleague was faster: {act}"), DONE: mark("Done: {act}")}
MOST_MOVES, MINUTE = 20, 60.0  # that decide within so many seconds; more are asked about
LAID_AT_ONCE = 500  # messages in one command
AT_ONCE = 50  # messages that are put there before somebody's acts are looked for again

log = logging.getLogger(__name__)


def run_role(settings: Settings, stop: threading.Event) -> None:
    """Mirror until `stop` is set. BadInput when a setting is of no use."""
    some = mirror_accounts(settings.mirror)
    imap_login.check_login_settings(with_server(settings).mirror)
    engine = open_engine(settings.database.url)
    pipes = open_pipes(settings.spool.directory, "relay", "change", "recall", "door")
    notifier = Notifier(settings, sends=pipes)
    desks = [Desk(with_server(settings), engine, one, pipes) for one in some]
    threads = [threading.Thread(target=one.run, args=(stop,), name=one.account.address) for one in desks]
    try:
        for thread in threads:
            thread.start()
        stop.wait()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        notifier.close()
        for pipe in pipes:
            pipe.close()
        engine.dispose()


def with_server(settings: Settings) -> Settings:
    """The settings with the IMAP server filled in."""
    return replace(settings, mirror=replace(settings.mirror, imap=settings.mirror.imap or settings.recall.imap))


def mirror_accounts(settings: Mirror) -> list[Account]:
    """Lists the accounts. BadInput where an entry is malformed, nobody acts in a department's account, or two entries name the same one."""
    actors = dict(parse_pairs(settings.act_as, "act_as"))
    found = []
    for code, address in parse_pairs(settings.departments, "departments"):
        if code not in actors:
            raise BadInput(f'mirror.act_as: name who acts in the account of {code}, such as "{code}=LOGIN"')
        found.append(Account(address, actors[code].casefold(), code.casefold()))
    found += [Account(address, login.casefold()) for login, address in parse_pairs(settings.staff, "staff")]
    named = Counter(one.address.casefold() for one in found)
    if twice := [address for address, times in named.items() if times > 1]:
        raise BadInput(f"mirror: {twice[0]} is named twice; give each department and each of the staff an account of its own")
    return found


def parse_pairs(entries: Iterable[str], name: str) -> Iterable[tuple[str, str]]:
    """The entries NAME=VALUE of a setting."""
    for entry in entries:
        key, equals, value = (part.strip() for part in entry.partition("="))
        if not (key and equals and value):
            raise BadInput(f'mirror.{name}: “{entry}” must be NAME=VALUE, such as "it=it@company.example"')
        yield key, value


class Desk:
    """Looks after one account."""

    def __init__(self, settings: Settings, engine: Engine, account: Account, pipes: list[WakeupPipe]) -> None:
        self.settings, self.engine, self.account, self.pipes = settings, engine, account, pipes
        self.later: dict[int, float] = {}  # when messages that the account did not take are tried again (monotonic seconds)
        self.recent: list[float] = []  # when messages were decided by moves (monotonic seconds)
        self.left: set[Place] = set()  # what is none of ours and cannot be given back: the account is full
        self.pause = 0.0

    def run(self, stop: threading.Event) -> None:
        """Runs sessions until told to stop. Waits for whatever is down."""
        while not stop.is_set():
            try:
                self.work_session(stop)
            except Unreachable as fault:
                self.pause = min(max(1.0, 2 * self.pause), LONGEST_PAUSE)
                log.warning(
                    "the account %s is tried again in %d seconds: %s",
                    escape_visible(self.account.address),
                    self.pause,
                    escape_visible(str(fault)),
                )
            except DBAPIError as fault:
                self.pause = pause_after(fault, min(max(1.0, 2 * self.pause), LONGEST_PAUSE))
            except Exception:  # a fault of ours must not end the picture of a department
                self.pause = LONGEST_PAUSE
                log.exception("the account %s could not be looked after", escape_visible(self.account.address))
            stop.wait(self.pause)

    def work_session(self, stop: threading.Event) -> None:
        """Works through one IMAP session, turn after turn."""
        with read_transaction(self.engine) as session:
            known = {
                Place(one.folder, one.uid_validity, one.uid): one.id
                for one in mirror_copies.live_copies(session, self.account.address)
                if one.uid
            }
        account = MirrorAccount(self.settings.mirror, self.account.address, self.identify, known)
        try:
            while not stop.is_set():
                more = self.turn(account)
                self.pause = 0.0
                if not more:
                    folder = account.name(*self.account.folder(RELEASE))
                    account.rest(folder, self.settings.mirror.interval or SHORTEST_REST, stop)
        finally:
            account.close()

    def turn(self, account: MirrorAccount) -> bool:
        """Decides the messages that were moved, then brings the folders up to date; returns whether there is more to do at once."""
        by = self.actor()
        acts = self.open_acts(account, by)
        found = [one for one in account.list_copies(acts.whole, only=acts.whole) if one.place not in self.left]
        answers = [one for one in found if one.place.folder == acts.yes]
        for one in answers:
            self.confirm(account, acts, one, by)
        self.file_answers(account, acts, [one for one in found if one.place.folder == acts.confirm])
        moved = [one for one in found if one.place.folder in acts.moves]
        if self.is_too_fast(moved):
            self.ask_about(account, acts, moved, by)
        else:
            for one in moved:
                self.decide(account, acts, one, acts.moves[one.place.folder], by)
        return bool(moved or answers) or (bool(self.account.department) and self.show(account, acts, by))

    def open_acts(self, account: MirrorAccount, by: Actor | None) -> ActFolders:
        """The folders for acts, with those for the texts, colleagues and people of now."""
        with read_transaction(self.engine) as session:
            moves = move_names.list_moves(session, self.account.department, by=by, settings=self.settings, now=utcnow())
        return mirror_folders.open_folders(account, self.account, moves)

    def is_too_fast(self, moved: list[Seen]) -> bool:
        """Whether these would be more than MOST_MOVES within a minute: then somebody is asked first."""
        now = time.monotonic()
        self.recent = [at for at in self.recent if now - at < MINUTE]
        if len(self.recent) + len(moved) > MOST_MOVES:
            return bool(moved)
        self.recent += [now] * len(moved)
        return False

    def actor(self) -> Actor | None:
        """Returns who acts in the account, with the role and scope of now; None when they are no staff any more: nobody acts then.

        No second factor can be given here: what asks for one again is confirmed in the console.
        """
        with read_transaction(self.engine) as session:
            found = staff_members.find_staff_actor(session, self.account.login, utcnow())
            asked = found is not None and factor_policy.is_asked(session, found.name, self.settings.api.require_second_factor)
            return replace(found, factor_due=True) if found and asked else found

    def identify(self, raw: bytes, moved: bool) -> int:
        """Returns the id of the copy with these bytes, or of the request that they answer; 0 for none.

        A rewritten header is forgiven only where somebody moved it to act.
        """
        with read_transaction(self.engine) as session:
            found = mirror_copies.by_digest(session, mirror_message.exact_digest(raw))
            if found is None and moved:
                found = mirror_copies.by_likeness(session, mirror_message.alike_digest(raw), mirror_message.copy_number(raw))
            if found is None and moved:
                return move_requests.find_request(session, mirror_message.answer_named(raw)[0], self.account.address)
            return found.id if found else 0

    # what was moved

    def decide(self, account: MirrorAccount, acts: ActFolders, one: Seen, move: Move, by: Actor | None) -> None:
        """Decides a message that was moved into a folder for acts; after the commit, lays it aside or gives it back.

        A copy that left the folder again, or is marked as deleted, means nothing.
        """
        if one.copy and not account.lies(one.place):
            account.take([one.place])
            return
        outcome = self.outcome(one, move, by)
        home = acts.done
        if outcome.kind not in (DONE, ALREADY):
            home = self.home_of(account, one) or home
        self.leave_answer(account, acts, home, one, move.folder, outcome)
        self.lay(account, one.place, home, ours=bool(one.copy))
        self.log_move(one.copy, move.folder, outcome)

    def confirm(self, account: MirrorAccount, acts: ActFolders, one: Seen, by: Actor | None) -> None:
        """Carries out what an answer says that was moved into Yes; where things have changed since, a fresh answer takes its place."""
        if one.copy and not account.lies(one.place):
            account.take([one.place])
            return
        outcome = self.outcome_of_yes(one, mirror_message.answer_named(account.read(one.place))[1], by)
        home = acts.done if outcome.kind in (DONE, ALREADY) else self.home_of(account, one) or acts.done
        self.leave_answer(account, acts, home, one, YES, outcome)
        if outcome.kind == ASKED:
            account.take([one.place])
        else:
            self.lay(account, one.place, home, ours=bool(one.copy))
        self.log_move(one.copy, YES, outcome)

    def ask_about(self, account: MirrorAccount, acts: ActFolders, moved: list[Seen], by: Actor | None) -> None:
        """Asks about many messages that were moved at once: gives them back, undecided, and puts a question in Confirm."""
        for folder in sorted({one.place.folder for one in moved}):
            move, some = acts.moves[folder], [one for one in moved if one.place.folder == folder]
            for one in some:
                if not one.copy:
                    self.decide(account, acts, one, move, by)
            ours = {one.place: one for one in some if one.copy}
            there = [ours[place] for place in account.lying(list(ours))]
            account.take([place for place in ours if place not in {one.place for one in there}])
            if there:
                outcomes, held = self.outcomes_of_many(there, move, by)
                for outcome in outcomes:
                    self.leave_answer(account, acts, self.home_of(account, there[0]) or acts.done, there[0], move.folder, outcome)
                    self.log_move(there[0].copy, move.folder, outcome)
                self.give_back(account, acts, there, held)

    def give_back(self, account: MirrorAccount, acts: ActFolders, some: list[Seen], held: set[int]) -> None:
        """Moves messages of one folder to where each belongs; those that are held no more are laid aside."""
        homes: dict[str, list[Place]] = {}
        with read_transaction(self.engine) as session:
            folders = mirror_copies.folders_of(session, held)
        for one in some:
            home = folders.get(one.copy, "") if self.account.department else ""
            homes.setdefault(home if home in account.folders else acts.done, []).append(one.place)
        for home, places in homes.items():
            for start in range(0, len(places), LAID_AT_ONCE):
                first, *more = places[start : start + LAID_AT_ONCE]
                self.lay(account, first, home, *(place.uid for place in more), ours=True)

    def file_answers(self, account: MirrorAccount, acts: ActFolders, found: list[Seen]) -> None:
        """Moves answers to Done whose requests were settled elsewhere or have expired, and gives back messages that are no answers."""
        named = [one for one in found if one.copy]
        with read_transaction(self.engine) as session:
            waiting = move_requests.list_waiting(session, [one.copy for one in named], utcnow()) if named else set()
        for one in named:
            if one.copy not in waiting:
                home = self.home_of(account, one)
                self.lay(account, one.place, home if home and home != acts.confirm else acts.done, ours=True)

    def lay(self, account: MirrorAccount, place: Place, home: str, *more: int, ours: bool) -> None:
        """Move it, and `more` of its folder. Removes copies that a full account does not take, and adds those of held messages again."""
        try:
            account.move(place, home, *more)
        except NotTaken as fault:
            log.warning(
                "the account %s is full, a message cannot be moved there: %s",
                escape_visible(self.account.address),
                escape_visible(str(fault)),
            )
            if ours:
                account.take([place._replace(uid=uid) for uid in (place.uid, *more)])
            else:
                self.left.add(place)

    def outcome(self, one: Seen, move: Move, by: Actor | None) -> Outcome:
        """Carries out the action for a moved message; returns the outcome."""
        if not one.copy or by is None:
            return Outcome("foreign", FOREIGN) if not one.copy else self.nobody()
        with transaction(self.engine) as session:
            moved = {"occasion": f"{one.place.validity}.{one.place.uid}", "account": self.account.address}
            made = mailbox_moves.act_on_move(session, one.copy, move, **moved, by=by, settings=self.settings, now=utcnow())
        self.wake()
        return made

    def outcome_of_yes(self, one: Seen, token: str, by: Actor | None) -> Outcome:
        """Carries out a request whose answer was confirmed; returns the outcome."""
        if not one.copy or by is None:
            return Outcome("foreign", FOREIGN) if not one.copy else self.nobody()
        said: dict[str, Any] = {"by": by, "settings": self.settings, "now": utcnow()}
        with read_transaction(self.engine) as session:
            planned = mailbox_moves.plan_confirmed(session, one.copy, **said)
        with transaction(self.engine) as session:
            made = mailbox_moves.confirm_move(session, one.copy, token, **said, planned=planned)
        self.wake()
        return made

    def outcomes_of_many(self, some: list[Seen], move: Move, by: Actor | None) -> tuple[list[Outcome], set[int]]:
        """Asks about many messages; the outcomes, and the copies that are held still."""
        copies = [one.copy for one in some]
        if by is None:
            return [self.nobody()], set(copies)
        said: dict[str, Any] = {"account": self.account.address, "by": by, "settings": self.settings, "now": utcnow()}
        with transaction(self.engine) as session:
            made = mailbox_moves.ask_about_moves(session, copies, move, **said)
        self.wake()
        return made

    def nobody(self) -> Outcome:
        """The outcome where nobody may act in this account."""
        return Outcome("refused", say("{login} is no longer a member of staff, so nobody can act here.", login=self.account.login))

    def wake(self) -> None:
        """Wake the other roles up."""
        for pipe in self.pipes:
            pipe.wake()

    def home_of(self, account: MirrorAccount, one: Seen) -> str:
        """Returns the folder that a message is given back to, of an answer Confirm; "" in somebody's own account: laid aside."""
        with read_transaction(self.engine) as session:
            row = session.get(MirrorCopy, one.copy) if one.copy else None
            home = row.folder if row else "INBOX"
            if row is None and move_requests.find_request(session, one.copy, self.account.address):
                return account.name(*self.account.folder(CONFIRM))
        if not self.account.department:
            return ""
        return home if home in account.folders or home == "INBOX" else "INBOX"

    def leave_answer(self, account: MirrorAccount, acts: ActFolders, folder: str, one: Seen, act: str, outcome: Outcome) -> None:
        """Puts the answer or the note of an outcome there, once for each time that something was moved."""
        if outcome.answer:
            mirror_notes.put_answer(account, acts.confirm, outcome.answer, self.settings)
        if not outcome.why:
            return
        subject = say(SUBJECTS.get(outcome.kind, NOTHING_DONE), act=act)
        number = f"{format_id(one.copy)}.{one.place.validity}.{one.place.uid}"
        mirror_notes.put_note(account, folder, number, subject, outcome.why, self.settings)

    def log_move(self, copy: int, act: str, outcome: Outcome) -> None:
        """Counts a move and writes it to the log."""
        metrics.count_event("mailroom_mirror_acts", outcome=outcome.kind)
        said = {"copy": format_id(copy), "act": act, "account": escape_visible(self.account.address)}
        said |= {"outcome": outcome.kind, "why": "" if outcome.kind == DONE else outcome.why}
        log.info("copy %(copy)s moved into %(act)s at %(account)s: %(outcome)s. %(why)s", said)

    # the picture

    def show(self, account: MirrorAccount, acts: ActFolders, by: Actor | None) -> bool:
        """Puts right what differs in the folders from what is held; returns whether there is more to do at once."""
        with read_transaction(self.engine) as session:
            held = mirror_copies.wanted_copies(session, self.account.department, by=by) if by else {}
            kept = [known_copy(one) for one in mirror_copies.live_copies(session, self.account.address)]
        account.open_folders([(person or SHARED,) for person in set(held.values())])
        wanted = {delivery: account.name(person or SHARED) for delivery, person in held.items()}
        apart = frozenset({acts.done, acts.confirm})
        for _ in range(LOOKS):
            seen = [one for one in account.list_copies(acts.whole) if one.copy]
            if any(acts.may_decide(one.place.folder) for one in seen):
                return True  # somebody moved it this moment: that comes first
            todo = plan_mirror(*readable_messages(kept, wanted, seen, account.unread), apart=apart)
            if not todo.put:
                break  # else a copy is missing: deleted, or moved meanwhile into a folder that was read before its own
            account.distrust_status()
        return bool(todo) and self.carry_out(account, todo)

    def carry_out(self, account: MirrorAccount, todo: Plan) -> bool:
        """Carries out a plan, each step of which can be done twice; returns whether there is more than fits in one turn."""
        if todo.end:
            with transaction(self.engine) as session:
                mirror_copies.end_copies(session, todo.end, utcnow())
                mirror_copies.forget_copies(session, self.account.address, utcnow())
        account.take(todo.take)
        for row, place, home in todo.move:
            self.note(row, home, 0, 0)
            self.lay(account, place, home, ours=True)
        for row, place in todo.found:
            self.note(row, place.folder, place.validity, place.uid)
        return self.fill(account, todo) or bool(todo.move)

    def fill(self, account: MirrorAccount, todo: Plan) -> bool:
        """Put there what is not; what the account does not take is tried again in a while, and keeps nothing else waiting."""
        now, refused = time.monotonic(), 0
        missing = [(row.delivery, row.id, home) for row, home in todo.put] + [(delivery, 0, home) for delivery, home in todo.new]
        due = [one for one in missing if self.later.get(one[0], 0.0) <= now]
        self.later = {delivery: until for delivery, until in self.later.items() if until > now}
        for delivery, copy, home in due[:AT_ONCE]:
            try:
                self.send(account, copy, delivery, home)
            except NotTaken as fault:
                self.later[delivery] = now + LATER
                refused += 1
                said = {"account": escape_visible(self.account.address), "delivery": format_id(delivery), "why": escape_visible(str(fault))}
                log.warning("the account %(account)s does not take delivery %(delivery)s, which waits in the queue: %(why)s", said)
            except Unreachable:  # it may be this message over which the server breaks off
                self.later[delivery] = now + LATER
                raise
            if refused == MOST_REFUSED:  # it is full
                self.later |= dict.fromkeys((delivery for delivery, _, _ in due), now + LATER)
                break
        return bool(due)

    def note(self, row: KnownCopy, folder: str, validity: int, uid: int) -> None:
        """Records where a copy is, before it is moved and after it was found."""
        with transaction(self.engine) as session:
            mirror_copies.place_copy(session, row.id, folder, validity, uid)

    def send(self, account: MirrorAccount, copy: int, delivery: int, home: str) -> None:
        """First the record says what is coming, then it is sent, and found by its bytes. `copy`: that was there before, 0: none was.

        A copy that somebody deleted, or that never arrived, is put there again. Where its lines on top have changed since, it is over and
        a new one takes its place: should both turn up, the old one is known, and goes.
        """
        with transaction(self.engine) as session:
            held = mirror_copies.find_held(session, delivery, utcnow())
            if held is None:
                return
            number, raw = self.dress(held, copy)
            if copy and not mirror_copies.is_known_by(session, copy, mirror_message.exact_digest(raw)):
                mirror_copies.end_copies(session, [copy], utcnow())
                copy, (number, raw) = 0, self.dress(held, 0)
            if copy:
                mirror_copies.place_copy(session, copy, home, 0, 0)
            else:
                whose: dict[str, Any] = {"account": self.account.address, "delivery_id": delivery, "folder": home}
                known: dict[str, Any] = {"digest": mirror_message.exact_digest(raw), "alike": mirror_message.alike_digest(raw)}
                mirror_copies.begin_copy(session, MirrorCopy(id=number, placed_at=utcnow(), **whose, **known))
        account.put(home, raw, flags=(NO_RECEIPT, "\\Flagged") if held.is_time_limited else (NO_RECEIPT,), at=held.received_at)

    def dress(self, held: mirror_copies.Held, copy: int) -> tuple[int, bytes]:
        """The number and the bytes of a copy. `copy`: its number; 0: a new one."""
        number = copy or new_id()
        return number, mirror_message.annotate_message(held, copy=number, authserv_id=self.settings.authserv_id)


def readable_messages(
    kept: list[KnownCopy], wanted: dict[int, str], seen: list[Seen], unread: set[str]
) -> tuple[list[KnownCopy], dict[int, str], list[Seen]]:
    """Without the messages whose folder nobody can look into: what cannot be seen there would be put there again and again."""
    aside = {row.delivery for row in kept if row.home in unread} | {delivery for delivery, home in wanted.items() if home in unread}
    copies = {row.id for row in kept if row.delivery in aside}
    return (
        [row for row in kept if row.delivery not in aside],
        {delivery: home for delivery, home in wanted.items() if delivery not in aside},
        [one for one in seen if one.copy not in copies],
    )


def known_copy(row: MirrorCopy) -> KnownCopy:
    """A row as the plan knows it."""
    return KnownCopy(row.id, row.delivery_id, row.folder, Place(row.folder, row.uid_validity, row.uid) if row.uid else None)
