"""Role × scope × every operation of the OpenAPI document × foreign, own and confidential mail: nobody learns of what is not theirs."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlmodel import col

from tests import effort
from tests.triage.arriving import COMPANY, NOW, SYNC
from tests.triage_api.conftest import STAFF, Browser, Came, NewBrowser, token_key
from tests.triage_api.published import PUBLISHED
from triage import ids
from triage.access import dual_control, staff_members
from triage.actor import Grant
from triage.addressing.company import ConfidentialEntry
from triage.config.settings import Settings
from triage.directory import apply as directory
from triage.errors import ApprovalNeeded
from triage.store.db import read_transaction, transaction
from triage.store.models.assignments import Escalation
from triage.store.models.audit import AuditRecord
from triage.store.models.deliveries import Delivery
from triage.store.models.employees import MailReport
from triage.store.models.rules import Rule
from triage.store.models.staff import ApiToken
from triage.times import utcnow

JOE, MARA = "it+joe.fern@company.example", "legal+mara.berg@company.example"
SECRETS = ("Secret plan", "secret@only-it.example", "secret.example")
DECIDING = ("ana", "ida")  # for the whole company: triage, admin
READING = ("otto",)  # auditor
NAMED = ("hana", "hugo")  # whom a seal names: triage and auditor of the whole company
SEALS = {
    "the department": ConfidentialEntry("department:it", NAMED),
    "the person": ConfidentialEntry("person:joe.fern", NAMED),
}
# ask why, where the message is confidential
OPENING = {"view_message", "get_text", "get_headers", "download_source", "download_attachment", "count_pages", "draw_page"}


@dataclass
class Secret:
    """Data of one message to IT that only the company's staff may see."""

    delivery: str
    message: str
    decision: str
    rule: str
    scope: str
    substitution: str
    pending: str
    contact: str
    token: str
    campaign: str
    wanted: str = ""  # another message, which is held and asked for
    request: str = ""
    report: str = ""  # of that message
    escalation: str = ""  # of the first one
    note: str = ""  # to the next shift

    @property
    def ids(self) -> tuple[str, ...]:
        return (
            self.delivery,
            self.message,
            self.decision,
            self.rule,
            self.pending,
            self.contact,
            self.wanted,
            self.request,
            self.report,
            self.escalation,
        )


@dataclass
class Call:
    """Call of an operation about the secret. `says`: it answers all staff, and then without the secret."""

    json: Any = None
    says: bool = False
    query: str = ""


CALLS = {
    "create_session": Call(json={"login": "nobody", "password": "x"}, says=True),
    "open_break_glass": Call(json={"login": "nobody", "first": "a", "second": "b"}, says=True),
    "get_asked_factor": Call(),
    "set_up_app_at_sign_in": Call(),
    "finish_sign_in": Call(json={"code": "000000"}),
    "ask_for_passkey_at_sign_in": Call(),
    "begin_passkey_sign_in": Call(),
    "sign_in_with_passkey": Call(json={"ticket": "x", "passkey": {}}),
    "begin_own_passkey": Call(says=True),
    "keep_own_passkey": Call(json={"ticket": "x", "passkey": {}}),
    "remove_own_passkey": Call(says=True),
    "ask_for_own_passkey": Call(says=True),
    "list_own_factors": Call(says=True),
    "begin_own_app": Call(says=True),
    "keep_own_app": Call(json={"ticket": "x", "code": "000000"}),
    "remove_own_app": Call(says=True),
    "make_recovery_codes": Call(says=True),
    "prove_own_factor": Call(json={"code": "000000"}, says=True),
    "sign_in_by_proxy": Call(says=True),
    "lock_session": Call(says=True),
    "unlock_session": Call(json={"login": "nobody", "pin": "x"}, says=True),
    "get_own_pin": Call(says=True),
    "set_own_pin": Call(json={"pin": "x"}, says=True),
    "remove_own_pin": Call(says=True),
    "list_sign_in_ways": Call(says=True),
    "begin_provider_sign_in": Call(json={}),
    "finish_provider_sign_in": Call(),
    "get_sign_in_outcome": Call(query="?key=nobody"),
    "sign_out_at_provider": Call(),
    "end_provider_sessions": Call(),
    "create_own_session": Call(json={"login": "nobody", "password": "x"}),
    "delete_own_session": Call(),
    "list_own_messages": Call(),
    "list_own_readers": Call(),
    "create_own_request": Call(json={"delivery": "0000000000000"}),
    "choose_digest": Call(json={"wanted": False}),
    "create_expected_sender": Call(json={"sender": "ann@supplier.example"}),
    "create_code_word": Call(json={"for_whom": "the candidate"}),
    "forget_expected_sender": Call(),
    "get_own_name": Call(),
    "find_own_delivery": Call(query="?message=0000000000000"),
    "create_own_report": Call(json={"message": "0000000000000"}),
    "list_own_webmail_links": Call(),
    "create_own_webmail_link": Call(json={"name": "x"}),
    "revoke_own_webmail_link": Call(),
    "list_webmail_links": Call(says=True),
    "create_webmail_link": Call(json={"name": "x"}, says=True),
    "revoke_webmail_link": Call(),
    "get_webmail_message": Call(),
    "delete_session": Call(says=True),
    "get_me": Call(says=True),
    "list_searches": Call(says=True),
    "save_search": Call(json={"name": "x", "q": "order"}, says=True),
    "remove_search": Call(),
    "choose_preferences": Call(json={"theme": "dark"}, says=True),
    "get_web_push": Call(says=True),
    "subscribe_web_push": Call(json={"endpoint": "https://fcm.googleapis.com/x", "p256dh": "x", "auth": "x"}, says=True),
    "unsubscribe_web_push": Call(says=True),
    "list_sessions": Call(says=True),
    "get_coverage": Call(says=True),
    "set_away": Call(json={"login": "nobody"}),
    "end_sessions": Call(query="?login=nobody"),
    "list_departments": Call(says=True),
    "find_place": Call(says=True, query="?to=joe.fern&q=secret"),
    "get_directory": Call(says=True),
    "answer_address_changes": Call(json={"addresses": ["secret@company.example"], "approve": True}),
    "list_people": Call(says=True),
    "list_folder_readers": Call(query="?folder=joe.fern"),
    "list_recipients": Call(says=True),
    "list_distribution_lists": Call(says=True),
    "list_deliveries": Call(says=True),
    "get_delivery": Call(),
    "list_triage": Call(says=True),
    "list_anchors": Call(says=True),
    "list_campaigns": Call(query="?min_messages=1", says=True),
    "get_campaign": Call(),
    "get_incident": Call(),
    "get_timeline": Call(),
    "get_opened": Call(),
    "notify_who_opened": Call(json={"fence": "another"}),
    "get_sender": Call(),
    "get_sender_history": Call(),
    "join_campaign": Call(),
    "split_campaign": Call(),
    "get_message": Call(),
    "trace_message": Call(),
    "view_message": Call(),
    "note_viewed": Call(),
    "get_text": Call(),
    "get_headers": Call(),
    "download_source": Call(),
    "download_attachment": Call(),
    "count_pages": Call(),
    "draw_page": Call(),
    "preview_selection": Call(json={"select": {"sender": "secret@only-it.example"}}, says=True),
    "create_decision": Call(),
    "list_decisions": Call(says=True),
    "get_decision": Call(),
    "undo_decision": Call(),
    "list_items": Call(),
    "list_related": Call(),
    "remove_related": Call(json={"copies": ["0000000000000"]}),
    "begin_hunt": Call(json={"subject": "invoice", "reason": "x"}),
    "list_hunts": Call(says=True),
    "get_hunt": Call(),
    "show_hunt": Call(json={"reason": "x"}),
    "list_hunted": Call(),
    "preview_hunt_removal": Call(json={}),
    "remove_hunted": Call(json={"messages": ["0000000000000"], "fence": "x"}),
    "close_hunt": Call(),
    "create_sweep": Call(json={"sender": "nobody@nowhere.example", "dry_run": True}),
    "list_rules": Call(says=True),
    "export_rules": Call(says=True),
    "get_rule": Call(),
    "list_delivered_by_rule": Call(),
    "change_rule": Call(json={"note": "x"}),
    "import_rules": Call(json={"text": "block x.example"}),
    "restore_rules": Call(),
    "remove_rules": Call(),
    "change_ends": Call(),
    "explain_rules": Call(),
    "run_rule_tests": Call(json={"text": ""}, says=True),
    "preview_rule": Call(json={"effect": "allow", "match": "domain", "value": "only-it.example", "scope": "company"}, says=True),
    "offer_rules": Call(json={"select": {"sender": "secret@only-it.example"}}, says=True),
    "get_emergency": Call(says=True),
    "open_emergency": Call(json={"until": "2099-01-01T00:00:00Z", "reason": "x"}),
    "close_emergency": Call(),
    "list_brakes": Call(),
    "release_brake": Call(json={"reason": "x"}),
    "remove_brake": Call(json={"reason": "x"}),
    "restore_brake": Call(json={"reason": "x"}),
    "list_runs": Call(),
    "announce_run": Call(json={"employee": "joe.fern", "recipients": 9, "until": "2099-01-01T00:00:00Z"}),
    "end_run": Call(),
    "list_sender_checks": Call(says=True),
    "list_changed_proofs": Call(says=True),
    "renew_proof": Call(json={"reason": "x", "ways": ["dkim:x.example"]}),
    "refuse_proof": Call(json={"reason": "x", "ways": ["dkim:x.example"]}),
    "undo_proof_renewal": Call(json={"reason": "x"}),
    "list_sending_services": Call(says=True),
    "resume_sender_check": Call(json={"reason": "x"}),
    "export_person_data": Call(json={"address": "secret@only-it.example"}),
    "preview_erasure": Call(json={"address": "secret@only-it.example"}),
    "erase_person_data": Call(json={"address": "nobody@nowhere.example", "reason": "x"}),
    "list_erasures": Call(),
    "get_erasure": Call(),
    "list_legal_holds": Call(),
    "create_legal_hold": Call(json={"person": "joe.fern", "reason": "x"}),
    "lift_legal_hold": Call(json={"reason": "x"}),
    "create_rule": Call(json={"effect": "block", "match": "domain", "value": "x.example"}),
    "delete_rule": Call(),
    "list_proposals": Call(),
    "take_proposal_batch": Call(),
    "search_proposals": Call(),
    "return_proposal_batch": Call(),
    "answer_proposal": Call(json={"answer": "refuse"}),
    "get_start_list": Call(),
    "get_start_list_category": Call(),
    "import_start_list": Call(json={"text": "x", "dry_run": True}),
    "allow_start_list_category": Call(json={"fence": "x"}),
    "undo_start_list_act": Call(),
    "learn": Call(json={"items": [{"employee": "joe.fern", "address": "new@elsewhere.example"}]}),
    "list_contacts": Call(says=True),
    "accept_contacts": Call(),
    "remove_contacts": Call(),
    "list_reasons": Call(says=True),
    "list_posted_lists": Call(says=True),
    "list_templates": Call(says=True),
    "preview_rejection": Call(json={"select": {"sender": "secret@only-it.example"}, "template": "not-wanted"}, says=True),
    "list_outgoing": Call(says=True),
    "list_unsent": Call(says=True),
    "retry_delivery": Call(),
    "give_up_delivery": Call(),
    "hold_delivery": Call(),
    "retry_all": Call(json={"next_hop": "nowhere:"}),
    "give_up_all": Call(json={"next_hop": "nowhere:"}),
    "hold_all": Call(json={"next_hop": "nowhere:"}),
    "list_audit_entries": Call(),
    "export_audit_log": Call(),
    "list_staff": Call(),
    "verify_audit_log": Call(),
    "count_arrivals": Call(says=True),
    "list_reports": Call(says=True),
    "get_report": Call(says=True),
    "list_substitutes": Call(says=True),
    "arrange_substitute": Call(json={"absent": "ana", "substitute": "eva", "ends_at": "2099-01-01T00:00:00Z"}),
    "end_substitute": Call(),
    "keep_presence": Call(json={}, says=True),
    "end_presence": Call(says=True),
    "take_next": Call(json={}, says=True),
    "list_colleagues": Call(says=True),
    "assign_messages": Call(),
    "snooze_messages": Call(),
    "list_comments": Call(),
    "list_selected_comments": Call(says=True, query="?sender=secret@only-it.example"),
    "add_comment": Call(json={"text": "Secret plan"}),
    "list_notes": Call(says=True),
    "list_note_scopes": Call(says=True),
    "write_note": Call(),
    "change_note": Call(json={"done": True}),
    "list_reported": Call(says=True),
    "answer_report": Call(json={"verdict": "bad"}),
    "list_requests": Call(says=True),
    "create_request": Call(),
    "decline_request": Call(),
    "list_approvals": Call(says=True),
    "confirm_approval": Call(),
    "decline_approval": Call(),
    "list_confidential_removals": Call(says=True),
    "confirm_confidential_removal": Call(),
    "decline_confidential_removal": Call(),
    "list_duties": Call(says=True),
    "list_escalations": Call(query="?confirmed=true", says=True),
    "create_escalation": Call(),
    "confirm_escalation": Call(),
    "get_enforcement": Call(says=True),
    "forecast_undecided": Call(says=True, query="?department=it&minutes=1"),
    "set_enforcement": Call(json={"scope": "department:it", "step": "record-only"}),
    "preview_enforcement": Call(json={"scope": "department:it", "step": "record-only"}),
    "list_tokens": Call(),
    "create_token": Call(json={"name": "new", "grants": ["read"]}),
    "revoke_token": Call(),
    "list_training_messages": Call(says=True),
    "view_training_message": Call(),
    "note_training_viewed": Call(),
    "answer_training": Call(),
    "list_scores": Call(says=True),
    "get_known_figures": Call(says=True),
    "list_findings": Call(),
    "list_settings": Call(),
    "list_webhooks": Call(),
    "test_webhook": Call(),
    "resume_webhook": Call(),
    "healthz": Call(says=True),
    "readyz": Call(says=True),
}
OWN = {
    "create_own_session",
    "delete_own_session",
    "list_own_messages",
    "list_own_readers",
    "create_own_request",
    "choose_digest",
    "create_expected_sender",
    "create_code_word",
    "forget_expected_sender",
    "get_own_name",
    "find_own_delivery",
    "create_own_report",
    "list_own_webmail_links",
    "create_own_webmail_link",
    "revoke_own_webmail_link",
}
SIGNING_IN = {  # for browsers that have not signed in, and providers: tests/triage_api/routes/access/test_providers.py
    "create_session",
    "open_break_glass",
    "list_sign_in_ways",
    "get_asked_factor",
    "set_up_app_at_sign_in",
    "finish_sign_in",
    "ask_for_passkey_at_sign_in",
    "begin_passkey_sign_in",
    "sign_in_with_passkey",
    "unlock_session",
    "sign_in_by_proxy",
    "begin_provider_sign_in",
    "finish_provider_sign_in",
    "get_sign_in_outcome",
    "end_provider_sessions",
}
PEOPLES = OWN | {
    "sign_out_at_provider",
    "delete_session",
    "list_sessions",
    "end_sessions",
    "list_training_messages",
    "view_training_message",
    "note_training_viewed",
    "note_viewed",
    "answer_training",
    "list_scores",
    "get_known_figures",
    "keep_presence",
    "end_presence",
    "take_next",
    "snooze_messages",
    "list_note_scopes",
    "write_note",
    "change_note",
    "choose_preferences",
    "get_web_push",
    "subscribe_web_push",
    "unsubscribe_web_push",
    "list_own_factors",
    "begin_own_app",
    "keep_own_app",
    "remove_own_app",
    "make_recovery_codes",
    "prove_own_factor",
    "begin_own_passkey",
    "keep_own_passkey",
    "remove_own_passkey",
    "ask_for_own_passkey",
    "lock_session",
    "get_own_pin",
    "set_own_pin",
    "remove_own_pin",
    "list_webmail_links",
    "create_webmail_link",
    "revoke_webmail_link",
}  # no token may
ACTING = {  # what a token must be for, beside reading; what stands nowhere only reads
    "decide": {
        "create_decision", "undo_decision", "retry_delivery", "give_up_delivery", "hold_delivery", "retry_all", "give_up_all", "hold_all",
        "decline_approval", "confirm_confidential_removal", "decline_confidential_removal",
        "create_request", "decline_request", "remove_related", "join_campaign", "split_campaign", "assign_messages", "add_comment",
        "save_search", "remove_search", "answer_report",
        "create_escalation", "confirm_escalation",
    },
    "learn": {"learn"},
    "rules": {"accept_contacts", "remove_contacts", "create_rule", "delete_rule", "change_rule", "import_rules", "restore_rules",
        "remove_rules", "change_ends", "take_proposal_batch", "return_proposal_batch", "search_proposals", "answer_proposal",
        "allow_start_list_category", "undo_start_list_act",
        "renew_proof", "refuse_proof", "undo_proof_renewal"},
    "admin": {"import_start_list", "list_audit_entries", "export_audit_log", "list_folder_readers", "list_staff", "set_away",
        "verify_audit_log", "set_enforcement", "preview_enforcement", "arrange_substitute", "end_substitute", "list_tokens", "revoke_token",
        "open_emergency", "close_emergency", "resume_sender_check", "list_legal_holds", "create_legal_hold", "lift_legal_hold",
        "export_person_data", "preview_erasure", "erase_person_data", "list_erasures", "get_erasure",
        "list_webhooks", "test_webhook", "resume_webhook", "answer_address_changes", "list_findings", "list_settings",
        "list_hunts", "get_hunt", "list_hunted", "preview_hunt_removal"},
    "nothing": {"notify_who_opened", "create_token", "confirm_approval", "create_sweep",  # a sweep needs admin and decide
        "begin_hunt", "show_hunt", "remove_hunted", "close_hunt",  # and so does a hunt
        "release_brake", "remove_brake", "restore_brake", "announce_run", "end_run", "list_brakes", "list_runs"},
}  # fmt: skip
BRAKES = ("list_brakes", "release_brake", "remove_brake", "restore_brake", "list_runs", "announce_run", "end_run")  # of one duty
NOT_MINE = {403, 404}  # an auditor's role is looked at first
FORBIDDEN = {
    "answer_address_changes": {403},
    "begin_passkey_sign_in": {403},  # the settings have no such way
    "sign_in_with_passkey": {403},
    "begin_own_passkey": {422},  # the console has no name
    "ask_for_own_passkey": {422},
    "end_provider_sessions": {404, 422},  # without a provider, or a form
    "create_own_session": {403},  # for employees, where the settings let them: tests/triage_api/routes/employees/test_own_mail.py
    "delete_own_session": {401},
    "list_own_messages": {401},
    "list_own_readers": {401},
    "create_own_request": {401},
    "choose_digest": {401},
    "create_expected_sender": {401},
    "create_code_word": {401},
    "forget_expected_sender": {401},
    "get_own_name": {401},
    "find_own_delivery": {401},
    "create_own_report": {401},
    "list_own_webmail_links": {401},
    "create_own_webmail_link": {401},
    "revoke_own_webmail_link": {401},
    "create_rule": {403},
    "list_proposals": {403},  # of the whole company's mail
    "take_proposal_batch": {403},
    "search_proposals": {403},
    "return_proposal_batch": {403},
    "answer_proposal": {403},
    "get_start_list": {403},  # of the whole company's mail
    "get_start_list_category": {403},
    "import_start_list": {403},
    "allow_start_list_category": {403},
    "undo_start_list_act": {403},
    "learn": {403},
    "accept_contacts": NOT_MINE,
    "remove_contacts": NOT_MINE,
    "set_enforcement": {403},
    "preview_enforcement": {403},
    "open_emergency": {403},
    "change_rule": NOT_MINE,
    "import_rules": {403, 422},
    "restore_rules": NOT_MINE,
    "remove_rules": NOT_MINE,
    "change_ends": NOT_MINE,
    "close_emergency": {403},
    "resume_sender_check": {403},
    "renew_proof": NOT_MINE,
    "refuse_proof": NOT_MINE,
    "undo_proof_renewal": NOT_MINE,
    "list_brakes": {200, 403},  # to administrators: without what is sealed
    "list_runs": {200, 403},
    "announce_run": {403, 422},
    "release_brake": NOT_MINE,
    "remove_brake": NOT_MINE,
    "restore_brake": NOT_MINE,
    "end_run": NOT_MINE,
    "export_person_data": {403},
    "preview_erasure": {403},
    "erase_person_data": {403},
    "list_erasures": {403},
    "get_erasure": NOT_MINE,
    "list_legal_holds": {403},
    "create_legal_hold": {403},
    "lift_legal_hold": NOT_MINE,
    "arrange_substitute": {403},
    "end_substitute": NOT_MINE,
    "list_audit_entries": {403},
    "export_audit_log": {403},
    "list_staff": {403},
    "list_folder_readers": {403},
    "verify_audit_log": {403},
    "end_sessions": NOT_MINE,
    "set_away": NOT_MINE,
    "create_decision": NOT_MINE,
    "undo_decision": NOT_MINE,
    "remove_related": NOT_MINE,
    "join_campaign": NOT_MINE,
    "split_campaign": NOT_MINE,
    "notify_who_opened": NOT_MINE,
    "create_sweep": {403},
    **{name: {403, 409} for name in ("begin_hunt", "show_hunt", "remove_hunted", "close_hunt")},  # it is off
    "assign_messages": NOT_MINE,
    "snooze_messages": NOT_MINE,
    "add_comment": NOT_MINE,
    "list_note_scopes": {200, 403},
    "write_note": {403},
    "change_note": NOT_MINE,
    "remove_search": NOT_MINE,
    "create_request": NOT_MINE,
    "answer_report": NOT_MINE,
    "decline_request": NOT_MINE,
    "confirm_approval": NOT_MINE,
    "decline_approval": NOT_MINE,
    "create_escalation": NOT_MINE,
    "confirm_escalation": {404},  # an auditor is not told either that there is one
    "confirm_confidential_removal": NOT_MINE,
    "decline_confidential_removal": NOT_MINE,
    "retry_delivery": NOT_MINE,
    "give_up_delivery": NOT_MINE,
    "hold_delivery": NOT_MINE,
    "retry_all": {422},  # a next hop of its own; test_lists.py walks scope and role
    "give_up_all": {422},
    "hold_all": {422},
    "list_tokens": {200, 403},  # of an administrator's own scope
    "create_token": {403},
    "revoke_token": NOT_MINE,
    "list_findings": {403},
    "list_settings": {403},
    "list_webhooks": {403},
    "test_webhook": {403, 404},  # the settings have none
    "resume_webhook": {403, 404},
}
NO_MAIL = {
    *OWN,
    "list_webmail_links",
    "create_webmail_link",
    "revoke_webmail_link",
    "list_proposals",  # confidential mail is no evidence: tests/triage/policy/suggestions/test_rule_suggestions.py
    "take_proposal_batch",
    "return_proposal_batch",
    "search_proposals",
    "answer_proposal",
    "get_start_list",  # nor here: tests/triage/quarantine/start_list/test_allow_category.py
    "get_start_list_category",
    "import_start_list",
    "allow_start_list_category",
    "undo_start_list_act",
    "list_staff",
    "list_folder_readers",
    "arrange_substitute",
    "list_substitutes",
    "end_substitute",
    "list_sessions",
    "end_sessions",
    "get_coverage",
    "set_away",
    "list_duties",
    "get_enforcement",
    "set_enforcement",
    "preview_enforcement",
    "list_tokens",
    "create_token",
    "revoke_token",
    "get_emergency",
    "open_emergency",
    "close_emergency",
    "list_sender_checks",
    "list_sending_services",
    "resume_sender_check",
    "create_sweep",
    "begin_hunt",
    "list_hunts",
    "get_hunt",
    "show_hunt",
    "list_hunted",
    "preview_hunt_removal",
    "remove_hunted",
    "close_hunt",
    "create_legal_hold",
    "export_person_data",  # without what is confidential: tests/triage/compliance/privacy/test_data_subject.py
    "preview_erasure",  # numbers of what is about to be erased
    "erase_person_data",
    "answer_address_changes",
}  # about staff; a seal has nothing to do with it
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # what is refused before any message is looked for
STREAM = "stream_events"  # tells a number and nothing else; tests/triage_api/routes/operations/test_events.py


def operations() -> Iterator[tuple[str, str, str]]:
    """(name, method, path) of every operation, as published: that the app has these and no others is for test_published.py."""
    for path, methods in json.loads(PUBLISHED.read_text())["paths"].items():
        for method, operation in methods.items():
            yield operation["operationId"], method.upper(), path


def made_by(browser: Browser, came: Came, scope: str = "department:it") -> Secret:
    """A message to IT that was released, with a rule for IT; and a message to legal beside it."""
    came(MARA, subject="For legal")
    (delivery,) = came(JOE, author="secret@only-it.example", subject="Secret plan", text="A merger that nobody may hear of yet.")
    decision = browser.post("/decisions", {"verb": "release", "reason": "Secret plan", "select": {"ids": [delivery]}}).json()
    rule = browser.post("/rules", {"effect": "block", "match": "domain", "value": "secret.example", "scope": scope, "note": "Secret plan"})
    shown = browser.get(f"/deliveries/{delivery}").json()
    message, campaign = shown["message_id"], shown["campaign"]
    away = browser.post("/substitutes", {"substitute": "sam", "starts_at": "2098-01-01T00:00:00Z", "ends_at": "2099-01-01T00:00:00Z"})
    browser.post("/learn", {"items": [{"employee": "joe.fern", "address": "secret@only-it.example"}]})
    (known,) = browser.get("/contacts?q=only-it").json()["items"]
    (wanted,) = came(JOE, author="secret@only-it.example", subject="Secret plan, again")
    request = browser.post("/requests", {"delivery": wanted, "comment": "the Secret plan"}).json()["id"]
    return Secret(
        delivery,
        message,
        decision["id"],
        rule.json()["id"],
        scope,
        away.json()["id"],
        asked_for(browser, delivery),
        known["id"],
        made_token(browser),
        campaign,
        wanted,
        request,
        reported_by_joe(browser, wanted),
        browser.post("/escalations", {"select": {"ids": [delivery]}, "to": "legal", "reason": "the Secret plan"}).json()["id"],
        browser.post("/shift-notes", {"text": "the Secret plan", "scope": [scope]}).json()["id"],
    )


def reported_by_joe(browser: Browser, delivery: str) -> str:
    """The id of his report about this message."""
    made = ids.new_id()
    with transaction(browser.app.state.office.engine) as session:
        about: Any = {"author": "secret@only-it.example", "subject": "Secret plan", "how": "message id", "at": NOW, "spool_id": 1}
        about |= {"person": "joe.fern", "person_shown": "Joe Fern", "department": "it", "delivery_id": ids.parse_id(delivery)}
        session.add(MailReport(id=made, **about))
    return ids.format_id(made)


def made_token(browser: Browser) -> str:
    """The id of a token that reads IT's mail."""
    engine = browser.app.state.office.engine
    token_key(engine, "read", scope=("department:it",))
    with read_transaction(engine) as session:
        return ids.format_id(session.scalars(select(col(ApiToken.id))).one())


def asked_for(browser: Browser, delivery: str) -> str:
    """The id of what waits for a second person's approval about the secret mail."""
    with transaction(browser.app.state.office.engine) as session:
        by = staff_members.find_staff_actor(session, browser.get("/me").json()["login"], NOW)
        assert by is not None
        order = {"verb": "hold", "select": {"ids": [delivery]}, "rule": None, "to": "", "template": "", "text": ""}
        need = ApprovalNeeded(("risky-release",), (ids.parse_id(delivery),), "fence")
        return ids.format_id(
            dual_control.ask_second_person(session, "decision", order, need, by=by, reason="Secret plan", key=None, now=utcnow()).id
        )


@pytest.fixture
def secret(ana: Browser, came: Came) -> Secret:
    """The message, in a department that is not confidential."""
    return made_by(ana, came)


@pytest.fixture(params=["the person", effort.long("the department")])
def sealed(request: pytest.FixtureRequest, engine: Engine, api_settings: Settings, new_browser: NewBrowser, came: Came) -> Secret:
    """The message, where the department or the person is confidential."""
    seal = SEALS[request.param]
    with transaction(engine) as session:
        directory.apply_directory(session, replace(COMPANY, staff=STAFF, sealed=(seal,)), api_settings.company, by=SYNC, now=NOW)
    return made_by(new_browser("hana"), came, seal.folder)


def called(browser: Browser, secret: Secret, name: str, method: str, path: str, params: dict[str, str] | None = None) -> Any:
    """The answer to an operation that is called about the secret."""
    about = {"delivery_id": secret.delivery, "message_id": secret.message, "decision_id": secret.decision, "rule_id": secret.rule}
    about |= {"substitution_id": secret.substitution, "pending_id": secret.pending, "token_id": secret.token}
    about["proposal_id"] = about["hold_id"] = about["erasure_id"] = about["expectation_id"] = about["search_id"] = "0000000000000"
    about["link_id"] = about["act_id"] = "0000000000000"
    about["category"] = "banks"
    about["brake_id"] = about["run_id"] = about["hunt_id"] = "0000000000000"
    about["hook"], about["check"], about["domain"] = "ops", "link-text", "strangers.example"
    about["credential_id"] = "x"
    about |= {
        "message": secret.delivery,
        "campaign_id": secret.campaign,
        "name": "campaigns",
        "request_id": secret.request,
        "report_id": secret.report,
        "escalation_id": secret.escalation,
        "note_id": secret.note,
    }
    about["sender"] = "secret@only-it.example"
    body = CALLS[name].json
    if name == "create_decision":
        body = {"verb": "hold", "select": {"ids": [secret.delivery]}}
    if name == "keep_presence":
        body = {"delivery": secret.wanted}
    if name == "assign_messages":
        body = {"select": {"ids": [secret.wanted]}, "to": "sam", "note": "Secret plan"}
    if name == "snooze_messages":
        body = {"select": {"ids": [secret.wanted]}, "until": (utcnow() + timedelta(hours=1)).isoformat()}  # before the session ends
    if name == "write_note":
        body = {"text": "Secret plan", "scope": [secret.scope]}
    if name == "create_escalation":
        body = {"select": {"ids": [secret.wanted]}, "to": "security", "reason": "Secret plan"}
    if name == "create_request":
        body = {"delivery": secret.wanted}
    if name == "answer_training":
        body = {"message": secret.delivery, "answer": "release"}
    if name == "import_rules":
        body = {"text": f"block x.example scope={secret.scope}"}
    if name in ("restore_rules", "remove_rules"):
        body = {"rules": [secret.rule]}
    if name == "change_ends":
        body = {"ends": [{"rule": secret.rule, "lapse_days": 30}]}
    if name == "run_rule_tests":
        body = {"text": f"test {secret.delivery} expect=none"}
    if name == "explain_rules":
        body = {"delivery": secret.delivery}
    if name == "join_campaign":
        body = {"into": secret.campaign}
    if name == "split_campaign":
        body = {"ids": [secret.delivery]}
    if name == "create_rule":
        body = body | {"scope": secret.scope}
    if name in ("accept_contacts", "remove_contacts"):
        body = {"ids": [secret.contact]}
    return browser.request(method, "/" + path.format(**about, number=1, page=1) + CALLS[name].query, json=body, params=params)


def ends_session(name: str) -> int:
    """When an operation is called: those that end the session are the last ones."""
    return ("delete_session", "lock_session").index(name) + 1 if name in ("delete_session", "lock_session") else 0


def test_every_operation_has_its_line_here() -> None:
    assert {name for name, _, _ in operations()} == {*CALLS, STREAM}


@ON_SQLITE
def test_without_a_session_nothing_is_said(secret: Secret, new_browser: NewBrowser) -> None:
    nobody = new_browser()
    for name, method, path in operations():
        if name in SIGNING_IN | {"create_own_session", "healthz", "readyz"}:
            continue
        answer = nobody.get("/events") if name == STREAM else called(nobody, secret, name, method, path)
        assert (name, answer.status_code) == (name, 401)


@pytest.mark.parametrize("login", ["leo", *map(effort.long, ("ben", "eva", "uma"))])  # an administrator may do most
def test_outside_the_scope_there_is_nothing(secret: Secret, new_browser: NewBrowser, login: str) -> None:
    browser = new_browser(login)
    for name, method, path in sorted(operations(), key=lambda one: ends_session(one[0])):
        if name == STREAM:
            continue
        answer = called(browser, secret, name, method, path)
        if not CALLS[name].says:
            assert (name, answer.status_code) in {(name, status) for status in FORBIDDEN.get(name, {404})}
        said = answer.text.replace(path, "")
        for word in (*SECRETS, *(secret.ids if CALLS[name].says else ())):
            assert word not in said, (name, said)


@pytest.mark.parametrize("login", ["ida", *map(effort.long, ("ana", *READING))])
def test_within_the_scope_each_operation_does_its_work(secret: Secret, new_browser: NewBrowser, login: str) -> None:
    browser = new_browser(login)
    changes = {"create_decision", "undo_decision", "create_rule", "delete_rule", "retry_delivery", "give_up_delivery", "hold_delivery"}
    changes |= {
        "renew_proof",
        "refuse_proof",
        "undo_proof_renewal",
        "take_proposal_batch",
        "return_proposal_batch",
        "search_proposals",
        "answer_proposal",
        "import_start_list",
        "allow_start_list_category",
        "undo_start_list_act",
        "learn",
        "accept_contacts",
        "remove_contacts",
        "remove_related",
        "change_rule",
        "import_rules",
        "restore_rules",
        "remove_rules",
        "change_ends",
        "join_campaign",
        "split_campaign",
        "notify_who_opened",
        "arrange_substitute",
        "end_substitute",
        "confirm_approval",
        "decline_approval",
        "create_escalation",
        "confirm_escalation",
        "confirm_confidential_removal",
        "decline_confidential_removal",
        "create_request",
        "decline_request",
        "answer_report",
        "assign_messages",
        "snooze_messages",
        "add_comment",
        "list_note_scopes",
        "write_note",
        "change_note",
        "take_next",
    }
    expected = dict.fromkeys(OWN - {"create_own_session"}, 401) | {"revoke_webmail_link": 404}
    elsewhere = ("begin_provider_sign_in", "finish_provider_sign_in", "get_sign_in_outcome", "sign_out_at_provider")
    expected |= dict.fromkeys(elsewhere, 404) | {"end_provider_sessions": 422}  # the settings have no provider; it sends no form
    expected |= dict.fromkeys(("get_asked_factor", "set_up_app_at_sign_in", "finish_sign_in", "keep_own_app", "keep_own_passkey"), 404)
    expected |= dict.fromkeys(("begin_passkey_sign_in", "sign_in_with_passkey"), 403)  # the settings have no such way
    expected |= dict.fromkeys(("begin_own_passkey", "ask_for_own_passkey"), 422)  # the console has no name
    expected["ask_for_passkey_at_sign_in"] = 404
    expected |= {
        "prove_own_factor": 403,
        "set_own_pin": 403,  # the settings name no network for it
        "unlock_session": 403,
        "sign_in_by_proxy": 403,
        "subscribe_web_push": 409,  # it is off
        "lock_session": 401,  # after the sign-out
        "create_session": 401,
        "open_break_glass": 401,
        "create_own_session": 403,
        "download_attachment": 404,
        "count_pages": 404,
        "draw_page": 404,
        "retry_all": 422,
        "give_up_all": 422,
        "hold_all": 422,
    }
    expected["answer_proposal"] = expected["lift_legal_hold"] = expected["get_erasure"] = expected["remove_search"] = 404
    expected["remove_related"] = 404  # nothing lay beside
    expected |= dict.fromkeys(("get_hunt", "list_hunted", "preview_hunt_removal"), 404)
    expected |= dict.fromkeys(("begin_hunt", "show_hunt", "remove_hunted", "close_hunt"), 403 if login in READING else 409)  # it is off
    expected["confirm_confidential_removal"] = expected["decline_confidential_removal"] = 404  # no folder is confidential
    expected |= {"join_campaign": 422, "split_campaign": 422}  # with itself, and all of it
    expected["notify_who_opened"] = 412  # the fence is another one's
    expected["end_sessions"] = expected["set_away"] = expected["answer_address_changes"] = 404 if login == "ida" else 403
    if login != "ida":
        expected |= dict.fromkeys(("list_tokens", "create_token", "revoke_token"), 403)
    expected["confirm_approval"] = 403 if login == "ana" else 412  # ana has asked herself; the message is another one's by now
    expected |= dict.fromkeys(("test_webhook", "resume_webhook"), 404 if login == "ida" else 403)  # the settings have none
    expected |= dict.fromkeys(("release_brake", "remove_brake", "restore_brake", "end_run"), 404)
    expected |= dict.fromkeys(("renew_proof", "refuse_proof", "undo_proof_renewal"), 404)
    expected |= {"allow_start_list_category": 412, "undo_start_list_act": 404, "import_start_list": 422 if login == "ida" else 403}
    expected["announce_run"] = 422  # for longer than a week
    if login != "ida":
        expected |= dict.fromkeys(BRAKES, 403)
    expected |= {"open_emergency": 422, "close_emergency": 404}  # for longer than a week; and it is not open
    if login != "ida":
        expected |= dict.fromkeys(("set_enforcement", "preview_enforcement", "create_sweep", "open_emergency", "close_emergency"), 403)
        expected["resume_sender_check"] = 403
        expected |= dict.fromkeys(("create_legal_hold", "lift_legal_hold", "list_findings", "list_settings"), 403)
        expected |= dict.fromkeys(("export_person_data", "preview_erasure", "erase_person_data"), 403)
    if login in READING:
        expected |= dict.fromkeys(changes, 403)
    if login == "ana":
        expected |= dict.fromkeys(("list_audit_entries", "export_audit_log", "list_staff", "list_legal_holds", "verify_audit_log"), 403)
        expected["list_folder_readers"] = 403
        expected["list_erasures"] = expected["get_erasure"] = expected["list_webhooks"] = 403
    order = ["give_up_delivery", "retry_delivery", "hold_delivery", "create_decision", "undo_decision", "delete_rule"]
    for name, method, path in sorted(operations(), key=lambda one: (ends_session(one[0]), one[0] in order and order.index(one[0]))):
        if name == STREAM:
            continue
        answer = called(browser, secret, name, method, path)
        if name in ("create_decision", "undo_decision") and login in DECIDING:
            assert answer.status_code == 409  # it was held again before
        else:
            assert (name, answer.status_code) in {(name, expected.get(name, good)) for good in (200, 201, 202, 204)}, answer.text


@ON_SQLITE
def test_a_token_does_what_it_was_made_for_and_nothing_else(secret: Secret, new_browser: NewBrowser, engine: Engine) -> None:
    acting = {name for names in ACTING.values() for name in names}
    programs = {grant: new_browser().with_token(token_key(engine, grant)) for grant in Grant}
    for (grant, program), (name, method, path) in product(programs.items(), operations()):
        if name in SIGNING_IN | {STREAM, "healthz", "readyz", "create_own_session"}:
            continue
        answer = called(program, secret, name, method, path)
        reads = grant == "read" and name not in acting | PEOPLES
        may = name == "get_me" or name in ACTING.get(grant, set()) or reads
        assert (grant, name, answer.status_code != 403) == (grant, name, may), answer.text
        if not may and name not in PEOPLES | ACTING["nothing"]:
            assert "this needs a token with the scope" in answer.json()["detail"]


def test_a_token_sees_nothing_outside_its_folders(secret: Secret, new_browser: NewBrowser, engine: Engine) -> None:
    program = new_browser().with_token(token_key(engine, "read", "decide", "rules", "admin", scope=("department:legal",)))
    for name, method, path in operations():
        if name == STREAM:
            continue
        answer = called(program, secret, name, method, path)
        if name in PEOPLES:
            assert answer.status_code == 403
        elif not CALLS[name].says:
            assert (name, answer.status_code) in {(name, status) for status in FORBIDDEN.get(name, {404})}
        said = answer.text.replace(path, "")
        for word in (*SECRETS, *(secret.ids if CALLS[name].says else ())):
            assert word not in said, (name, said)


def test_a_token_opens_nothing_that_is_sealed(sealed: Secret, new_browser: NewBrowser, engine: Engine) -> None:
    before = state_of(engine, sealed)
    program = new_browser().with_token(token_key(engine, "read", "decide", "rules", "learn", "admin"))
    for name, method, path in operations():
        if name == STREAM or name in NO_MAIL | PEOPLES:
            continue
        answer = called(program, sealed, name, method, path, {"reason": "I am curious"} if name in OPENING else None)
        said = answer.text.replace(path, "")
        for word in (*SECRETS, *(sealed.ids if CALLS[name].says else ())):
            assert word not in said, (name, said)
    assert state_of(engine, sealed) == before


def test_what_is_sealed_is_there_for_nobody_but_those_named(sealed: Secret, new_browser: NewBrowser, engine: Engine) -> None:
    before = state_of(engine, sealed)
    turn = (sealed.scope == "department:it") is (engine.dialect.name == "sqlite")  # each of them meets both seals and both databases
    for login in (*DECIDING, *READING, "eva", "leo")[turn::2]:
        check_nothing_shows(sealed, new_browser(login), reads_the_record=login in ("ida", "otto"))
    assert state_of(engine, sealed) == before


def check_nothing_shows(sealed: Secret, browser: Browser, *, reads_the_record: bool) -> None:
    """No operation answers this browser with anything about the confidential mail."""
    for name, method, path in sorted(operations(), key=lambda one: ends_session(one[0])):
        if name == STREAM or name in NO_MAIL:
            continue
        answer = called(browser, sealed, name, method, path, {"reason": "I am curious"} if name in OPENING else None)
        reading_it = {"list_audit_entries", "export_audit_log", "verify_audit_log", "list_legal_holds", "list_erasures", "list_webhooks"}
        if name in ("list_findings", "list_settings") and answer.status_code == 200:
            continue  # says nothing of messages to an administrator: tests/triage_api/routes/operations/test_installation.py
        if not CALLS[name].says and not (name in reading_it and reads_the_record):
            assert (name, answer.status_code) in {(name, status) for status in FORBIDDEN.get(name, {404})}
        said = answer.text.replace(path, "")
        for word in (*SECRETS, *(sealed.ids if CALLS[name].says else ())):
            assert word not in said, (name, said)


@pytest.mark.parametrize("login", NAMED)
def test_those_named_open_it_and_say_why(sealed: Secret, new_browser: NewBrowser, engine: Engine, login: str) -> None:
    browser = new_browser(login)
    for name, method, path in operations():
        if name in OPENING:
            answer = called(browser, sealed, name, method, path)
            assert (answer.status_code, answer.json()["type"]) == (428, "urn:mailroom:reason-needed")
    assert browser.get(f"/messages/{sealed.message}").json()["links"] == []
    assert "open" not in acts(engine)
    by_parameter = browser.get(f"/messages/{sealed.message}/view", params={"reason": "she asked"})
    by_header = browser.get(f"/messages/{sealed.message}/source", headers={"X-Mailroom-Reason": "she asked"})
    assert (by_parameter.status_code, by_header.status_code) == (200, 200)
    with read_transaction(engine) as session:
        opened = session.scalars(select(AuditRecord).where(col(AuditRecord.act) == "open")).all()
    assert [(one.by, one.detail) for one in opened] == [(f"person:{login}", {"reason": "she asked", "from": "192.0.2.9"})] * 2


def test_others_see_that_something_waits(sealed: Secret, ana: Browser, new_browser: NewBrowser, came: Came) -> None:
    came(JOE)
    (it,) = [one for one in ana.get("/departments").json()["items"] if one["code"] == "it"]
    joe = it["people"][0]
    assert (it["held"], joe["held"], joe["confidential"]) == (2, 2, True)
    assert it["confidential"] is (sealed.scope == "department:it")
    assert ana.get("/deliveries?department=it").json()["items"] == []
    seen = [one for one in new_browser("hana").get("/departments").json()["items"] if one["code"] == "it"]
    assert seen[0]["people"][0] == {"uid": "joe.fern", "name": "Joe Fern", "held": 2, "rows": 2, "known_rows": 0, "confidential": False}


def test_a_copy_in_an_open_folder_is_opened_as_ever(sealed: Secret, ana: Browser, new_browser: NewBrowser, came: Came) -> None:
    joe, mara = came(JOE, MARA)
    message = ana.get(f"/deliveries/{mara}").json()["message_id"]
    assert ana.get(f"/messages/{message}/view").status_code == 200
    assert [one["id"] for one in ana.get(f"/messages/{message}").json()["deliveries"]] == [mara]
    assert {one["id"] for one in new_browser("hana").get(f"/messages/{message}").json()["deliveries"]} == {joe, mara}


def state_of(engine: Engine, secret: Secret) -> tuple[str, int, int, bool]:
    """The state of the secret mail, how many rules are in force, how often it was escalated, and whether a duty has confirmed that."""
    with read_transaction(engine) as session:
        delivery = session.get_one(Delivery, ids.parse_id(secret.delivery))
        rules = session.scalars(select(Rule).where(col(Rule.removed_at).is_(None))).all()
        escalated = session.scalars(select(Escalation)).all()
        return delivery.state, len(rules), len(escalated), any(one.confirmed_at for one in escalated)


def acts(engine: Engine) -> set[str]:
    """Acts in the audit log."""
    with read_transaction(engine) as session:
        return set(session.scalars(select(col(AuditRecord.act))))


def test_the_outcome_says_how_many_were_out_of_reach(ben: Browser, came: Came) -> None:
    joe, mara = came(JOE, MARA, author="wave@bad.example")
    sheet = ben.post("/selections/preview", {"select": {"domain": "bad.example"}}).json()
    assert (sheet["count"], sheet["outside"]) == (1, 1)
    made = ben.post("/decisions", {"verb": "purge", "select": {"domain": "bad.example"}}).json()
    assert (made["count"], made["outside"]) == (1, 1)
    assert made["sentence"].endswith(
        "for the department Legal; 1 left alone because they are outside your scope."
    )  # late copies are caught there
    restored = ben.post("/decisions", {"verb": "restore", "select": {"ids": [joe, mara, ids.format_id(1)]}}).json()
    assert (restored["count"], restored["outside"]) == (1, 2)  # whether there is a third, or a foreign one, is not told


def test_a_search_does_not_tell_what_others_mail_is_about(ben: Browser, came: Came) -> None:
    came(JOE, MARA, subject="Merger")
    assert ben.post("/selections/preview", {"select": {"q": "merger"}}).json()["outside"] == 0


def test_what_is_sealed_is_not_even_counted(sealed: Secret, ana: Browser, ben: Browser, came: Came) -> None:
    came(JOE, MARA, author="wave@bad.example")
    for browser in (ana, ben):
        sheet = browser.post("/selections/preview", {"select": {"domain": "bad.example"}}).json()
        assert (sheet["count"], sheet["outside"]) == (1, 0)


def test_a_seal_is_closed_however_its_folder_is_written(sealed: Secret, ana: Browser, new_browser: NewBrowser) -> None:
    kind, _, name = sealed.scope.partition(":")
    scope = f"{kind}:{name.upper()}"
    rule = {"effect": "redirect", "match": "address", "value": "her@home.example", "to": "person:mara.berg", "scope": scope}
    assert ana.post("/rules", rule).status_code == 403
    refused = ana.post("/rules/import", {"text": f"allow her@home.example scope={scope}"})
    assert (refused.status_code, "is a confidential folder" in refused.text) == (422, True)
    assert new_browser("hana").post("/rules", rule).json()["scope"] == sealed.scope


def test_a_rule_for_somebody_in_a_sealed_department_is_for_those_named(sealed: Secret, ana: Browser, new_browser: NewBrowser) -> None:
    rule = {"effect": "allow", "match": "address", "value": "doctor@clinic.example", "scope": "person:joe.fern", "note": "her illness"}
    assert ana.post("/rules", rule).status_code == 403
    made = new_browser("hana").post("/rules", rule).json()
    for browser in (ana, new_browser("ida"), new_browser("otto")):
        assert browser.get(f"/rules/{made['id']}").status_code == 404
        assert "clinic.example" not in browser.get("/rules").text + browser.get("/rules/export").text + browser.get("/audit").text
    assert "clinic.example" in new_browser("hana").get("/rules").text


def test_a_search_shared_within_a_sealed_folder_is_for_those_named(sealed: Secret, ana: Browser, new_browser: NewBrowser) -> None:
    wish = {"name": "Dismissals", "q": "dismissal", "shared_with": "person:joe.fern"}
    assert new_browser("hana").post("/searches", wish).status_code == 201
    assert [[one["name"] for one in who.get("/searches").json()["items"]] for who in (ana, new_browser("hugo"))] == [[], ["Dismissals"]]


def test_a_purge_of_one_person_s_mail_leaves_no_rule_beyond_the_scope(ben: Browser, came: Came) -> None:
    came(MARA, author="wave@bad.example")
    made = ben.post("/decisions", {"verb": "purge", "select": {"sender": "wave@bad.example", "person": "mara.berg"}})
    assert (made.status_code, made.json()["done"], made.json()["rules"]) == (201, 1, [])


def test_a_rule_that_reaches_further_is_shown_without_uses_and_note(ana: Browser, ben: Browser) -> None:
    ana.post("/rules", {"effect": "allow", "match": "domain", "value": "dell.example", "scope": "company", "note": "for the merger"})
    (whole,), (shown,) = (browser.get("/rules").json()["items"] for browser in (ana, ben))
    assert (whole["note"], whole["used"]) == ("for the merger", 0)
    assert (shown["note"], shown["used"], shown["value"]) == ("", None, "dell.example")


def test_a_decision_over_features_changes_only_what_is_in_scope(ana: Browser, ben: Browser, came: Came) -> None:
    joe, mara = came(JOE, MARA, author="wave@bad.example")
    made = ben.post("/decisions", {"verb": "purge", "select": {"sender": "wave@bad.example"}}).json()
    assert (made["count"], [item["delivery"] for item in made["items"]]) == (1, [mara])
    assert [ana.get(f"/deliveries/{one}").json()["state"] for one in (joe, mara)] == ["held", "purged"]


def test_a_decision_of_others_shows_only_one_s_own_items(ana: Browser, ben: Browser, came: Came) -> None:
    joe, mara = came(JOE, MARA)
    made = ana.post("/decisions", {"verb": "purge", "select": {"ids": [joe, mara]}}).json()
    seen = ben.get(f"/decisions/{made['id']}")
    assert [item["delivery"] for item in seen.json()["items"]] == [mara]
    assert joe not in seen.text
    assert seen.json()["select"] == {"ids": [mara]}


def test_a_decision_over_several_rows_shows_only_those_one_knows_of(ana: Browser, ben: Browser, came: Came) -> None:
    joe, mara = came(JOE, MARA)
    came(JOE, author="doctor@clinic.example")
    came(JOE, MARA, author="wave@bad.example")
    (alone,) = came(JOE, author="union@union.example")
    items = [{"ids": [joe, mara]}, {"sender": "doctor@clinic.example"}, {"sender": "Wave@Bad.example"}, {"ids": [alone]}]
    made = ana.post("/decisions", {"verb": "purge", "select": {"any_of": items}}).json()
    undone = ana.post(f"/decisions/{made['id']}/undo").json()
    for decision in (made["id"], undone["id"]):
        shown = [item for browser in (ana, ben) for item in browser.get(f"/decisions/{decision}").json()["select"]["any_of"]]
        assert shown == [*items, {"ids": [mara]}, {"sender": "Wave@Bad.example"}]
    listed = ben.get("/decisions").text
    assert "clinic.example" not in listed
    assert not any(one in listed for one in (joe, alone))


def test_a_block_without_mail_for_a_sealed_folder_is_told_to_those_named(sealed: Secret, ana: Browser, new_browser: NewBrowser) -> None:
    select = {"sender": "husband@home.example", "department": "it"}
    order = {
        "verb": "purge",
        "select": select,
        "rule": {"effect": "block", "match": "address", "scope": "person:joe.fern"},
        "reason": "divorce",
    }
    made = new_browser("hana").post("/decisions", order)
    assert (made.status_code, made.json()["count"]) == (201, 0)
    for browser in (ana, new_browser("ida"), new_browser("otto")):
        assert browser.get(f"/decisions/{made.json()['id']}").status_code == 404
        assert "home.example" not in browser.get("/decisions").text
        assert "divorce" not in browser.get("/audit").text
    assert "home.example" in new_browser("hugo").get("/decisions").text


def test_rules_of_another_scope_are_left_out_of_a_decision(ana: Browser, ben: Browser, came: Came) -> None:
    joe, mara = came(JOE, MARA, author="wave@bad.example")
    rule = {"effect": "block", "match": "address", "scope": "department:it"}
    made = ana.post("/decisions", {"verb": "purge", "select": {"ids": [joe, mara]}, "rule": rule}).json()
    assert [one["scope"] for one in made["rules"]] == ["department:it"]
    assert ben.get(f"/decisions/{made['id']}").json()["rules"] == []
