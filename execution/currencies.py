"""The smallest unit of each currency: how many digits after the point an amount is stored with.

ISO 4217's own digits, which platforms write; how many a reader is shown is another matter (CLDR shows dinars of Serbia
without any, and every platform sends two). SQL has the same (`private.currencies`, by tools/reference_data). A code
that ISO does not know, or gives no digits, is no reason to lose money: it counts in millionths.
"""

from __future__ import annotations

from decimal import Decimal

# How many digits an amount has whose currency is not listed. Listing it later is a migration that scales its amounts.
UNLISTED = 6
_CODES = {
    0: """
        ADP BIF BYR CLP DJF ESP GNF ISK ITL JPY KMF KRW LUF MGF PYG RWF TRL UGX UYI VND VUV XAF XOF XPF
    """,
    2: """
        AED AFA AFN ALK ALL AMD ANG AOA AOK AON AOR ARA ARL ARM ARP ARS ATS AUD AWG AZM AZN BAD BAM BAN BBD
        BDT BEC BEF BEL BGL BGM BGN BGO BMD BND BOB BOL BOP BOV BRB BRC BRE BRL BRN BRR BRZ BSD BTN BUK BWP
        BYB BYN BZD CAD CDF CHE CHF CHW CLE CNH CNX CNY COP COU CRC CSD CSK CUC CUP CVE CYP CZK DDM DEM DKK
        DOP DZD ECS ECV EEK EGP ERN ESA ESB ETB EUR FIM FJD FKP FRF GBP GEK GEL GHC GHS GIP GMD GNS GQE GRD
        GTQ GWE GWP GYD HKD HNL HRD HRK HTG HUF IDR IEP ILP ILR ILS INR IRR ISJ JEP JMD KES KGS KHR KID KPW
        KRH KRO KYD KZT LAK LBP LKR LRD LSL LTL LTT LUC LUL LVL LVR MAD MAF MCF MDC MDL MGA MKD MKN MLF MMK
        MNT MOP MRO MRU MTL MTP MUR MVP MVR MWK MXN MXP MXV MYR MZE MZM MZN NAD NGN NIC NIO NLG NOK NPR NZD
        PAB PEI PEN PES PGK PHP PKR PLN PLZ PTE QAR RHD ROL RON RSD RUB RUR SAR SBD SCR SDD SDG SDP SEK SGD
        SHP SIT SKK SLE SLL SOS SRD SRG SSP STD STN SUR SVC SYP SZL THB TJR TJS TMM TMT TOP TPE TRY TTD TWD
        TZS UAH UAK UGS USD USN USS UYP UYU UZS VEB VED VEF VES VNN WST XAD XCD XCG XEU XFO XFU XRE YDD YER
        YUD YUM YUN YUR ZAL ZAR ZMK ZMW ZRN ZRZ ZWD ZWG ZWL ZWR
    """,
    3: """
        BHD IQD JOD KWD LYD OMR TND
    """,
    4: """
        CLF UYW
    """,
    6: """
        USDC
    """,
}
LISTED = {code: digits for digits, codes in _CODES.items() for code in codes.split()}


def digits(code: str) -> int:
    """The digits after the point of an amount that is one of the smallest unit."""
    return LISTED.get(code, UNLISTED)


def major(minor: int, code: str) -> Decimal:
    """An amount in the smallest unit, in whole ones; exact."""
    return Decimal(minor).scaleb(-digits(code))
