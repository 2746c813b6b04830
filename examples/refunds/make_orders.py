"""Write orders.csv: refund requests as a shop might export them, with a few rows that are wrong.

The file is committed; run this only to change it. The same seed gives the same file.
"""

import csv
import random
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

HEADER = ["order_id", "customer", "amount", "currency", "requested_on", "reason"]
FIRST, COUNT, LARGE = 1000, 212, 9

NAMES = """
Aiko Tanaka|Amara Okafor|Anouk de Vries|Beatriz Souza|Björn Lindqvist|Carlos Méndez|Chloé Lambert|Dilara Demir|Elif Kaya
Emma Fischer|Fatima Zahra|Giulia Ricci|Grace Mwangi|Hana Kobayashi|Henrik Dahl|Ingrid Solberg|Ivana Horvat|Jakub Nowak
Jan Novák|Jonas Weber|José Ferreira|Kenji Mori|Leila Haddad|Liam O'Connor|Lucía Romero|Malte Krüger|Maria Papadaki
Mei Lin|Mohammed Rahman|Nadia Petrova|Noah Smith|Olga Ivanova|Oscar Nilsson|Priya Nair|Rania Khoury|Ruth Adeyemi
Samuel Brown|Sofia Rossi|Theo Martin|Thị Mai Nguyễn|Tomás Silva|Yara Costa|Zoë Jansen
"""
CUSTOMERS = NAMES.strip().replace("\n", "|").split("|")

REASONS = [
    "Arrived damaged",
    "Parcel never arrived",
    "Wrong size",
    "Wrong item sent",
    "Ordered twice by mistake",
    "Does not match the picture",
    "Cancelled before dispatch",
    "Charged twice",
    "Missing parts",
    "Arrived too late for the event",
]

CURRENCIES = {"EUR": 5, "USD": 4, "GBP": 2, "JPY": 2, "CHF": 1}
YEN_PER_EURO = 160

TODAY = "today"

MALFORMED = {
    23: ["A-1023", "Tom Becker", "", "EUR", TODAY, "Arrived damaged"],
    47: ["A-1047", "Ada Quist", "-24.90", "GBP", TODAY, "Wrong size"],
    71: ["A-1071", "Omar Said", "18.00", "XQZ", TODAY, "Missing parts"],
    98: ["A-1098", "Lena Vogt", "twelve", "EUR", TODAY, "Wrong item sent"],
    120: ["A-1120", "Raj Patel", "49.95"],
    141: ["A-1141", "Eva Maric", "64.00", "CHF", "2026-02-30", "Charged twice"],
    166: ["A-1020", "Nina Berg", "31.50", "EUR", TODAY, "Wrong size"],
    189: ["A-1189", "Ian Walsh", "1E+999999", "USD", TODAY, "Does not match the picture"],
}
"""Row number to row: nearly every way in which an export goes wrong. The seventh has the order id of another row."""


def amount(draw: random.Random, currency: str, *, large: bool) -> Decimal:
    """Draw from cents to thousands; most requests are small."""
    euros = draw.uniform(900, 6_500) if large else min(10 ** draw.uniform(-0.5, 2.6), 380)
    if currency == "JPY":
        return Decimal(round(euros * YEN_PER_EURO / 10) * 10)
    return Decimal(round(euros * 100)) / 100


def rows() -> Iterator[list[str]]:
    """Give all rows, day after day."""
    draw = random.Random(20_261_001)  # noqa: S311  (made-up data)
    large = set(draw.sample(sorted(set(range(COUNT)) - set(MALFORMED)), LARGE))
    day = date(2026, 10, 5)
    for number in range(COUNT):
        day += timedelta(days=draw.random() < 0.15)
        currency = draw.choices(list(CURRENCIES), list(CURRENCIES.values()))[0]
        wanted = amount(draw, currency, large=number in large)
        text = str(wanted) if currency == "JPY" else f"{wanted:.2f}"
        row = [f"A-{FIRST + number}", draw.choice(CUSTOMERS), text, currency, str(day), draw.choice(REASONS)]
        yield [str(day) if cell is TODAY else cell for cell in MALFORMED.get(number, row)]


def main() -> None:
    """Write the file beside this one."""
    with Path(__file__).with_name("orders.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(rows())


if __name__ == "__main__":
    main()
