#!/usr/bin/env python3
"""A receptionist's morning by script: walk the queue in its order, decide every row, end with an empty queue and a summary.

It needs Python and mailroom_api.py beside it, and uses the public API alone. Make it a token that may decide and make rules:

    mailroom token create morning --may read --may decide --may rules --scope company
    MAILROOM_TOKEN=mailroom_… python3 morning.py https://mailroom.example --redirect press@company.example=helena.brandvik

It is an example to be changed, not a policy: what counts as clear, unusual or bulk stands in the few lines below. What it does can be
undone as anything can that a person does; each decision says why it was made.
"""

import sys
from collections import Counter
from datetime import datetime

from mailroom_api import Refused, arguments, opened, plain, run

SUSPICIOUS = ("suspicious", "dangerous")  # of this severity it is not released
DECEIVES = ("look-alike-domain", "look-alike-of-known")  # nor with one of these signals
SAME_LETTER = 5  # people who got the same letter: somebody sells something
REGULAR = 3  # rows of one sender: worth a rule
PAGE = 50
OVERTAKEN = (404, 409, 412)  # somebody else was faster: look again


class Morning:
    """Progress of the morning."""

    def __init__(self, mailroom, redirects):
        self.mailroom, self.redirects = mailroom, redirects
        self.done, self.approved, self.undone = Counter(), set(), 0

    def work(self):
        """Row by row from the top, until none is left."""
        while items := self.mailroom.get("/triage", group="campaign", limit=PAGE)["items"]:
            senders, before = Counter(item["lead"]["author"] for item in items), self.done.total()
            for item in items:
                try:
                    self.decide(item, senders)
                except Refused as why:
                    if why.status not in OVERTAKEN:
                        raise
                    print(f"   {why}")
            if self.done.total() == before:
                sys.exit("Nothing can be done about what is left: look at it in the console.")

    def decide(self, item, senders):
        """Decides one row by the first rule that applies."""
        lead = item["lead"]
        signals = {signal["name"]: signal["sentence"] for signal in lead["signals"]}
        odd = max(lead["signals"], key=lambda signal: signal["risk"], default={"sentence": ""})["sentence"]
        print(f"{item['priority']:3} {plain(lead['author'])}: {plain(lead['subject'])[:60]} ({item['count']})")
        to = self.redirects.get(lead["recipient"])
        deceives = item["severity"] in SUSPICIOUS or any(name in signals for name in DECEIVES)
        if to and not item["second_look"]:  # that is for a person: a script confirms nothing
            self.act("redirect", item, f"what comes to {lead['recipient']} is theirs", to=to)
        elif deceives and item["count"] > 1:
            self.purge_campaign(item, odd)
        elif deceives or item["second_look"] or not lead["proof"]:
            self.act("purge", item, odd)
        elif "bulk" in signals:
            self.purge_bulk(item)
        elif item["people"] >= SAME_LETTER and self.may_notify(item):
            self.act("reject", item, f"the same letter to {item['people']} people", template="not-wanted")
        elif senders[lead["author"]] >= REGULAR and lead["author"] not in self.approved:
            self.approve(item)
        else:
            self.act("release", item, "proven, and nothing odd about it")

    def act(self, verb, item, reason, **more):
        """Decide about exactly the messages of this row. It fails when one of them has changed."""
        order = {"verb": verb, "select": on(item), "expect": item["count"], "reason": reason[:1000], **more}
        made = self.mailroom.post("/decisions", order)
        return self.count_decision(verb, made)

    def count_decision(self, verb, made):
        """Count what a decision did, and say it."""
        if "sentence" not in made:
            print("   waits for a second person's key")
            return made
        self.done[verb] += made["count"]
        print(f"   {plain(made['sentence'])}")
        return made

    def purge_campaign(self, item, why):
        """Remove all messages of a wave, delivered copies included: previews them first and removes exactly those."""
        sheet = self.mailroom.post("/selections/preview", {"select": item["select"], "verb": "purge"})
        print(
            f"   evidence: {sheet['count']} copies to {sheet['people']} people in {sheet['departments']} departments, {sheet['by_state']}"
        )
        print(f"   from {', '.join(plain(one['author']) for one in sheet['senders'])}; least alike:", end=" ")
        print("; ".join(plain(one["subject"]) for one in sheet["least_alike"]) or "none, they are all alike")
        if sheet["answered"] or sheet["rules_contradicted"]:
            print("   somebody has answered it, or a rule lets it in: only what is held")
            self.act("purge", item, why)
            return
        order = {"verb": "purge", "select": item["select"], "fence": sheet["fence"], "reason": why[:1000]}
        self.count_decision("purge", self.mailroom.post("/decisions", order))

    def purge_bulk(self, item):
        """Newsletters go. The first one was wanted after all: the act is undone, and the message released."""
        made = self.act("purge", item, "bulk mail that nobody asked for")
        if self.undone or "sentence" not in made:
            return
        back = self.mailroom.post(f"/decisions/{made['id']}/undo", {"reason": "somebody reads it"})
        self.undone, self.done["purge"] = self.undone + 1, self.done["purge"] - made["count"]
        print(f"   {plain(back['sentence'])}")
        self.act("release", item, "somebody reads it")

    def may_notify(self, item):
        """Whether every sender of this row may get a notice. Unproven senders never do."""
        said = self.mailroom.post("/rejections/preview", {"select": on(item), "template": "not-wanted"})
        return said["deliveries"] == item["count"] and not said["refused"]

    def approve(self, item):
        """Let a sender in for good, with the narrowest rule that the offers name."""
        offers = self.mailroom.post("/rules/offers", {"select": on(item)})["items"]
        rule = offers[0]["order"] if offers else None
        self.act("release", item, "they write often", **({"rule": rule} if rule else {}))
        self.approved.add(item["lead"]["author"])
        if rule:
            print(f"   from now on: {rule['effect']} {rule['value']} for {rule['scope']}. {offers[0]['sentence']}")

    def summary(self):
        """Summary of the morning."""
        items = self.mailroom.get("/triage", group="campaign", limit=1)
        midnight = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
        report = self.mailroom.get("/reports/queue", since=midnight.isoformat())
        print(f"\n{', '.join(f'{count} {VERBS[verb]}' for verb, count in self.done.most_common())}; {self.undone} decision undone.")
        print(f"Approved for good: {', '.join(sorted(self.approved)) or 'nobody'}.")
        print(f"Today: {report['sentences'][0]}")
        print("The queue is empty." if not items["total_deliveries"] else f"{items['total_deliveries']} messages wait.")


VERBS = {"release": "released", "redirect": "redirected", "purge": "purged", "reject": "rejected"}


def on(item):
    """Selection of a row: its messages by id, or for a large row the features they share."""
    return {"ids": item["ids"]} if len(item["ids"]) == item["count"] else {**item["select"], "states": ["held"]}


def main():
    """Say who we are, and work."""
    parser = arguments("Decide every row of the queue.")
    parser.add_argument("--redirect", action="append", default=[], metavar="ADDRESS=TO", help="mail to this address of ours goes there")
    asked, mailroom = opened(parser)
    me = mailroom.get("/me")
    print(f"{me['name']} may {', '.join(me['grants'] or me['verbs'])} in {', '.join(me['scope'])}.\n")
    day = Morning(mailroom, dict(one.split("=", 1) for one in asked.redirect))
    day.work()
    day.summary()


if __name__ == "__main__":
    run("morning", main)
