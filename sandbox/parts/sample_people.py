"""Who buyers are and where they live. Text is HTML-encoded, as Etsy sends it."""

from __future__ import annotations

from typing import NamedTuple


class Country(NamedTuple):
    """A place buyers live in. `tax` and `vat` are in thousandths of what is taxed."""

    name: str
    currency: str
    script: str
    cities: tuple[tuple[str, str | None, str], ...]
    streets: tuple[str, ...]
    tax: int = 0
    vat: int = 0


NAMES: dict[str, tuple[tuple[str, ...], tuple[str, ...], str]] = {
    "english": (
        (
            "Emma",
            "Olivia",
            "Liam",
            "Noah",
            "Siobhán",
            "Chloë",
            "Mary-Jane",
            "Ava",
            "Ethan",
            "Grace",
            "Jacob",
            "Hannah",
            "Zoë",
            "D&#39;Andre",
        ),
        (
            "Smith",
            "Johnson",
            "O&#39;Brien",
            "Taylor",
            "Nguyen",
            "García",
            "Williams",
            "Walker",
            "McKay",
            "Brown",
            "Patel",
            "St. John",
            "Lee",
        ),
        "{0} {1}",
    ),
    "german": (
        ("Jürgen", "Anke", "Björn", "Käthe", "Lukas", "Mia"),
        ("Müller", "Groß", "Schäfer", "Weiß", "Köhler", "Fuchs"),
        "{0} {1}",
    ),
    "french": (
        ("Chloé", "Élodie", "Noël", "François", "Zoé", "Anaïs"),
        ("Lefèvre", "D&#39;Aubigné", "Garçon", "Hébert", "Moreau"),
        "{0} {1}",
    ),
    "spanish": (
        ("Íñigo", "Lucía", "José", "Begoña", "Sofía"),
        ("Muñoz", "Gutiérrez", "Peña", "Álvarez", "Núñez"),
        "{0} {1}",
    ),
    "italian": (("Niccolò", "Giulia", "Luca", "Beatrice"), ("Rossi", "D&#39;Angelo", "Forlì", "Esposito"), "{0} {1}"),
    "polish": (
        ("Łukasz", "Agnieszka", "Małgorzata", "Wojciech"),
        ("Wiśniewski", "Dąbrowska", "Żak", "Kowalczyk"),
        "{0} {1}",
    ),
    "swedish": (("Åsa", "Björn", "Ingrid", "Örjan"), ("Sjögren", "Åkesson", "Lindström", "Öberg"), "{0} {1}"),
    "cyrillic": (
        ("Олена", "Сергій", "Дмитро", "Анастасія", "Їванна"),
        ("Шевченко", "Коваленко", "Бондар", "Мельник"),
        "{0} {1}",
    ),
    "japanese": (("美咲", "健太", "さくら", "翔", "陽子"), ("佐藤", "鈴木", "髙橋", "田中", "渡辺"), "{1} {0}"),
    "chinese": (("秀英", "伟", "芳", "靜怡", "志明"), ("王", "李", "張", "陈", "歐陽"), "{1}{0}"),
    "arabic": (("فاطمة", "محمد", "نورة", "يوسف", "ليلى"), ("الحربي", "السيد", "عبد الله", "المنصوري"), "{0} {1}"),
    "korean": (("지우", "서연", "민준", "하은"), ("김", "이", "박", "최"), "{1}{0}"),
    "emoji": (("Lily 🌸", "✨Jade✨", "Sam 👨‍👩‍👧", "bee 🐝"), ("x", "Moon 🌙", "Rivers", "&amp; Co"), "{0} {1}"),
}

_LATIN_STREETS = ("Sample Rd", "Mill Lane", "Oak Street", "Harbour View", "King&#39;s Way")
COUNTRIES: dict[str, Country] = {
    "US": Country(
        "United States",
        "USD",
        "english",
        (
            ("Portland", "OR", "97201"),
            ("Austin", "TX", "78701"),
            ("Brooklyn", "NY", "11201"),
            ("Coeur d&#39;Alene", "ID", "83814"),
            ("Denver", "CO", "80202"),
        ),
        _LATIN_STREETS,
        tax=78,
    ),
    "GB": Country(
        "United Kingdom",
        "GBP",
        "english",
        (("Leeds", None, "LS1 1AA"), ("Bishop&#39;s Stortford", None, "CM23 2EJ"), ("Cardiff", None, "CF10 1EP")),
        _LATIN_STREETS,
        vat=200,
    ),
    "CA": Country(
        "Canada",
        "CAD",
        "english",
        (("Montréal", "QC", "H2Y 1C6"), ("Toronto", "ON", "M5V 2T6"), ("St. John&#39;s", "NL", "A1C 1A1")),
        _LATIN_STREETS,
        tax=130,
    ),
    "AU": Country(
        "Australia", "AUD", "english", (("Melbourne", "VIC", "3000"), ("Perth", "WA", "6000")), _LATIN_STREETS, tax=100
    ),
    "DE": Country(
        "Germany",
        "EUR",
        "german",
        (("Köln", None, "50667"), ("München", None, "80331"), ("Saarbrücken", None, "66111")),
        ("Hauptstraße", "Lindenweg", "Bäckergasse"),
        vat=190,
    ),
    "FR": Country(
        "France",
        "EUR",
        "french",
        (("Besançon", None, "25000"), ("Paris", None, "75011"), ("L&#39;Haÿ-les-Roses", None, "94240")),
        ("rue de l&#39;Église", "avenue Émile Zola"),
        vat=200,
    ),
    "ES": Country(
        "Spain",
        "EUR",
        "spanish",
        (("A Coruña", None, "15001"), ("Málaga", None, "29001")),
        ("Calle Mayor", "Plaza de España"),
        vat=210,
    ),
    "IT": Country(
        "Italy",
        "EUR",
        "italian",
        (("Forlì", "FC", "47121"), ("Milano", "MI", "20121")),
        ("Via Garibaldi", "Corso d&#39;Italia"),
        vat=220,
    ),
    "PL": Country(
        "Poland",
        "PLN",
        "polish",
        (("Łódź", None, "90-001"), ("Kraków", None, "30-001")),
        ("ul. Długa", "ul. Święty Marcin"),
        vat=230,
    ),
    "SE": Country(
        "Sweden",
        "SEK",
        "swedish",
        (("Göteborg", None, "411 03"), ("Malmö", None, "211 20")),
        ("Storgatan", "Älvvägen"),
        vat=250,
    ),
    "UA": Country(
        "Ukraine",
        "UAH",
        "cyrillic",
        (("Київ", None, "01001"), ("Львів", None, "79000")),
        ("вул. Хрещатик", "вул. Шевченка"),
    ),
    "JP": Country(
        "Japan",
        "JPY",
        "japanese",
        (("渋谷区", "東京都", "150-0002"), ("京都市", "京都府", "600-8216")),
        ("神南", "四条通"),
        tax=100,
    ),
    "TW": Country(
        "Taiwan", "TWD", "chinese", (("臺北市", None, "100"), ("高雄市", None, "800")), ("中正路", "民權西路")
    ),
    "HK": Country("Hong Kong", "HKD", "chinese", (("Hong Kong", None, ""),), ("彌敦道", "Queen&#39;s Road")),
    "KR": Country(
        "South Korea", "KRW", "korean", (("서울", None, "04524"), ("부산", None, "48058")), ("세종대로", "해운대로")
    ),
    "AE": Country(
        "United Arab Emirates",
        "AED",
        "arabic",
        (("دبي", None, "00000"), ("أبوظبي", None, "00000")),
        ("شارع الشيخ زايد", "شارع الكورنيش"),
        vat=50,
    ),
    "BH": Country(
        "Bahrain",
        "BHD",
        "arabic",
        (("المنامة", None, "317"), ("المحرق", None, "243")),
        ("شارع الحكومة", "شارع الشيخ عيسى"),
        vat=100,
    ),
    "SA": Country(
        "Saudi Arabia",
        "SAR",
        "arabic",
        (("الرياض", None, "11564"), ("جدة", None, "21442")),
        ("طريق الملك فهد",),
        vat=150,
    ),
}
ABROAD = (
    "US",
    "US",
    "US",
    "US",
    "GB",
    "GB",
    "CA",
    "CA",
    "AU",
    "DE",
    "DE",
    "FR",
    "FR",
    "ES",
    "IT",
    "PL",
    "SE",
    "UA",
    "JP",
    "TW",
    "HK",
    "KR",
    "AE",
    "SA",
)
HOMES = {"USD": "US", "EUR": "DE", "GBP": "GB", "CAD": "CA", "AUD": "AU", "JPY": "JP", "BHD": "BH"}
