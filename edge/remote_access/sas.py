"""Words that two people read to each other over the telephone, to know that nobody is between them.

They are written alike in French and in English, without accents, and no two of them are much alike,
so that one end may speak either language.
"""

from difflib import get_close_matches
from typing import Final

_TEXT: Final = """
accent action album alligator alphabet ambition ambulance animal argument artisan aspect atlas
audience avalanche avenue badge balance banjo baobab barrage biscuit bison bistro blizzard bonus
boulevard bouquet boutique bronze buffet bulletin bungalow bureau cabaret cactus cadet calypso
camp canal canyon capital cargo cascade catalogue centre champion chef chiffon cobra collection
commerce compact concert condor continent courage cousin crocodile croissant culture cyclone
danger date delta dessert diagonal dialogue dimension distance dolmen domino double dragon
dynamo empire ensemble entourage escalator essence excellent excursion expert fable fanfare
figurine finance flash football forum fragment fruit fusion gala gazelle glacial grain guide
hamster harmonica hockey horizon iceberg image index instinct invention iris jaguar jazz joker
journal justice kayak ketchup kilo kimono lynx machine magazine magnolia mandarin marathon
massage match menu microphone million minimum minute miracle mobile moment montage mousse muscle
nature nectar neutron nougat nuance nylon oasis occasion ocelot olive opinion orange orbital
palette panda panorama parachute parking passion patio pause phrase piano pigeon pipeline
pirogue pivot pizza plateau portrait poster potable prairie prestige profit programme province
python quadrant quartz question quiche quinine quota radar radium rectangle refuge restaurant
robot rock route rugby safari sandwich sardine satellite saxophone science scooter script
segment sermon service signal silicone siphon slogan soda soprano sorbet source souvenir
spectacle sphinx sport standard station structure studio style sultan surface surplus talent
tapioca tarot taxi technique tempo tennis terminal terrain thorax toast toboggan totem tradition
tram transit triangle trident trombone tsunami tube tunnel turban valise vaudeville version veto
village vinaigrette violet volume voyage western yacht zigzag zinc zoom
"""
WORDS: Final = tuple(_TEXT.split())
_BETWEEN: Final = str.maketrans(",;.-", "    ")
# So many of 256 words each: an attacker in between has one chance in 2**32, and cannot try twice
# (RFC 6189, section 4.4.1.1, has 16 bits by the same means).
SAID: Final = 4
# And so many are said back, so that the device's owner knows who let it in.
BACK: Final = 2


def device_words(digest: bytes) -> str:
    """Return the words for a digest that a device's owner reads to the administrator."""
    return _spelt(digest[:SAID])


def administrator_words(digest: bytes) -> str:
    """Return the words for a digest that the administrator reads to the device's owner."""
    return _spelt(digest[SAID : SAID + BACK])


def _spelt(octets: bytes) -> str:
    return " ".join(WORDS[octet] for octet in octets)


def same_words(heard: str, said: str) -> bool:
    """Return whether what somebody wrote down is what was said, a slip of spelling aside."""
    written = heard.lower().translate(_BETWEEN).split()
    return [_meant(word) for word in written] == said.split()


def _meant(word: str) -> str:
    # No two words differ by fewer than three letters, so that one slip makes no other word.
    return next(iter(get_close_matches(word, WORDS, n=1, cutoff=0.75)), "")
