#!/usr/bin/env python3
"""Writes tests/data/redaction/<language>.jsonl: a hundred labelled texts in each of five languages.

The sentences stand in tools/redaction_sample/<language>.txt, one a line; those after a hyphen hold nothing that is to be found,
and are there because they look as if they did. People, addresses and numbers are invented here, with right checksums, by a
generator that always gives the same. Each sentence with something to find is used about twice, with other values in other forms.
"""

import base64
import json
import random
import re
import unicodedata
from pathlib import Path

HERE = Path(__file__).parent
OUT = HERE.parent / "tests" / "data" / "redaction"

NAMES = {
    "en": ["Alice Whitmore", "Tom O'Leary", "Priya Raman", "Grace Okafor", "Ben Sutherland", "Ellie Marsh"],
    "de": ["Jutta Brandl", "Kemal Aydin", "Sören Petersen", "Anke Vogelsang", "Uwe Kranz", "Lena Hofstätter"],
    "fr": ["Camille Lefort", "Youssef Benali", "Élodie Marchand", "Luc d'Aubigny", "Inès Carpentier", "Rémi Joly"],
    "es": ["Lucía Carrasco", "Iñaki Etxeberria", "Marta Peña", "Jorge Luis Ferrer", "Nuria Sáez", "Álvaro Rico"],
    "it": ["Chiara Bonetti", "Davide Lo Russo", "Giulia Marchetti", "Nicolò Ferri", "Sara D'Angelo", "Paolo Greco"],
}
HOSTS = {
    "en": ["example.com", "northwind.co.uk", "mail.harbour-clinic.org", "post.example.net", "acme.io"],
    "de": ["beispiel.de", "stadtwerke-musterau.de", "post.firma.example", "mail.at", "praxis-vogelsang.ch"],
    "fr": ["exemple.fr", "mairie-valmont.fr", "courriel.societe.example", "atelier-joly.be", "poste.fr"],
    "es": ["ejemplo.es", "ayto-robledal.es", "correo.empresa.example", "clinica-saez.com", "tienda.es"],
    "it": ["esempio.it", "comune.valdora.it", "posta.azienda.example", "studio-greco.eu", "bottega.it"],
}


class Maker:
    """Invents values for one language."""

    def __init__(self, language: str):
        self.language = language
        self.random = random.Random(f"redaction {language}")

    def digits(self, count: int) -> str:
        return "".join(self.random.choice("0123456789") for _ in range(count))

    def pick(self, *options):
        return self.random.choice(options)

    def shape(self, form: str) -> str:
        """`N` is any digit, `X` one of 2 to 9, and the rest stays."""
        out = re.sub("X", lambda _: self.random.choice("2345678"), form)
        return re.sub("N", lambda _: self.random.choice("0123456789"), out)

    def email(self) -> str:
        plain = unicodedata.normalize("NFD", self.random.choice(NAMES[self.language]).lower())
        plain = re.sub("[^a-z ]", "", plain)
        first, last = plain.split(" ", 1)[0], plain.split(" ")[-1]
        local = self.pick(f"{first}.{last}", f"{first[0]}{last}", f"{last}{self.digits(2)}", f"{first}_{last}", f"{first}+news", f"{last}.{first}", "info", "service-desk")
        return f"{local}@{self.random.choice(HOSTS[self.language])}"

    def phone(self) -> str:
        forms = {
            "en": ["(XNN) XNN-NNNN", "XNX-XNN-NNNN", "+1 XNX XNN NNNN", "+1-XNX-XNN-NNNN", "020 7NNN NNNN", "07XNN NNNNNN", "+44 7XNN NNNNNN", "+44 (0)20 7NNN NNNN", "01XX NNN NNNN", "XNX.XNN.NNNN"],
            "de": ["0170 NNNNNNN", "0151/NNNNNNNN", "+49 89 NNNNNNN", "+49 (0)30 NNNNNNN", "089 / XNNNNNN", "0049 171 NNNNNNN", "030-XNNNNNN", "+43 664 NNNNNNN", "044 XNN NN NN", "+41 79 XNN NN NN", "0172XNNNNNN"],
            "fr": ["06 NN NN NN NN", "01.NN.NN.NN.NN", "+33 6 NN NN NN NN", "+33 (0)1 NN NN NN NN", "07XNNNNNNN", "04-NN-NN-NN-NN", "0033 4 NN NN NN NN", "022 XNN NN NN", "06\u00a0NN\u00a0NN\u00a0NN\u00a0NN", "+41 21 XNN NN NN"],
            "es": ["6NN NNN NNN", "6NN NN NN NN", "+34 6NN NNN NNN", "91 XNN NN NN", "9XX NNN NNN", "+34 91 XNN NN NN", "6NNNNNNNN", "0034 6NN NNN NNN", "+34-9NN-NN-NN-NN"],
            "it": ["333 NNNNNNN", "+39 347 NNNNNNN", "02 XNNNNNNN", "06 XNNN NNNN", "+39 02 XNNNNNNN", "348 NNN NNNN", "051/XNNNNN", "0039 340 NNNNNNN", "+39 06XNNNNNN", "+41 91 XNN NN NN"],
        }
        return self.shape(self.random.choice(forms[self.language]))

    def plain(self) -> str:
        return self.shape("44 7XNN NNNNNN")

    def card(self) -> str:
        start, length = self.pick(("4", 16), ("52", 16), ("2221", 16), ("37", 15), ("6011", 16), ("3528", 16))
        body = start + self.digits(length - len(start) - 1)
        for check in "0123456789":
            total = 0
            for place, digit in enumerate(reversed(body + check)):
                value = int(digit) * (2 if place % 2 else 1)
                total += value - 9 if value > 9 else value
            if total % 10 == 0:
                body += check
                break
        groups = [body[:4], body[4:10], body[10:]] if length == 15 else [body[at : at + 4] for at in range(0, 16, 4)]
        return self.pick(body, " ".join(groups), " ".join(groups), "-".join(groups))

    def iban(self) -> str:
        forms = {"en": ("GB", "BUKB" + self.digits(14)), "de": ("DE", self.digits(18)), "fr": ("FR", self.digits(20) + "K" + self.digits(2)), "es": ("ES", self.digits(20)), "it": ("IT", "X" + self.digits(22))}
        other = [("CH", self.digits(17)), ("NL", "ABNA" + self.digits(10)), ("AT", self.digits(16)), ("BE", self.digits(12))]
        country, account = forms[self.language] if self.random.random() < 0.7 else self.random.choice(other)
        number = "".join(str(int(c, 36)) for c in account + country + "00")
        whole = f"{country}{98 - int(number) % 97:02}{account}"
        return self.pick(whole, " ".join(whole[at : at + 4] for at in range(0, len(whole), 4)))

    def nino(self) -> str:
        letters = self.pick("AB", "CE", "HJ", "LM", "SR", "YW")
        number = self.digits(6)
        return self.pick(f"{letters}{number}C", f"{letters} {number[:2]} {number[2:4]} {number[4:]} A")

    def ssn(self) -> str:
        return f"{self.random.randint(1, 665):03}-{self.random.randint(1, 99):02}-{self.random.randint(1, 9999):04}"

    def steuer(self) -> str:
        order = list("0123456789")
        while True:
            self.random.shuffle(order)
            ten = order[:9] + [order[self.random.randint(0, 8)]]
            self.random.shuffle(ten)
            if ten[0] != "0":
                break
        product = 10
        for digit in ten:
            total = (int(digit) + product) % 10 or 10
            product = total * 2 % 11
        whole = "".join(ten) + str((11 - product) % 10)
        return self.pick(whole, f"{whole[:2]} {whole[2:5]} {whole[5:8]} {whole[8:]}")

    def nir(self) -> str:
        corsican = self.random.random() < 0.15
        department = self.pick("2A", "2B") if corsican else f"{self.random.randint(1, 95):02}"
        if department == "20":
            department = "21"
        parts = [self.pick("1", "2"), self.digits(2), f"{self.random.randint(1, 12):02}", department, self.digits(3), self.digits(3)]
        body = "".join(parts)
        value = int(body.replace("2A", "19").replace("2B", "18")) if corsican else int(body)
        parts.append(f"{97 - value % 97:02}")
        return self.pick("".join(parts), " ".join(parts))

    def dni(self) -> str:
        number = self.digits(8)
        letter = "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23]
        dotted = f"{number[:2]}.{number[2:5]}.{number[5:]}-{letter}"
        return self.pick(number + letter, f"{number}-{letter}", dotted)

    def nie(self) -> str:
        first, number = self.pick("X", "Y", "Z"), self.digits(7)
        letter = "TRWAGMYFPDXBNJZSQVHLCKE"[int(str("XYZ".index(first)) + number) % 23]
        return self.pick(f"{first}{number}{letter}", f"{first}-{number}-{letter}")

    def cf(self) -> str:
        consonants = "BCDFGLMNPRSTVZ"
        body = "".join(self.random.choice(consonants) for _ in range(6)) + self.digits(2) + self.random.choice("ABCDEHLMPRST") + f"{self.random.randint(1, 31):02}" + self.random.choice("ADFHL") + self.digits(3)
        odd = dict(zip("0123456789", [1, 0, 5, 7, 9, 13, 15, 17, 19, 21])) | dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23]))
        total = sum(odd[c] if place % 2 == 0 else int(c, 36) - (10 if c.isalpha() else 0) for place, c in enumerate(body))
        return body + chr(ord("A") + total % 26)

    def ahv(self) -> str:
        body = "756" + self.digits(9)
        total = sum(int(c) * (3 if place % 2 else 1) for place, c in enumerate(body))
        whole = body + str(-total % 10)
        return self.pick(f"{whole[:3]}.{whole[3:7]}.{whole[7:11]}.{whole[11:]}", whole)

    def ip(self) -> str:
        return self.pick(f"10.{self.random.randint(0, 255)}.{self.random.randint(0, 255)}.{self.random.randint(1, 254)}", f"192.168.{self.random.randint(0, 9)}.{self.random.randint(1, 254)}", f"203.0.113.{self.random.randint(1, 254)}", f"{self.random.randint(11, 220)}.{self.random.randint(0, 255)}.{self.random.randint(0, 255)}.{self.random.randint(1, 254)}")

    def ip6(self) -> str:
        part = lambda: f"{self.random.randint(16, 65535):x}"
        return self.pick(f"2001:db8:{part()}::{part()}", f"fe80::{part()}:{part()}:{part()}:{part()}", ":".join(["2a02"] + [part() for _ in range(7)]))

    def token(self, count: int, alphabet: str = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789") -> str:
        return "".join(self.random.choice(alphabet) for _ in range(count - 1)) + self.random.choice("0123456789")

    def aws(self) -> str:
        return "AKIA" + self.token(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567").replace("0", "2").replace("1", "3")

    def bearer(self) -> str:
        return self.token(self.random.randint(24, 40))

    def jwt(self) -> str:
        encode = lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
        return ".".join([encode({"alg": "HS256", "typ": "JWT"}), encode({"sub": self.digits(8), "exp": 1800000000}), self.token(43)])

    def password(self) -> str:
        return self.pick("Sommer", "Winter", "Tiger", "Blue", "xK9", "qwErt") + self.pick("!", "-", "_", "#") + self.digits(4) + self.pick("x", "Zz", "!", "k")

    def apikey(self) -> str:
        return self.token(32, "0123456789abcdef")

    def github(self) -> str:
        return self.pick("ghp_", "ghs_") + self.token(36)

    def slack(self) -> str:
        return f"xoxb-{self.digits(12)}-{self.digits(13)}-{self.token(24)}"

    def stripe(self) -> str:
        return self.pick("sk_live_", "sk_test_") + self.token(24)

    def npm(self) -> str:
        return "npm_" + self.token(36)

    def pem(self) -> str:
        kind = self.pick("RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY")
        lines = "\n".join(self.token(64) for _ in range(3))
        return f"-----BEGIN {kind}-----\n{lines}\n-----END {kind}-----"


CLASSES = {
    "email": "email", "phone": "phone", "plain": "phone", "card": "card", "iban": "iban", "ip": "ip", "ip6": "ip",
    "nino": "national_id", "ssn": "national_id", "steuer": "national_id", "nir": "national_id", "dni": "national_id",
    "nie": "national_id", "cf": "national_id", "ahv": "national_id", "aws": "secret", "bearer": "secret", "jwt": "secret",
    "password": "secret", "apikey": "secret", "github": "secret", "slack": "secret", "stripe": "secret", "npm": "secret",
    "pem": "secret",
}


def fill(maker: Maker, sentence: str) -> dict:
    labels = []

    def value(match: re.Match) -> str:
        slot = match.group(1)
        if slot == "name":
            return maker.random.choice(NAMES[maker.language])
        made = getattr(maker, slot)()
        if slot == "plain":
            made = "+" + made
        labels.append({"class": CLASSES[slot], "text": made})
        return made

    text = re.sub(r"\+?\{(\w+)\}" if "+{plain}" in sentence else r"\{(\w+)\}", value, sentence.replace("\\n", "\n"))
    return {"language": maker.language, "text": text, "labels": labels}


def main() -> None:
    for language in NAMES:
        lines = (HERE / "redaction_sample" / f"{language}.txt").read_text(encoding="utf-8").splitlines()
        found = [line for line in lines if not line.startswith("-")]
        plain = [line[1:] for line in lines if line.startswith("-")]
        maker = Maker(language)
        sentences = (found * 3)[: 100 - len(plain)] + plain
        texts = [fill(maker, sentence) for sentence in sentences]
        out = "".join(json.dumps(text, ensure_ascii=False) + "\n" for text in texts)
        (OUT / f"{language}.jsonl").write_text(out, encoding="utf-8")


if __name__ == "__main__":
    main()
