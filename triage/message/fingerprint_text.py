"""Reduces a text to the words that stay the same from copy to copy, for fingerprints."""

import re
import unicodedata
from collections.abc import Collection
from functools import lru_cache

from triage.message.mime.links import LOOKALIKES

LINES_LIMIT = 2_000
LINE_LIMIT = 4_000  # characters
OPENING = 6  # lines with words among which a greeting is looked for
FRAME = 30  # lines between two rules at the very end: a disclaimer
PHRASE_LIMIT = 300  # characters of a line that is no more than a phrase; a longer one says something
SHORTEST, LONGEST = 3, 24  # letters of a telling word; what is longer is a token


def phrase_pattern(*alternatives: str) -> str:
    """Regular expression that matches any of the alternatives."""
    return f"(?:{'|'.join(alternatives)})"


ADDRESS = re.compile(r"(?:https?://|www\.)\S{1,4000}|[^\s<>@]{1,64}@[^\s<>@]{1,255}", re.IGNORECASE)
GREETING = re.compile(
    r"\s{0,9}"
    + phrase_pattern(
        *("dear", "hello", "hi", "hey", "greetings", "good (?:day|morning|afternoon|evening)", "attn", "attention"),
        *("sehr geehrte[rs]?", "liebe[rs]?", "hallo", "guten (?:tag|morgen)"),
        *("bonjour", "bonsoir", "cher", "ch[eè]re", "madame", "monsieur"),
        *("hola", "estimad[oa]s?", "querid[oa]s?", "buen[oa]s (?:d[ií]as|tardes)"),
    )
    + r"\b[^,:;.!?]{0,80}(?:[,:;.!?]|$)",
    re.IGNORECASE,
)
FOOTER = re.compile(
    phrase_pattern(
        *("unsubscri", "opt.?out", "view (?:this|it)", "in your browser", "all rights", "copyright", "©", "do not reply", "no-?reply"),
        r"(?:^|[|·•>])\s{0,9}privac(?:y|idade?)\b",  # in a row of links; within a sentence it is what anybody writes
        "privacy (?:policy|notice|statement|cent(?:er|re)|settings|preferences)",
        *(r"(?:mails?|messages?|communication|transmission|attachments?|contents?)\b[^.!?]{0,80}\bconfidential", "confidentiality"),
        r"confidential (?:information|(?:and|or|and/or) (?:\w+ )?(?:privileged|protected|proprietary|intended))",
        "intended (?:only )?for",
        *("abmelden", "abbestell", "datenschutz", "impressum", "im browser", "vertraulich", "nicht auf diese"),
        *("d[ée]sabonn", "d[ée]sinscri", "mentions l[ée]gales"),
        *("darse de baja", "cancelar (?:la|su) suscrip", "aviso legal"),
        r"(?:pol[ií]tica|aviso|declara\w+) de privacidade?",
    ),
    re.IGNORECASE,
)
FOOTER_STEMS = (  # every phrase of FOOTER holds one: looked for in the whole text first, since most messages have none of them
    *("unsubscri", "opt", "privacy", "view ", "browser", "rights", "copyright", "©", "reply", "confidential", "intended", "abmelden"),
    *("abbestell", "datenschutz", "impressum", "vertraulich", "nicht auf", "sabonn", "sinscri", "mentions", "baja", "suscrip", "legal"),
    "privacidad",
)
FIELD = re.compile(
    r"\s{0,9}\*?"
    + phrase_pattern(
        *("from", "sent", "to", "cc", "date", "subject"),
        *("von", "gesendet", "an", "betreff", "de", "envoy[ée]", "objet", "para", "asunto", "fecha"),
    )
    + r"\*?\s?:",
    re.IGNORECASE,
)
QUOTED = re.compile(r"\s{0,9}[>|]")
SIGNATURE = re.compile(r"-- ?$")
RULE = re.compile(r"\s{0,9}[*_=#~-]{5,200}\s{0,9}$")
WORD = re.compile(r"\w+")
APART = str.maketrans({chr(code): " " for code in range(128) if not WORD.match(chr(code))})
FOREIGN = re.compile(r"[^\x00-\x7f]+")
LONG = 1_000  # letters
MARKS = re.compile(r"(?<=[^\w\s\x00-\x7f]{30})[^\w\s\x00-\x7f]+")  # so many on one letter take time in its square to be put in order
CACHE = 1 << 12  # runs of foreign letters that are remembered: accents come again
UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]{2,}")  # scripts without spaces
ALIKE = {letter: plain for letter, plain in LOOKALIKES.items() if not chr(letter).isdigit()}

WORTHLESS = (
    # English
    "the and you your for are was were this that with have has had not but from they will would can could our out all any been his her its"
    " who how what when where which than then there their them these those into about over under only also more most other some such very"
    " just please thank thanks regards best sincerely kind yours team may must shall should now here get got one two new via per let did"
    " does doing done being because been before after again too own same few both each make made use used using see know like need want"
    # German
    " der die das und ist sie ihr ihre ihren ihrem ihrer wir uns unser unsere für mit von auf dem den des ein eine einen einem einer nicht"
    " auch oder aber wie was wenn dann bei nach aus zum zur über unter durch werden wird wurde haben hat sind war kann können sich als noch"
    " nur mehr bitte danke vielen dank freundlichen grüßen grüsse grüße viele beste ich"
    # French
    " les des une est que qui dans pour sur par pas vous nous votre vos notre nos avec sont cette ces ceci cela plus mais tout tous"
    " être avoir fait été aux son ses leur leurs merci cordialement bien veuillez salutations"
    # Spanish
    " los las una uno del por para con que como más pero sus este esta estos estas ese esa sin sobre entre cuando muy nos usted ustedes"
    " nuestro nuestra gracias saludos favor atentamente cordiales ser está han hay"
    # of mail itself
    " mail email emails message messages click link links http https www com net org html fwd aw wg tr rv"
)


def written_lines(text: str) -> list[str]:
    """The lines that were written for this message: without greeting, quotation, signature and the phrases at the foot of every message."""
    folded = text.casefold()
    stems = [stem for stem in FOOTER_STEMS if stem in folded]
    lines = strip_disclaimer(text.split("\n")[:LINES_LIMIT])
    own = [
        line[:LINE_LIMIT]
        for line in strip_signature(lines)
        if line.strip() and not is_of_another(line) and not (stems and is_footer(line, stems))
    ]
    return [*map(strip_greeting, own[:OPENING]), *own[OPENING:]]


def is_of_another(line: str) -> bool:
    """Whether it is quoted, or a header field of a message that is."""
    return bool(((">" in line or "|" in line) and QUOTED.match(line)) or (":" in line and FIELD.match(line)))


def is_footer(line: str, stems: list[str]) -> bool:
    """Whether the line is a phrase from the foot of a message. `stems`: those of FOOTER_STEMS that the message has."""
    if len(line) > PHRASE_LIMIT:
        return False
    folded = line.casefold()
    return any(stem in folded for stem in stems) and FOOTER.search(line) is not None


def strip_greeting(line: str) -> str:
    """The line without the greeting that it begins with."""
    return GREETING.sub(" ", line, count=1) if GREETING.match(line) else line


def strip_signature(lines: list[str]) -> list[str]:
    """The lines above the signature."""
    return lines[: next((place for place, line in enumerate(lines) if line.startswith("--") and SIGNATURE.match(line)), None)]


def strip_disclaimer(lines: list[str]) -> list[str]:
    """The lines without a disclaimer between two rules, which some server has put below them."""
    last = len(lines) - 1
    if last < 1 or not RULE.match(lines[last]):
        return lines
    first = next((place for place in range(last - 1, max(-1, last - FRAME), -1) if RULE.match(lines[place])), 0)
    return lines[:first] or lines


def distinctive_words(text: str, names: Collection[str] = ()) -> list[str]:
    """The telling words of one piece of text, in order: no numbers, no tokens, no addresses, no names, as a hasty eye reads them."""
    return [word for word in candidate_words(text) if is_telling(word, names)]


def candidate_words(text: str) -> list[str]:
    """Splits a text into words that could be telling; into pairs of adjacent characters where a script sets no words apart."""
    text = plain_letters(text)
    if "@" in text or "http" in text or "www." in text:
        text = ADDRESS.sub(" ", text)
    if text.isascii():
        return text.translate(APART).split()
    return [piece for word in WORD.findall(text) if word.isalpha() for piece in (character_pairs(word) if is_unspaced(word) else (word,))]


def is_telling(word: str, names: Collection[str]) -> bool:
    """Whether one of the candidates is a telling word. `names`: of people, and forms of address."""
    return (SHORTEST <= len(word) <= LONGEST and word not in STOP and word not in names and word.isalpha()) or is_unspaced(word)


def is_unspaced(word: str) -> bool:
    """Whether it belongs to a script without spaces between words."""
    return not word.isascii() and UNSPACED.fullmatch(word) is not None


def character_pairs(word: str) -> list[str]:
    """Each two characters that stand together."""
    return [word[place : place + 2] for place in range(len(word) - 1)]


def plain_letters(text: str) -> str:
    """Small letters without accents, foreign letters as those that they pass for, nothing that is not seen."""
    if text.isascii():
        return text.casefold()
    if len(text) > LONG:
        text = MARKS.sub("", text)
    return FOREIGN.sub(lambda found: look_alike_letters(found[0]), unicodedata.normalize("NFKD", text.casefold()))


@lru_cache(maxsize=CACHE)
def look_alike_letters(foreign: str) -> str:
    """Letters beyond ASCII as those that they pass for; nothing of what is not seen."""
    return "".join(letter for letter in foreign if unicodedata.category(letter) not in ("Mn", "Cf")).translate(ALIKE)


STOP = frozenset(plain_letters(WORTHLESS).split())
