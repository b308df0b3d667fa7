"""Additions to the OpenAPI document: sign-in, token scopes, examples, and refusals."""

from typing import Any

from fastapi import FastAPI

from triage_api.http.problems import MEDIA_TYPE
from triage_api.http.token_scopes import API, EMPLOYEES, OWN_WEBMAIL, WEBMAIL, Operations, is_for_webmail, is_peoples, needed_grant

SCHEMES = {
    "session": {"type": "apiKey", "in": "cookie", "name": "mailroom", "description": "Set by POST /session; __Host-mailroom behind TLS."},
    "own": {"type": "apiKey", "in": "cookie", "name": "mailroom-own", "description": "Set by POST /me/session, for one's own mail only."},
    "webmail": {"type": "http", "scheme": "bearer", "description": "Key of POST /webmail-links or POST /me/webmail-links."},
    "token": {"type": "http", "scheme": "bearer", "description": "Made by POST /tokens or `mailroom token create`."},
}
ID = "01KD2Q8V6M3ZT"
EXAMPLES: dict[str, list[dict[str, Any]]] = {
    "Credentials": [{"login": "ana", "password": "four words nobody guesses"}],
    "OwnCredentials": [{"login": "joe.fern", "password": "what Joe types every morning"}],
    "CategoryOrder": [{"fence": "5b7e0c6f6a1d4e0f9c3b2a18"}],
    "StartListText": [
        {
            "text": "mailroom-start-list 2027-01-04\nbank.example.com category=banks sends=codes dkim=example.com source=our-own-list",
            "dry_run": True,
        }
    ],
    "BrakeOrder": [{"reason": "The invitations are genuine."}],
    "RunOrder": [{"employee": "anna", "recipients": 500, "until": "2027-01-07T18:30:00Z", "reason": "invitations"}],
    "ResumeOrder": [{"reason": "The newsletter service changed its links; its messages are genuine."}],
    "FactorGiven": [{"code": "123456"}],
    "Pin": [{"pin": "804715"}],
    "PinGiven": [{"login": "nora.falk", "pin": "804715"}],
    "PasskeyOrder": [{"ticket": "2gcVz5FEjD7L0yqMk4nQ8sTtWbXrHuJp", "name": "notebook", "passkey": {"id": "…", "type": "public-key"}}],
    "PasskeySignIn": [{"ticket": "2gcVz5FEjD7L0yqMk4nQ8sTtWbXrHuJp", "passkey": {"id": "…", "type": "public-key"}}],
    "AppOrder": [{"ticket": "2gcVz5FEjD7L0yqMk4nQ8sTtWbXrHuJp", "code": "123456"}],
    "PrintedCode": [{"login": "rescue", "first": "abcd-efgh-ijkl-mnop", "second": "qrst-uvwx-yz23-4567"}],
    "ProviderSignIn": [{"return_to": "/rules"}],
    "DigestOrder": [{"wanted": False}],
    "AwayOrder": [{"until": "2027-01-07T08:00:00Z"}, {"until": None}],
    "PresenceOrder": [{"delivery": ID}, {"delivery": None}],
    "NextOrder": [{"group": "campaign", "department": "it"}],
    "AssignOrder": [{"select": {"ids": [ID]}, "to": "ben", "note": "Do you know them?"}, {"select": {"ids": [ID]}, "to": ""}],
    "SnoozeOrder": [{"select": {"ids": [ID]}, "until": "2099-01-01T14:00:00Z"}, {"select": {"ids": [ID]}}],
    "NoteOrder": [{"text": "The supplier calls back at nine about the order.", "scope": ["department:sales"]}],
    "NoteChange": [{"done": True}],
    "CommentOrder": [{"text": "I called the supplier: not from them."}],
    "PreviewOrder": [{"select": {"sender": "offers@shop.example", "states": ["held"]}}],
    "DecisionOrder": [
        {"verb": "release", "select": {"ids": [ID]}, "reason": "Anna expects it"},
        {
            "verb": "purge",
            "select": {"domain": "bad.example"},
            "expect": 12,
            "rule": {"effect": "block", "match": "domain", "scope": "company"},
        },
    ],
    "EscalationOrder": [{"select": {"ids": [ID]}, "to": "legal", "reason": "a summons for next week", "expect": 1}],
    "UndoOrder": [{"reason": "the wrong row"}],
    "ConfidentialRemovalAnswer": [{"reason": "the same wave", "expect": 3}],
    "SweepOrder": [{"sender": "offers@bad.example", "reason": "phishing", "dry_run": True}],
    "HuntOrder": [{"subject": "your mailbox is full", "link": "login.bad.example", "reason": "phishing that came before Mailroom"}],
    "HuntReason": [{"reason": "to see which of them are the wave"}],
    "HuntPreview": [{"messages": [ID], "known": False}],
    "HuntRemoval": [{"messages": [ID], "fence": "5d41402abc4b2a76b9719d91", "reason": "the same wave"}],
    "TakeOrder": [{"ids": [ID], "reason": "the same link"}],
    "JoinOrder": [{"into": ID, "reason": "the same crook"}],
    "NotifyOrder": [{"fence": "5d41402abc4b2a76b9719d91"}],
    "SplitOrder": [{"ids": [ID], "reason": "a newsletter that only looks like it"}],
    "RuleOrdered": [{"effect": "allow", "match": "domain", "value": "dell.example", "scope": "department:it", "proof": "dmarc"}],
    "TriedRule": [{"effect": "allow", "match": "domain", "value": "dell.example", "scope": "department:it", "proof": "dmarc"}],
    "RuleText": [{"text": "hold content:screensavers company attachment_name=*.scr note='no programs'\n"}],
    "SavedSearchOrder": [{"name": "Invoices", "q": "subject:invoice has:attachment", "shared_with": "department:finance"}],
    "PreferencesOrder": [{"theme": "dark", "undo_seconds": 20, "keys": {"hand": "w"}}],
    "RejectionOrder": [{"select": {"ids": [ID]}, "template": "not-wanted"}],
    "NextHopOrder": [{"next_hop": "smtp://inner.company.example:25"}, {"ids": [ID]}],
    "HoldOrder": [{"ids": [ID], "reason": "not yet"}],
    "ProofOrder": [{"ways": ["spf:supplier.example 40.107.0.0/16"], "reason": "They moved to another mail provider; I called them."}],
    "ProofUndoOrder": [{"reason": "It was not them."}],
    "AddressAnswer": [{"addresses": ["ana.berg@company.example"], "approve": True}],
    "SubstitutionOrder": [{"substitute": "ben", "ends_at": "2027-01-07T08:00:00Z", "reason": "holidays"}],
    "NewToken": [{"name": "nightly export", "grants": ["read"], "scope": ["department:it"]}],
    "EmergencyOrder": [{"until": "2027-01-07T18:30:00Z", "reason": "nobody is here"}],
    "LegalHoldOrder": [
        {"person": "mara.berg", "reason": "a dispute"},
        {"select": {"domain": "supplier.example"}, "reason": "a dispute"},
    ],
    "PersonOrder": [{"address": "anna@dell.example", "reason": "she asked for it"}],
    "ErasureOrder": [{"address": "anna@dell.example", "reason": "case 12", "with_rules": False}],
    "CodeWordOrder": [{"for_whom": "the candidate of Monday", "until": "2027-01-07T18:00:00Z"}],
    "ExpectedSenderOrder": [{"sender": "ann@supplier.example", "comment": "the offer"}],
    "EndsOrder": [{"ends": [{"rule": ID, "lapse_days": 180}]}],
    "PushOrder": [
        {
            "endpoint": "https://updates.push.services.mozilla.com/wpush/v2/gA",
            "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6",
            "auth": "BTBZMqHH6r4Tts7J_aSIgg",
        }
    ],
    "NewWebmailLink": [{"name": "Roundcube, it@company.example"}],
    "OwnReportOrder": [{"message": ID}],
    "ReportAnswer": [{"verdict": "bad", "comment": "the bank never asks for that"}],
    "RequestOrder": [{"delivery": ID, "comment": "she called: it is the hotel's confirmation"}],
    "DeclineOrder": [{"reason": "it is not from your bank: please do not answer it"}],
    "LiftOrder": [{"reason": "settled"}],
    "ProposalAnswer": [{"answer": "accept"}],
    "OffersOrder": [{"select": {"ids": [ID]}}],
    "RestoreOrder": [{"rules": [ID]}],
    "RemovalOrder": [{"rules": [ID], "dry_run": True}],
    "RuleLines": [{"text": "allow domain dell.example company", "dry_run": True}],
    "ExplainOrder": [{"sender": "anna@dell.example", "to": "it+joe.fern@company.example"}],
    "RuleChange": [{"note": "asked by Joe", "until": "2027-06-30T00:00:00Z"}],
    "Lessons": [{"items": [{"employee": "joe.fern", "address": "anna@dell.example"}]}],
    "ChosenContacts": [{"ids": [ID]}],
    "TrainingOrder": [{"message": "invoice", "answer": "remove"}],
    "EnforcementOrder": [
        {"scope": "department:it", "step": "hold-unknown", "starts_at": "default", "notify": True},
        {"scope": "person:joe.fern", "step": "hold-everything"},
    ],
}
REFUSALS = {  # a true one of each status
    401: ("Unauthorized", "Sign in first."),
    403: ("Forbidden", "this needs the role admin or triage; yours is auditor"),
    404: ("Not Found", f"there is no delivery {ID}"),
    409: ("Conflict", "Released by Ana Roth 4 seconds ago."),
    410: ("Gone", "Its content was erased: the retention period is over."),
    412: ("Precondition Failed", "you expected 12, but 13 are selected now: review the selection, then decide again"),
    413: ("Content Too Large", "A request has at most 1024 KiB."),
    422: ("Unprocessable Content", "select: name ids, a sender, a domain, a campaign, a department, a person or words to search for"),
    428: ("Precondition Required", "this message is in a confidential folder: say why you open it; the audit log keeps the reason"),
    429: ("Too Many Requests", "Too many failed sign-ins. Try again in 15 minutes."),
    500: ("Internal Server Error", "Something went wrong here; it has been logged."),
    503: ("Service Unavailable", "the directory server did not answer: try again later"),
}
PUBLIC = ("/session/ways", "/session/break-glass", "/session/providers/", "/session/outcome")  # before anybody has signed in
FIELDS = {422: {"field": "select"}, 428: {"type": "urn:mailroom:reason-needed"}}


class App(FastAPI):
    """A FastAPI app whose OpenAPI document tells the truth about refusals."""

    def openapi(self) -> dict[str, Any]:
        """The document, completed once."""
        if self.openapi_schema is None:
            complete_document(super().openapi())
        return super().openapi()


def complete_document(document: dict[str, Any]) -> None:
    """Add to the document what the routes cannot say."""
    document["components"]["securitySchemes"] = SCHEMES
    for name, schema in document["components"]["schemas"].items():
        if name in EXAMPLES:
            schema["examples"] = EXAMPLES[name]
    for path, operations in document["paths"].items():
        for method, operation in operations.items() if path.startswith(API) else ():
            if method != "get":
                operation["responses"].setdefault("503", {"description": REFUSALS[503][0]})  # giving_way
            operation["security"] = describe_security(method.upper(), path.removeprefix(API))
            only_acts_take_keys(method, operation)
            for status, response in operation["responses"].items():
                if status >= "400":
                    response["content"] = {
                        MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": describe_refusal(int(status))}
                    }


def describe_refusal(status: int) -> dict[str, Any]:
    """A problem document as this status brings it."""
    title, detail = REFUSALS[status]
    return {"type": "about:blank", "title": title, "status": status, "detail": detail} | FIELDS.get(status, {})


def describe_security(method: str, path: str) -> list[dict[str, list[str]]]:
    """Describes the sign-in of an operation and the roles that its token needs (OpenAPI 3.1: roles of a scheme)."""
    if (method, path) in {("POST", "/session"), ("POST", "/me/session")} or path.startswith(PUBLIC):
        return []
    if path.startswith(EMPLOYEES):
        return [{"own": []}, *describe_webmail(method, path, OWN_WEBMAIL)]
    if is_peoples(path):
        return [{"session": []}]
    grant = needed_grant(method, path)
    return [{"session": []}, {"token": [grant] if grant else []}, *describe_webmail(method, path, WEBMAIL)]


def describe_webmail(method: str, path: str, operations: Operations) -> list[dict[str, list[str]]]:
    """The sign-in of webmail, where it may use this operation."""
    return [{"webmail": []}] if is_for_webmail(method, path, operations) else []


def only_acts_take_keys(method: str, operation: dict[str, Any]) -> None:
    """An Idempotency-Key is for POST: what PUT and DELETE do is the same a second time."""
    if method != "post" and "parameters" in operation:
        operation["parameters"] = [one for one in operation["parameters"] if one["name"] != "Idempotency-Key"]
