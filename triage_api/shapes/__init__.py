"""The JSON of the API, by resource: what comes in is checked, what goes out is exactly what the OpenAPI document says."""

from triage_api.shapes.audit import *
from triage_api.shapes.campaigns import *
from triage_api.shapes.cards import *
from triage_api.shapes.correspondents import *
from triage_api.shapes.decisions import *
from triage_api.shapes.deliveries import *
from triage_api.shapes.emergency import *
from triage_api.shapes.legal_holds import *
from triage_api.shapes.messages import *
from triage_api.shapes.modes import *
from triage_api.shapes.people import *
from triage_api.shapes.person_data import *
from triage_api.shapes.practice import *
from triage_api.shapes.proposals import *
from triage_api.shapes.queue import *
from triage_api.shapes.rejections import *
from triage_api.shapes.reports import *
from triage_api.shapes.requests import *
from triage_api.shapes.rules import *
from triage_api.shapes.second_keys import *
from triage_api.shapes.selections import *
from triage_api.shapes.session import *
from triage_api.shapes.substitutes import *
from triage_api.shapes.texts import *
from triage_api.shapes.tokens import *
from triage_api.shapes.trials import *
