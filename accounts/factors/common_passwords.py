"""Passwords that guessing programs try first, as the words that are left without ornaments."""

from typing import Final

# Without digits and signs at the ends; 0, 1, 3, 4, 5, 7, @ and $ are read as letters.
_WORDS: Final = """
abcdefghijkl abc admin administrator administrateur azerty azertyuiop bienvenue bonjour
cameroon cameroun changeme changeit chocolat correcthorsebatterystaple default doudou
douala dragon football garoua geheim hello hopital hospital iloveyou jesus jetaime
letmein lions loveyou marseille master medecin monkey motdepasse network nicolas pass
passe password passwort princess princesse qwerty qwertyuiop qwertyuiopasdf
qwertyuiopasdfghjkl root sanaga secret secure securite soleil sunshine superman system
test testing trustno user welcome whatever yaounde zaqxsw qazwsx qazwsxedc asdfghjkl
asdfghjklqwerty zxcvbnm asdf letmeinnow passwordpassword adminadmin administratoradmin
iloveyouforever jetaimejetaime
"""
COMMON: Final = frozenset(_WORDS.split())
