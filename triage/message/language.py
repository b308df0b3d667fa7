"""Detects the language of a text by its letters or its commonest words. Pure."""

import re
from collections import Counter
from collections.abc import Iterable

LOOKED_AT = 4_000  # characters
LEAST_WORDS = 4  # common words that have to be found
LEAD = 1.3  # as many as of the next language, and so much more
LEAST_LETTERS = 0.3  # of all letters, in the script of one language
BETWEEN = str.maketrans(dict.fromkeys("!\"#$%&()*+,./:;<=>?@[\\]^_`{|}~“”„‚‘«»…–—\u00a0'’-", " "))

COMMON = {
    "en": "the and of to you your is are this that for with have not we please from our will it on be by as at if has was or an can",
    "de": "der die das und ist sie wir nicht mit für ein eine den dem von zu auf im bitte ihre ihr sich auch werden bei wird oder haben",
    "fr": "le la les et est vous nous pas pour une des dans votre vos notre que qui sur avec ce cette merci être par au du sont ou",
    "es": "el los las y es usted no para una por con su sus que del al este esta como gracias más en nuestro ha son o lo",
    "it": "il gli e è non per una di che con del della sono si questo questa grazie in nel alla le ci i come più suo ha o lo",
    "nl": "de het een en van is niet voor met u uw wij zijn op dat die te aan ook door graag bij deze wordt naar of heeft",
    "pt": "o os as e é não para uma com seu sua que do da dos em por este esta obrigado mais nós você se no na ou ao",
    "pl": "i w na nie się jest do z że to dla o jak za od po ale czy tym są przez pan pani proszę lub oraz",
    "sv": "och att det är som en på inte för med av den till har vi ni du om ett från kan eller var så din er",
    "da": "og at det er som en på ikke for med af den til har vi du om et fra kan eller var så din jer de",
    "fi": "ja on ei että se hän oli ovat kun mutta tai jos myös sekä tämä voit teidän meidän kanssa mukaan ole olla",
    "cs": "a je se na že to v z do pro jako není jsem jsou ale nebo s za by který jste vás prosím děkuji od",
}
SCRIPTS = {  # first and last letter
    "ru": ("Ѐ", "ӿ"),
    "el": ("Ͱ", "Ͽ"),
    "he": ("֐", "׿"),
    "ar": ("\u0600", "\u06ff"),
    "ja": ("\u3040", "\u30ff"),
    "ko": ("\uac00", "\ud7af"),
    "zh": ("\u4e00", "\u9fff"),
}
IN_SCRIPT = re.compile(f"[{''.join(f'{first}-{last}' for first, last in SCRIPTS.values())}]")
LANGUAGES = (*COMMON, *SCRIPTS)
LANGUAGES_OF = {
    word: tuple(language for language, others in COMMON.items() if word in others.split())
    for some in COMMON.values()
    for word in some.split()
}


def find_language(text: str) -> str:
    """The code of the language, "" where that cannot be told: too little text, or two languages alike."""
    top = text[:LOOKED_AT].casefold()
    return language_of_letters(top) or language_of_words(top.translate(BETWEEN).split())


def language_of_letters(text: str) -> str:
    """The language whose letters are a good part of the text. Japanese goes before Chinese, whose characters it uses too."""
    found = [one for one in IN_SCRIPT.findall(text) if one.isalpha()]
    least = LEAST_LETTERS * sum(map(str.isalpha, text)) if found else 0
    for language, (first, last) in SCRIPTS.items() if found else ():
        if sum(first <= one <= last for one in found) >= least:
            return language
    return ""


def language_of_words(words: Iterable[str]) -> str:
    """The language whose common words are found clearly more often than those of any other."""
    counted = Counter(language for word in words for language in LANGUAGES_OF.get(word, ()))
    (language, most), (_, next_most) = [*counted.most_common(2), ("", 0), ("", 0)][:2]
    return language if most >= LEAST_WORDS and most >= LEAD * next_most else ""
