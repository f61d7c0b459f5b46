"""What meters with keys seal, for tests: replies in every form, and the ciphering that is to read them."""

from __future__ import annotations

from itertools import count

from telegraf_dlms.ciphering import DEDICATED, GENERAL_DED, GENERAL_GLO, GLOBAL, Ciphering, Key, Protection, wrap

AUTHENTICATION, ENCRYPTION = Protection.AUTHENTICATION, Protection.ENCRYPTION
BOTH = AUTHENTICATION | ENCRYPTION
PROTECTIONS = [AUTHENTICATION, ENCRYPTION, BOTH]

BLOCK_CIPHER_KEY, AUTHENTICATION_KEY = bytes(range(16)), bytes(range(0xD0, 0xE0))
KEY = Key(BLOCK_CIPHER_KEY, AUTHENTICATION_KEY)
DEDICATED_KEY = Key(bytes(range(16, 32)), AUTHENTICATION_KEY)
#: By suite: block cipher key and authentication key.
SUITE_KEYS = {
    suite: (bytes(range(size)), bytes(range(0x60, 0x60 + size))) for suite, size in {0: 16, 1: 16, 2: 32}.items()
}
TITLE = bytes.fromhex("4D4D4D0000BC614E")
OUR_TITLE = b"TDL\x01\x02\x03\x04\x05"
OTHER_TITLE = bytes.fromhex("4D4D4D0000BC614F")

#: An octet-string that is long enough for an APDU of more than 36 octets.
VALUE = bytes.fromhex("C401C1000910") + b"0123456789abcdef"
REQUEST = bytes.fromhex("C001C100010000600100FF0200")

#: Each form in which a reply may come: the tag around it, and the key.
FORMS = {
    "glo": (GLOBAL[VALUE[0]], KEY),
    "ded": (DEDICATED[VALUE[0]], DEDICATED_KEY),
    "general-glo": (GENERAL_GLO, KEY),
    "general-ded": (GENERAL_DED, DEDICATED_KEY),
}


def ciphering(protection=BOTH, *, suite=0, keys=None, general=False, server_title=TITLE):
    made = Ciphering(
        keys or {"global": KEY, "dedicated": DEDICATED_KEY},
        protection=protection,
        suite=suite,
        title=OUR_TITLE,
        next_counters={"global": count(1).__next__, "dedicated": count(100).__next__},
        general=general,
    )
    made.server_title = server_title
    return made


def reply(form="glo", *, protection=BOTH, plaintext=VALUE, counter=1, title=TITLE, control=None, shown=None, key=None):
    """Return a reply as a meter seals it; ``shown`` is the title that a general form shows."""
    tag, its_key = FORMS[form]
    control = int(protection) if control is None else control
    sealed = (key or its_key).seal(plaintext, control=control, title=title, counter=counter)
    return wrap(sealed, tag, title=title if shown is None else shown)


def flipped(octets, bit):
    wrong = bytearray(octets)
    wrong[bit // 8] ^= 1 << bit % 8
    return bytes(wrong)
