-- Baseline of reference, written once from supabase/schemas (docs/decisions/022).

-- reference.sql

-- Reference data, written by tools/reference_data.py: currency digits from Unicode CLDR, HTML 5 entities.

create table private.currencies (
    code text primary key check (code ~ '^[A-Z]{3}$'),
    digits int not null check (digits between 0 and 4),
    -- What a platform's divisor reads as when it counts in the smallest unit: '100' for USD, '1' for JPY.
    divisor text not null generated always as ((10::numeric ^ digits)::int::text) stored,
    scale numeric not null generated always as (10::numeric ^ digits) stored
);
insert into private.currencies (code, digits) values
    ('ADP', 0),
    ('AED', 2),
    ('AFA', 2),
    ('AFN', 0),
    ('ALK', 2),
    ('ALL', 0),
    ('AMD', 2),
    ('ANG', 2),
    ('AOA', 2),
    ('AOK', 2),
    ('AON', 2),
    ('AOR', 2),
    ('ARA', 2),
    ('ARL', 2),
    ('ARM', 2),
    ('ARP', 2),
    ('ARS', 2),
    ('ATS', 2),
    ('AUD', 2),
    ('AWG', 2),
    ('AZM', 2),
    ('AZN', 2),
    ('BAD', 2),
    ('BAM', 2),
    ('BAN', 2),
    ('BBD', 2),
    ('BDT', 2),
    ('BEC', 2),
    ('BEF', 2),
    ('BEL', 2),
    ('BGL', 2),
    ('BGM', 2),
    ('BGN', 2),
    ('BGO', 2),
    ('BHD', 3),
    ('BIF', 0),
    ('BMD', 2),
    ('BND', 2),
    ('BOB', 2),
    ('BOL', 2),
    ('BOP', 2),
    ('BOV', 2),
    ('BRB', 2),
    ('BRC', 2),
    ('BRE', 2),
    ('BRL', 2),
    ('BRN', 2),
    ('BRR', 2),
    ('BRZ', 2),
    ('BSD', 2),
    ('BTN', 2),
    ('BUK', 2),
    ('BWP', 2),
    ('BYB', 2),
    ('BYN', 2),
    ('BYR', 0),
    ('BZD', 2),
    ('CAD', 2),
    ('CDF', 2),
    ('CHE', 2),
    ('CHF', 2),
    ('CHW', 2),
    ('CLE', 2),
    ('CLF', 4),
    ('CLP', 0),
    ('CNH', 2),
    ('CNX', 2),
    ('CNY', 2),
    ('COP', 2),
    ('COU', 2),
    ('CRC', 2),
    ('CSD', 2),
    ('CSK', 2),
    ('CUC', 2),
    ('CUP', 2),
    ('CVE', 2),
    ('CYP', 2),
    ('CZK', 2),
    ('DDM', 2),
    ('DEM', 2),
    ('DJF', 0),
    ('DKK', 2),
    ('DOP', 2),
    ('DZD', 2),
    ('ECS', 2),
    ('ECV', 2),
    ('EEK', 2),
    ('EGP', 2),
    ('ERN', 2),
    ('ESA', 2),
    ('ESB', 2),
    ('ESP', 0),
    ('ETB', 2),
    ('EUR', 2),
    ('FIM', 2),
    ('FJD', 2),
    ('FKP', 2),
    ('FRF', 2),
    ('GBP', 2),
    ('GEK', 2),
    ('GEL', 2),
    ('GHC', 2),
    ('GHS', 2),
    ('GIP', 2),
    ('GMD', 2),
    ('GNF', 0),
    ('GNS', 2),
    ('GQE', 2),
    ('GRD', 2),
    ('GTQ', 2),
    ('GWE', 2),
    ('GWP', 2),
    ('GYD', 2),
    ('HKD', 2),
    ('HNL', 2),
    ('HRD', 2),
    ('HRK', 2),
    ('HTG', 2),
    ('HUF', 2),
    ('IDR', 2),
    ('IEP', 2),
    ('ILP', 2),
    ('ILR', 2),
    ('ILS', 2),
    ('INR', 2),
    ('IQD', 0),
    ('IRR', 0),
    ('ISJ', 2),
    ('ISK', 0),
    ('ITL', 0),
    ('JMD', 2),
    ('JOD', 3),
    ('JPY', 0),
    ('KES', 2),
    ('KGS', 2),
    ('KHR', 2),
    ('KMF', 0),
    ('KPW', 0),
    ('KRH', 2),
    ('KRO', 2),
    ('KRW', 0),
    ('KWD', 3),
    ('KYD', 2),
    ('KZT', 2),
    ('LAK', 0),
    ('LBP', 0),
    ('LKR', 2),
    ('LRD', 2),
    ('LSL', 2),
    ('LTL', 2),
    ('LTT', 2),
    ('LUC', 2),
    ('LUF', 0),
    ('LUL', 2),
    ('LVL', 2),
    ('LVR', 2),
    ('LYD', 3),
    ('MAD', 2),
    ('MAF', 2),
    ('MCF', 2),
    ('MDC', 2),
    ('MDL', 2),
    ('MGA', 0),
    ('MGF', 0),
    ('MKD', 2),
    ('MKN', 2),
    ('MLF', 2),
    ('MMK', 0),
    ('MNT', 2),
    ('MOP', 2),
    ('MRO', 0),
    ('MRU', 2),
    ('MTL', 2),
    ('MTP', 2),
    ('MUR', 2),
    ('MVP', 2),
    ('MVR', 2),
    ('MWK', 2),
    ('MXN', 2),
    ('MXP', 2),
    ('MXV', 2),
    ('MYR', 2),
    ('MZE', 2),
    ('MZM', 2),
    ('MZN', 2),
    ('NAD', 2),
    ('NGN', 2),
    ('NIC', 2),
    ('NIO', 2),
    ('NLG', 2),
    ('NOK', 2),
    ('NPR', 2),
    ('NZD', 2),
    ('OMR', 3),
    ('PAB', 2),
    ('PEI', 2),
    ('PEN', 2),
    ('PES', 2),
    ('PGK', 2),
    ('PHP', 2),
    ('PKR', 2),
    ('PLN', 2),
    ('PLZ', 2),
    ('PTE', 2),
    ('PYG', 0),
    ('QAR', 2),
    ('RHD', 2),
    ('ROL', 2),
    ('RON', 2),
    ('RSD', 0),
    ('RUB', 2),
    ('RUR', 2),
    ('RWF', 0),
    ('SAR', 2),
    ('SBD', 2),
    ('SCR', 2),
    ('SDD', 2),
    ('SDG', 2),
    ('SDP', 2),
    ('SEK', 2),
    ('SGD', 2),
    ('SHP', 2),
    ('SIT', 2),
    ('SKK', 2),
    ('SLE', 2),
    ('SLL', 0),
    ('SOS', 0),
    ('SRD', 2),
    ('SRG', 2),
    ('SSP', 2),
    ('STD', 0),
    ('STN', 2),
    ('SUR', 2),
    ('SVC', 2),
    ('SYP', 0),
    ('SZL', 2),
    ('THB', 2),
    ('TJR', 2),
    ('TJS', 2),
    ('TMM', 0),
    ('TMT', 2),
    ('TND', 3),
    ('TOP', 2),
    ('TPE', 2),
    ('TRL', 0),
    ('TRY', 2),
    ('TTD', 2),
    ('TWD', 2),
    ('TZS', 2),
    ('UAH', 2),
    ('UAK', 2),
    ('UGS', 2),
    ('UGX', 0),
    ('USD', 2),
    ('USN', 2),
    ('USS', 2),
    ('UYI', 0),
    ('UYP', 2),
    ('UYU', 2),
    ('UYW', 4),
    ('UZS', 2),
    ('VEB', 2),
    ('VED', 2),
    ('VEF', 2),
    ('VES', 2),
    ('VND', 0),
    ('VNN', 2),
    ('VUV', 0),
    ('WST', 2),
    ('XAF', 0),
    ('XAG', 2),
    ('XAU', 2),
    ('XBA', 2),
    ('XBB', 2),
    ('XBC', 2),
    ('XBD', 2),
    ('XCD', 2),
    ('XCG', 2),
    ('XDR', 2),
    ('XEU', 2),
    ('XFO', 2),
    ('XFU', 2),
    ('XOF', 0),
    ('XPD', 2),
    ('XPF', 0),
    ('XPT', 2),
    ('XRE', 2),
    ('XSU', 2),
    ('XTS', 2),
    ('XUA', 2),
    ('XXX', 2),
    ('YDD', 2),
    ('YER', 0),
    ('YUD', 2),
    ('YUM', 2),
    ('YUN', 2),
    ('YUR', 2),
    ('ZAL', 2),
    ('ZAR', 2),
    ('ZMK', 0),
    ('ZMW', 2),
    ('ZRN', 2),
    ('ZRZ', 2),
    ('ZWD', 0),
    ('ZWG', 2),
    ('ZWL', 2),
    ('ZWR', 2);

create table private.html_entities (name text primary key, text text not null);
insert into private.html_entities (name, text) values
    ('AElig', 'Æ'), ('AMP', '&'), ('Aacute', 'Á'), ('Abreve', 'Ă'), ('Acirc', 'Â'), ('Acy', 'А'),
    ('Afr', '𝔄'), ('Agrave', 'À'), ('Alpha', 'Α'), ('Amacr', 'Ā'), ('And', '⩓'), ('Aogon', 'Ą'),
    ('Aopf', '𝔸'), ('ApplyFunction', '⁡'), ('Aring', 'Å'), ('Ascr', '𝒜'), ('Assign', '≔'), ('Atilde', 'Ã'),
    ('Auml', 'Ä'), ('Backslash', '∖'), ('Barv', '⫧'), ('Barwed', '⌆'), ('Bcy', 'Б'), ('Because', '∵'),
    ('Bernoullis', 'ℬ'), ('Beta', 'Β'), ('Bfr', '𝔅'), ('Bopf', '𝔹'), ('Breve', '˘'), ('Bscr', 'ℬ'),
    ('Bumpeq', '≎'), ('CHcy', 'Ч'), ('COPY', '©'), ('Cacute', 'Ć'), ('Cap', '⋒'), ('CapitalDifferentialD', 'ⅅ'),
    ('Cayleys', 'ℭ'), ('Ccaron', 'Č'), ('Ccedil', 'Ç'), ('Ccirc', 'Ĉ'), ('Cconint', '∰'), ('Cdot', 'Ċ'),
    ('Cedilla', '¸'), ('CenterDot', '·'), ('Cfr', 'ℭ'), ('Chi', 'Χ'), ('CircleDot', '⊙'), ('CircleMinus', '⊖'),
    ('CirclePlus', '⊕'), ('CircleTimes', '⊗'), ('ClockwiseContourIntegral', '∲'), ('CloseCurlyDoubleQuote', '”'), ('CloseCurlyQuote', '’'), ('Colon', '∷'),
    ('Colone', '⩴'), ('Congruent', '≡'), ('Conint', '∯'), ('ContourIntegral', '∮'), ('Copf', 'ℂ'), ('Coproduct', '∐'),
    ('CounterClockwiseContourIntegral', '∳'), ('Cross', '⨯'), ('Cscr', '𝒞'), ('Cup', '⋓'), ('CupCap', '≍'), ('DD', 'ⅅ'),
    ('DDotrahd', '⤑'), ('DJcy', 'Ђ'), ('DScy', 'Ѕ'), ('DZcy', 'Џ'), ('Dagger', '‡'), ('Darr', '↡'),
    ('Dashv', '⫤'), ('Dcaron', 'Ď'), ('Dcy', 'Д'), ('Del', '∇'), ('Delta', 'Δ'), ('Dfr', '𝔇'),
    ('DiacriticalAcute', '´'), ('DiacriticalDot', '˙'), ('DiacriticalDoubleAcute', '˝'), ('DiacriticalGrave', '`'), ('DiacriticalTilde', '˜'), ('Diamond', '⋄'),
    ('DifferentialD', 'ⅆ'), ('Dopf', '𝔻'), ('Dot', '¨'), ('DotDot', '⃜'), ('DotEqual', '≐'), ('DoubleContourIntegral', '∯'),
    ('DoubleDot', '¨'), ('DoubleDownArrow', '⇓'), ('DoubleLeftArrow', '⇐'), ('DoubleLeftRightArrow', '⇔'), ('DoubleLeftTee', '⫤'), ('DoubleLongLeftArrow', '⟸'),
    ('DoubleLongLeftRightArrow', '⟺'), ('DoubleLongRightArrow', '⟹'), ('DoubleRightArrow', '⇒'), ('DoubleRightTee', '⊨'), ('DoubleUpArrow', '⇑'), ('DoubleUpDownArrow', '⇕'),
    ('DoubleVerticalBar', '∥'), ('DownArrow', '↓'), ('DownArrowBar', '⤓'), ('DownArrowUpArrow', '⇵'), ('DownBreve', '̑'), ('DownLeftRightVector', '⥐'),
    ('DownLeftTeeVector', '⥞'), ('DownLeftVector', '↽'), ('DownLeftVectorBar', '⥖'), ('DownRightTeeVector', '⥟'), ('DownRightVector', '⇁'), ('DownRightVectorBar', '⥗'),
    ('DownTee', '⊤'), ('DownTeeArrow', '↧'), ('Downarrow', '⇓'), ('Dscr', '𝒟'), ('Dstrok', 'Đ'), ('ENG', 'Ŋ'),
    ('ETH', 'Ð'), ('Eacute', 'É'), ('Ecaron', 'Ě'), ('Ecirc', 'Ê'), ('Ecy', 'Э'), ('Edot', 'Ė'),
    ('Efr', '𝔈'), ('Egrave', 'È'), ('Element', '∈'), ('Emacr', 'Ē'), ('EmptySmallSquare', '◻'), ('EmptyVerySmallSquare', '▫'),
    ('Eogon', 'Ę'), ('Eopf', '𝔼'), ('Epsilon', 'Ε'), ('Equal', '⩵'), ('EqualTilde', '≂'), ('Equilibrium', '⇌'),
    ('Escr', 'ℰ'), ('Esim', '⩳'), ('Eta', 'Η'), ('Euml', 'Ë'), ('Exists', '∃'), ('ExponentialE', 'ⅇ'),
    ('Fcy', 'Ф'), ('Ffr', '𝔉'), ('FilledSmallSquare', '◼'), ('FilledVerySmallSquare', '▪'), ('Fopf', '𝔽'), ('ForAll', '∀'),
    ('Fouriertrf', 'ℱ'), ('Fscr', 'ℱ'), ('GJcy', 'Ѓ'), ('GT', '>'), ('Gamma', 'Γ'), ('Gammad', 'Ϝ'),
    ('Gbreve', 'Ğ'), ('Gcedil', 'Ģ'), ('Gcirc', 'Ĝ'), ('Gcy', 'Г'), ('Gdot', 'Ġ'), ('Gfr', '𝔊'),
    ('Gg', '⋙'), ('Gopf', '𝔾'), ('GreaterEqual', '≥'), ('GreaterEqualLess', '⋛'), ('GreaterFullEqual', '≧'), ('GreaterGreater', '⪢'),
    ('GreaterLess', '≷'), ('GreaterSlantEqual', '⩾'), ('GreaterTilde', '≳'), ('Gscr', '𝒢'), ('Gt', '≫'), ('HARDcy', 'Ъ'),
    ('Hacek', 'ˇ'), ('Hat', '^'), ('Hcirc', 'Ĥ'), ('Hfr', 'ℌ'), ('HilbertSpace', 'ℋ'), ('Hopf', 'ℍ'),
    ('HorizontalLine', '─'), ('Hscr', 'ℋ'), ('Hstrok', 'Ħ'), ('HumpDownHump', '≎'), ('HumpEqual', '≏'), ('IEcy', 'Е'),
    ('IJlig', 'Ĳ'), ('IOcy', 'Ё'), ('Iacute', 'Í'), ('Icirc', 'Î'), ('Icy', 'И'), ('Idot', 'İ'),
    ('Ifr', 'ℑ'), ('Igrave', 'Ì'), ('Im', 'ℑ'), ('Imacr', 'Ī'), ('ImaginaryI', 'ⅈ'), ('Implies', '⇒'),
    ('Int', '∬'), ('Integral', '∫'), ('Intersection', '⋂'), ('InvisibleComma', '⁣'), ('InvisibleTimes', '⁢'), ('Iogon', 'Į'),
    ('Iopf', '𝕀'), ('Iota', 'Ι'), ('Iscr', 'ℐ'), ('Itilde', 'Ĩ'), ('Iukcy', 'І'), ('Iuml', 'Ï'),
    ('Jcirc', 'Ĵ'), ('Jcy', 'Й'), ('Jfr', '𝔍'), ('Jopf', '𝕁'), ('Jscr', '𝒥'), ('Jsercy', 'Ј'),
    ('Jukcy', 'Є'), ('KHcy', 'Х'), ('KJcy', 'Ќ'), ('Kappa', 'Κ'), ('Kcedil', 'Ķ'), ('Kcy', 'К'),
    ('Kfr', '𝔎'), ('Kopf', '𝕂'), ('Kscr', '𝒦'), ('LJcy', 'Љ'), ('LT', '<'), ('Lacute', 'Ĺ'),
    ('Lambda', 'Λ'), ('Lang', '⟪'), ('Laplacetrf', 'ℒ'), ('Larr', '↞'), ('Lcaron', 'Ľ'), ('Lcedil', 'Ļ'),
    ('Lcy', 'Л'), ('LeftAngleBracket', '⟨'), ('LeftArrow', '←'), ('LeftArrowBar', '⇤'), ('LeftArrowRightArrow', '⇆'), ('LeftCeiling', '⌈'),
    ('LeftDoubleBracket', '⟦'), ('LeftDownTeeVector', '⥡'), ('LeftDownVector', '⇃'), ('LeftDownVectorBar', '⥙'), ('LeftFloor', '⌊'), ('LeftRightArrow', '↔'),
    ('LeftRightVector', '⥎'), ('LeftTee', '⊣'), ('LeftTeeArrow', '↤'), ('LeftTeeVector', '⥚'), ('LeftTriangle', '⊲'), ('LeftTriangleBar', '⧏'),
    ('LeftTriangleEqual', '⊴'), ('LeftUpDownVector', '⥑'), ('LeftUpTeeVector', '⥠'), ('LeftUpVector', '↿'), ('LeftUpVectorBar', '⥘'), ('LeftVector', '↼'),
    ('LeftVectorBar', '⥒'), ('Leftarrow', '⇐'), ('Leftrightarrow', '⇔'), ('LessEqualGreater', '⋚'), ('LessFullEqual', '≦'), ('LessGreater', '≶'),
    ('LessLess', '⪡'), ('LessSlantEqual', '⩽'), ('LessTilde', '≲'), ('Lfr', '𝔏'), ('Ll', '⋘'), ('Lleftarrow', '⇚'),
    ('Lmidot', 'Ŀ'), ('LongLeftArrow', '⟵'), ('LongLeftRightArrow', '⟷'), ('LongRightArrow', '⟶'), ('Longleftarrow', '⟸'), ('Longleftrightarrow', '⟺'),
    ('Longrightarrow', '⟹'), ('Lopf', '𝕃'), ('LowerLeftArrow', '↙'), ('LowerRightArrow', '↘'), ('Lscr', 'ℒ'), ('Lsh', '↰'),
    ('Lstrok', 'Ł'), ('Lt', '≪'), ('Map', '⤅'), ('Mcy', 'М'), ('MediumSpace', ' '), ('Mellintrf', 'ℳ'),
    ('Mfr', '𝔐'), ('MinusPlus', '∓'), ('Mopf', '𝕄'), ('Mscr', 'ℳ'), ('Mu', 'Μ'), ('NJcy', 'Њ'),
    ('Nacute', 'Ń'), ('Ncaron', 'Ň'), ('Ncedil', 'Ņ'), ('Ncy', 'Н'), ('NegativeMediumSpace', '​'), ('NegativeThickSpace', '​'),
    ('NegativeThinSpace', '​'), ('NegativeVeryThinSpace', '​'), ('NestedGreaterGreater', '≫'), ('NestedLessLess', '≪'), ('NewLine', '
'), ('Nfr', '𝔑'),
    ('NoBreak', '⁠'), ('NonBreakingSpace', ' '), ('Nopf', 'ℕ'), ('Not', '⫬'), ('NotCongruent', '≢'), ('NotCupCap', '≭'),
    ('NotDoubleVerticalBar', '∦'), ('NotElement', '∉'), ('NotEqual', '≠'), ('NotEqualTilde', '≂̸'), ('NotExists', '∄'), ('NotGreater', '≯'),
    ('NotGreaterEqual', '≱'), ('NotGreaterFullEqual', '≧̸'), ('NotGreaterGreater', '≫̸'), ('NotGreaterLess', '≹'), ('NotGreaterSlantEqual', '⩾̸'), ('NotGreaterTilde', '≵'),
    ('NotHumpDownHump', '≎̸'), ('NotHumpEqual', '≏̸'), ('NotLeftTriangle', '⋪'), ('NotLeftTriangleBar', '⧏̸'), ('NotLeftTriangleEqual', '⋬'), ('NotLess', '≮'),
    ('NotLessEqual', '≰'), ('NotLessGreater', '≸'), ('NotLessLess', '≪̸'), ('NotLessSlantEqual', '⩽̸'), ('NotLessTilde', '≴'), ('NotNestedGreaterGreater', '⪢̸'),
    ('NotNestedLessLess', '⪡̸'), ('NotPrecedes', '⊀'), ('NotPrecedesEqual', '⪯̸'), ('NotPrecedesSlantEqual', '⋠'), ('NotReverseElement', '∌'), ('NotRightTriangle', '⋫'),
    ('NotRightTriangleBar', '⧐̸'), ('NotRightTriangleEqual', '⋭'), ('NotSquareSubset', '⊏̸'), ('NotSquareSubsetEqual', '⋢'), ('NotSquareSuperset', '⊐̸'), ('NotSquareSupersetEqual', '⋣'),
    ('NotSubset', '⊂⃒'), ('NotSubsetEqual', '⊈'), ('NotSucceeds', '⊁'), ('NotSucceedsEqual', '⪰̸'), ('NotSucceedsSlantEqual', '⋡'), ('NotSucceedsTilde', '≿̸'),
    ('NotSuperset', '⊃⃒'), ('NotSupersetEqual', '⊉'), ('NotTilde', '≁'), ('NotTildeEqual', '≄'), ('NotTildeFullEqual', '≇'), ('NotTildeTilde', '≉'),
    ('NotVerticalBar', '∤'), ('Nscr', '𝒩'), ('Ntilde', 'Ñ'), ('Nu', 'Ν'), ('OElig', 'Œ'), ('Oacute', 'Ó'),
    ('Ocirc', 'Ô'), ('Ocy', 'О'), ('Odblac', 'Ő'), ('Ofr', '𝔒'), ('Ograve', 'Ò'), ('Omacr', 'Ō'),
    ('Omega', 'Ω'), ('Omicron', 'Ο'), ('Oopf', '𝕆'), ('OpenCurlyDoubleQuote', '“'), ('OpenCurlyQuote', '‘'), ('Or', '⩔'),
    ('Oscr', '𝒪'), ('Oslash', 'Ø'), ('Otilde', 'Õ'), ('Otimes', '⨷'), ('Ouml', 'Ö'), ('OverBar', '‾'),
    ('OverBrace', '⏞'), ('OverBracket', '⎴'), ('OverParenthesis', '⏜'), ('PartialD', '∂'), ('Pcy', 'П'), ('Pfr', '𝔓'),
    ('Phi', 'Φ'), ('Pi', 'Π'), ('PlusMinus', '±'), ('Poincareplane', 'ℌ'), ('Popf', 'ℙ'), ('Pr', '⪻'),
    ('Precedes', '≺'), ('PrecedesEqual', '⪯'), ('PrecedesSlantEqual', '≼'), ('PrecedesTilde', '≾'), ('Prime', '″'), ('Product', '∏'),
    ('Proportion', '∷'), ('Proportional', '∝'), ('Pscr', '𝒫'), ('Psi', 'Ψ'), ('QUOT', '"'), ('Qfr', '𝔔'),
    ('Qopf', 'ℚ'), ('Qscr', '𝒬'), ('RBarr', '⤐'), ('REG', '®'), ('Racute', 'Ŕ'), ('Rang', '⟫'),
    ('Rarr', '↠'), ('Rarrtl', '⤖'), ('Rcaron', 'Ř'), ('Rcedil', 'Ŗ'), ('Rcy', 'Р'), ('Re', 'ℜ'),
    ('ReverseElement', '∋'), ('ReverseEquilibrium', '⇋'), ('ReverseUpEquilibrium', '⥯'), ('Rfr', 'ℜ'), ('Rho', 'Ρ'), ('RightAngleBracket', '⟩'),
    ('RightArrow', '→'), ('RightArrowBar', '⇥'), ('RightArrowLeftArrow', '⇄'), ('RightCeiling', '⌉'), ('RightDoubleBracket', '⟧'), ('RightDownTeeVector', '⥝'),
    ('RightDownVector', '⇂'), ('RightDownVectorBar', '⥕'), ('RightFloor', '⌋'), ('RightTee', '⊢'), ('RightTeeArrow', '↦'), ('RightTeeVector', '⥛'),
    ('RightTriangle', '⊳'), ('RightTriangleBar', '⧐'), ('RightTriangleEqual', '⊵'), ('RightUpDownVector', '⥏'), ('RightUpTeeVector', '⥜'), ('RightUpVector', '↾'),
    ('RightUpVectorBar', '⥔'), ('RightVector', '⇀'), ('RightVectorBar', '⥓'), ('Rightarrow', '⇒'), ('Ropf', 'ℝ'), ('RoundImplies', '⥰'),
    ('Rrightarrow', '⇛'), ('Rscr', 'ℛ'), ('Rsh', '↱'), ('RuleDelayed', '⧴'), ('SHCHcy', 'Щ'), ('SHcy', 'Ш'),
    ('SOFTcy', 'Ь'), ('Sacute', 'Ś'), ('Sc', '⪼'), ('Scaron', 'Š'), ('Scedil', 'Ş'), ('Scirc', 'Ŝ'),
    ('Scy', 'С'), ('Sfr', '𝔖'), ('ShortDownArrow', '↓'), ('ShortLeftArrow', '←'), ('ShortRightArrow', '→'), ('ShortUpArrow', '↑'),
    ('Sigma', 'Σ'), ('SmallCircle', '∘'), ('Sopf', '𝕊'), ('Sqrt', '√'), ('Square', '□'), ('SquareIntersection', '⊓'),
    ('SquareSubset', '⊏'), ('SquareSubsetEqual', '⊑'), ('SquareSuperset', '⊐'), ('SquareSupersetEqual', '⊒'), ('SquareUnion', '⊔'), ('Sscr', '𝒮'),
    ('Star', '⋆'), ('Sub', '⋐'), ('Subset', '⋐'), ('SubsetEqual', '⊆'), ('Succeeds', '≻'), ('SucceedsEqual', '⪰'),
    ('SucceedsSlantEqual', '≽'), ('SucceedsTilde', '≿'), ('SuchThat', '∋'), ('Sum', '∑'), ('Sup', '⋑'), ('Superset', '⊃'),
    ('SupersetEqual', '⊇'), ('Supset', '⋑'), ('THORN', 'Þ'), ('TRADE', '™'), ('TSHcy', 'Ћ'), ('TScy', 'Ц'),
    ('Tab', '	'), ('Tau', 'Τ'), ('Tcaron', 'Ť'), ('Tcedil', 'Ţ'), ('Tcy', 'Т'), ('Tfr', '𝔗'),
    ('Therefore', '∴'), ('Theta', 'Θ'), ('ThickSpace', '  '), ('ThinSpace', ' '), ('Tilde', '∼'), ('TildeEqual', '≃'),
    ('TildeFullEqual', '≅'), ('TildeTilde', '≈'), ('Topf', '𝕋'), ('TripleDot', '⃛'), ('Tscr', '𝒯'), ('Tstrok', 'Ŧ'),
    ('Uacute', 'Ú'), ('Uarr', '↟'), ('Uarrocir', '⥉'), ('Ubrcy', 'Ў'), ('Ubreve', 'Ŭ'), ('Ucirc', 'Û'),
    ('Ucy', 'У'), ('Udblac', 'Ű'), ('Ufr', '𝔘'), ('Ugrave', 'Ù'), ('Umacr', 'Ū'), ('UnderBar', '_'),
    ('UnderBrace', '⏟'), ('UnderBracket', '⎵'), ('UnderParenthesis', '⏝'), ('Union', '⋃'), ('UnionPlus', '⊎'), ('Uogon', 'Ų'),
    ('Uopf', '𝕌'), ('UpArrow', '↑'), ('UpArrowBar', '⤒'), ('UpArrowDownArrow', '⇅'), ('UpDownArrow', '↕'), ('UpEquilibrium', '⥮'),
    ('UpTee', '⊥'), ('UpTeeArrow', '↥'), ('Uparrow', '⇑'), ('Updownarrow', '⇕'), ('UpperLeftArrow', '↖'), ('UpperRightArrow', '↗'),
    ('Upsi', 'ϒ'), ('Upsilon', 'Υ'), ('Uring', 'Ů'), ('Uscr', '𝒰'), ('Utilde', 'Ũ'), ('Uuml', 'Ü'),
    ('VDash', '⊫'), ('Vbar', '⫫'), ('Vcy', 'В'), ('Vdash', '⊩'), ('Vdashl', '⫦'), ('Vee', '⋁'),
    ('Verbar', '‖'), ('Vert', '‖'), ('VerticalBar', '∣'), ('VerticalLine', '|'), ('VerticalSeparator', '❘'), ('VerticalTilde', '≀'),
    ('VeryThinSpace', ' '), ('Vfr', '𝔙'), ('Vopf', '𝕍'), ('Vscr', '𝒱'), ('Vvdash', '⊪'), ('Wcirc', 'Ŵ'),
    ('Wedge', '⋀'), ('Wfr', '𝔚'), ('Wopf', '𝕎'), ('Wscr', '𝒲'), ('Xfr', '𝔛'), ('Xi', 'Ξ'),
    ('Xopf', '𝕏'), ('Xscr', '𝒳'), ('YAcy', 'Я'), ('YIcy', 'Ї'), ('YUcy', 'Ю'), ('Yacute', 'Ý'),
    ('Ycirc', 'Ŷ'), ('Ycy', 'Ы'), ('Yfr', '𝔜'), ('Yopf', '𝕐'), ('Yscr', '𝒴'), ('Yuml', 'Ÿ'),
    ('ZHcy', 'Ж'), ('Zacute', 'Ź'), ('Zcaron', 'Ž'), ('Zcy', 'З'), ('Zdot', 'Ż'), ('ZeroWidthSpace', '​'),
    ('Zeta', 'Ζ'), ('Zfr', 'ℨ'), ('Zopf', 'ℤ'), ('Zscr', '𝒵'), ('aacute', 'á'), ('abreve', 'ă'),
    ('ac', '∾'), ('acE', '∾̳'), ('acd', '∿'), ('acirc', 'â'), ('acute', '´'), ('acy', 'а'),
    ('aelig', 'æ'), ('af', '⁡'), ('afr', '𝔞'), ('agrave', 'à'), ('alefsym', 'ℵ'), ('aleph', 'ℵ'),
    ('alpha', 'α'), ('amacr', 'ā'), ('amalg', '⨿'), ('amp', '&'), ('and', '∧'), ('andand', '⩕'),
    ('andd', '⩜'), ('andslope', '⩘'), ('andv', '⩚'), ('ang', '∠'), ('ange', '⦤'), ('angle', '∠'),
    ('angmsd', '∡'), ('angmsdaa', '⦨'), ('angmsdab', '⦩'), ('angmsdac', '⦪'), ('angmsdad', '⦫'), ('angmsdae', '⦬'),
    ('angmsdaf', '⦭'), ('angmsdag', '⦮'), ('angmsdah', '⦯'), ('angrt', '∟'), ('angrtvb', '⊾'), ('angrtvbd', '⦝'),
    ('angsph', '∢'), ('angst', 'Å'), ('angzarr', '⍼'), ('aogon', 'ą'), ('aopf', '𝕒'), ('ap', '≈'),
    ('apE', '⩰'), ('apacir', '⩯'), ('ape', '≊'), ('apid', '≋'), ('apos', ''''), ('approx', '≈'),
    ('approxeq', '≊'), ('aring', 'å'), ('ascr', '𝒶'), ('ast', '*'), ('asymp', '≈'), ('asympeq', '≍'),
    ('atilde', 'ã'), ('auml', 'ä'), ('awconint', '∳'), ('awint', '⨑'), ('bNot', '⫭'), ('backcong', '≌'),
    ('backepsilon', '϶'), ('backprime', '‵'), ('backsim', '∽'), ('backsimeq', '⋍'), ('barvee', '⊽'), ('barwed', '⌅'),
    ('barwedge', '⌅'), ('bbrk', '⎵'), ('bbrktbrk', '⎶'), ('bcong', '≌'), ('bcy', 'б'), ('bdquo', '„'),
    ('becaus', '∵'), ('because', '∵'), ('bemptyv', '⦰'), ('bepsi', '϶'), ('bernou', 'ℬ'), ('beta', 'β'),
    ('beth', 'ℶ'), ('between', '≬'), ('bfr', '𝔟'), ('bigcap', '⋂'), ('bigcirc', '◯'), ('bigcup', '⋃'),
    ('bigodot', '⨀'), ('bigoplus', '⨁'), ('bigotimes', '⨂'), ('bigsqcup', '⨆'), ('bigstar', '★'), ('bigtriangledown', '▽'),
    ('bigtriangleup', '△'), ('biguplus', '⨄'), ('bigvee', '⋁'), ('bigwedge', '⋀'), ('bkarow', '⤍'), ('blacklozenge', '⧫'),
    ('blacksquare', '▪'), ('blacktriangle', '▴'), ('blacktriangledown', '▾'), ('blacktriangleleft', '◂'), ('blacktriangleright', '▸'), ('blank', '␣'),
    ('blk12', '▒'), ('blk14', '░'), ('blk34', '▓'), ('block', '█'), ('bne', '=⃥'), ('bnequiv', '≡⃥'),
    ('bnot', '⌐'), ('bopf', '𝕓'), ('bot', '⊥'), ('bottom', '⊥'), ('bowtie', '⋈'), ('boxDL', '╗'),
    ('boxDR', '╔'), ('boxDl', '╖'), ('boxDr', '╓'), ('boxH', '═'), ('boxHD', '╦'), ('boxHU', '╩'),
    ('boxHd', '╤'), ('boxHu', '╧'), ('boxUL', '╝'), ('boxUR', '╚'), ('boxUl', '╜'), ('boxUr', '╙'),
    ('boxV', '║'), ('boxVH', '╬'), ('boxVL', '╣'), ('boxVR', '╠'), ('boxVh', '╫'), ('boxVl', '╢'),
    ('boxVr', '╟'), ('boxbox', '⧉'), ('boxdL', '╕'), ('boxdR', '╒'), ('boxdl', '┐'), ('boxdr', '┌'),
    ('boxh', '─'), ('boxhD', '╥'), ('boxhU', '╨'), ('boxhd', '┬'), ('boxhu', '┴'), ('boxminus', '⊟'),
    ('boxplus', '⊞'), ('boxtimes', '⊠'), ('boxuL', '╛'), ('boxuR', '╘'), ('boxul', '┘'), ('boxur', '└'),
    ('boxv', '│'), ('boxvH', '╪'), ('boxvL', '╡'), ('boxvR', '╞'), ('boxvh', '┼'), ('boxvl', '┤'),
    ('boxvr', '├'), ('bprime', '‵'), ('breve', '˘'), ('brvbar', '¦'), ('bscr', '𝒷'), ('bsemi', '⁏'),
    ('bsim', '∽'), ('bsime', '⋍'), ('bsol', '\'), ('bsolb', '⧅'), ('bsolhsub', '⟈'), ('bull', '•'),
    ('bullet', '•'), ('bump', '≎'), ('bumpE', '⪮'), ('bumpe', '≏'), ('bumpeq', '≏'), ('cacute', 'ć'),
    ('cap', '∩'), ('capand', '⩄'), ('capbrcup', '⩉'), ('capcap', '⩋'), ('capcup', '⩇'), ('capdot', '⩀'),
    ('caps', '∩︀'), ('caret', '⁁'), ('caron', 'ˇ'), ('ccaps', '⩍'), ('ccaron', 'č'), ('ccedil', 'ç'),
    ('ccirc', 'ĉ'), ('ccups', '⩌'), ('ccupssm', '⩐'), ('cdot', 'ċ'), ('cedil', '¸'), ('cemptyv', '⦲'),
    ('cent', '¢'), ('centerdot', '·'), ('cfr', '𝔠'), ('chcy', 'ч'), ('check', '✓'), ('checkmark', '✓'),
    ('chi', 'χ'), ('cir', '○'), ('cirE', '⧃'), ('circ', 'ˆ'), ('circeq', '≗'), ('circlearrowleft', '↺'),
    ('circlearrowright', '↻'), ('circledR', '®'), ('circledS', 'Ⓢ'), ('circledast', '⊛'), ('circledcirc', '⊚'), ('circleddash', '⊝'),
    ('cire', '≗'), ('cirfnint', '⨐'), ('cirmid', '⫯'), ('cirscir', '⧂'), ('clubs', '♣'), ('clubsuit', '♣'),
    ('colon', ':'), ('colone', '≔'), ('coloneq', '≔'), ('comma', ','), ('commat', '@'), ('comp', '∁'),
    ('compfn', '∘'), ('complement', '∁'), ('complexes', 'ℂ'), ('cong', '≅'), ('congdot', '⩭'), ('conint', '∮'),
    ('copf', '𝕔'), ('coprod', '∐'), ('copy', '©'), ('copysr', '℗'), ('crarr', '↵'), ('cross', '✗'),
    ('cscr', '𝒸'), ('csub', '⫏'), ('csube', '⫑'), ('csup', '⫐'), ('csupe', '⫒'), ('ctdot', '⋯'),
    ('cudarrl', '⤸'), ('cudarrr', '⤵'), ('cuepr', '⋞'), ('cuesc', '⋟'), ('cularr', '↶'), ('cularrp', '⤽'),
    ('cup', '∪'), ('cupbrcap', '⩈'), ('cupcap', '⩆'), ('cupcup', '⩊'), ('cupdot', '⊍'), ('cupor', '⩅'),
    ('cups', '∪︀'), ('curarr', '↷'), ('curarrm', '⤼'), ('curlyeqprec', '⋞'), ('curlyeqsucc', '⋟'), ('curlyvee', '⋎'),
    ('curlywedge', '⋏'), ('curren', '¤'), ('curvearrowleft', '↶'), ('curvearrowright', '↷'), ('cuvee', '⋎'), ('cuwed', '⋏'),
    ('cwconint', '∲'), ('cwint', '∱'), ('cylcty', '⌭'), ('dArr', '⇓'), ('dHar', '⥥'), ('dagger', '†'),
    ('daleth', 'ℸ'), ('darr', '↓'), ('dash', '‐'), ('dashv', '⊣'), ('dbkarow', '⤏'), ('dblac', '˝'),
    ('dcaron', 'ď'), ('dcy', 'д'), ('dd', 'ⅆ'), ('ddagger', '‡'), ('ddarr', '⇊'), ('ddotseq', '⩷'),
    ('deg', '°'), ('delta', 'δ'), ('demptyv', '⦱'), ('dfisht', '⥿'), ('dfr', '𝔡'), ('dharl', '⇃'),
    ('dharr', '⇂'), ('diam', '⋄'), ('diamond', '⋄'), ('diamondsuit', '♦'), ('diams', '♦'), ('die', '¨'),
    ('digamma', 'ϝ'), ('disin', '⋲'), ('div', '÷'), ('divide', '÷'), ('divideontimes', '⋇'), ('divonx', '⋇'),
    ('djcy', 'ђ'), ('dlcorn', '⌞'), ('dlcrop', '⌍'), ('dollar', '$'), ('dopf', '𝕕'), ('dot', '˙'),
    ('doteq', '≐'), ('doteqdot', '≑'), ('dotminus', '∸'), ('dotplus', '∔'), ('dotsquare', '⊡'), ('doublebarwedge', '⌆'),
    ('downarrow', '↓'), ('downdownarrows', '⇊'), ('downharpoonleft', '⇃'), ('downharpoonright', '⇂'), ('drbkarow', '⤐'), ('drcorn', '⌟'),
    ('drcrop', '⌌'), ('dscr', '𝒹'), ('dscy', 'ѕ'), ('dsol', '⧶'), ('dstrok', 'đ'), ('dtdot', '⋱'),
    ('dtri', '▿'), ('dtrif', '▾'), ('duarr', '⇵'), ('duhar', '⥯'), ('dwangle', '⦦'), ('dzcy', 'џ'),
    ('dzigrarr', '⟿'), ('eDDot', '⩷'), ('eDot', '≑'), ('eacute', 'é'), ('easter', '⩮'), ('ecaron', 'ě'),
    ('ecir', '≖'), ('ecirc', 'ê'), ('ecolon', '≕'), ('ecy', 'э'), ('edot', 'ė'), ('ee', 'ⅇ'),
    ('efDot', '≒'), ('efr', '𝔢'), ('eg', '⪚'), ('egrave', 'è'), ('egs', '⪖'), ('egsdot', '⪘'),
    ('el', '⪙'), ('elinters', '⏧'), ('ell', 'ℓ'), ('els', '⪕'), ('elsdot', '⪗'), ('emacr', 'ē'),
    ('empty', '∅'), ('emptyset', '∅'), ('emptyv', '∅'), ('emsp13', ' '), ('emsp14', ' '), ('emsp', ' '),
    ('eng', 'ŋ'), ('ensp', ' '), ('eogon', 'ę'), ('eopf', '𝕖'), ('epar', '⋕'), ('eparsl', '⧣'),
    ('eplus', '⩱'), ('epsi', 'ε'), ('epsilon', 'ε'), ('epsiv', 'ϵ'), ('eqcirc', '≖'), ('eqcolon', '≕'),
    ('eqsim', '≂'), ('eqslantgtr', '⪖'), ('eqslantless', '⪕'), ('equals', '='), ('equest', '≟'), ('equiv', '≡'),
    ('equivDD', '⩸'), ('eqvparsl', '⧥'), ('erDot', '≓'), ('erarr', '⥱'), ('escr', 'ℯ'), ('esdot', '≐'),
    ('esim', '≂'), ('eta', 'η'), ('eth', 'ð'), ('euml', 'ë'), ('euro', '€'), ('excl', '!'),
    ('exist', '∃'), ('expectation', 'ℰ'), ('exponentiale', 'ⅇ'), ('fallingdotseq', '≒'), ('fcy', 'ф'), ('female', '♀'),
    ('ffilig', 'ﬃ'), ('fflig', 'ﬀ'), ('ffllig', 'ﬄ'), ('ffr', '𝔣'), ('filig', 'ﬁ'), ('fjlig', 'fj'),
    ('flat', '♭'), ('fllig', 'ﬂ'), ('fltns', '▱'), ('fnof', 'ƒ'), ('fopf', '𝕗'), ('forall', '∀'),
    ('fork', '⋔'), ('forkv', '⫙'), ('fpartint', '⨍'), ('frac12', '½'), ('frac13', '⅓'), ('frac14', '¼'),
    ('frac15', '⅕'), ('frac16', '⅙'), ('frac18', '⅛'), ('frac23', '⅔'), ('frac25', '⅖'), ('frac34', '¾'),
    ('frac35', '⅗'), ('frac38', '⅜'), ('frac45', '⅘'), ('frac56', '⅚'), ('frac58', '⅝'), ('frac78', '⅞'),
    ('frasl', '⁄'), ('frown', '⌢'), ('fscr', '𝒻'), ('gE', '≧'), ('gEl', '⪌'), ('gacute', 'ǵ'),
    ('gamma', 'γ'), ('gammad', 'ϝ'), ('gap', '⪆'), ('gbreve', 'ğ'), ('gcirc', 'ĝ'), ('gcy', 'г'),
    ('gdot', 'ġ'), ('ge', '≥'), ('gel', '⋛'), ('geq', '≥'), ('geqq', '≧'), ('geqslant', '⩾'),
    ('ges', '⩾'), ('gescc', '⪩'), ('gesdot', '⪀'), ('gesdoto', '⪂'), ('gesdotol', '⪄'), ('gesl', '⋛︀'),
    ('gesles', '⪔'), ('gfr', '𝔤'), ('gg', '≫'), ('ggg', '⋙'), ('gimel', 'ℷ'), ('gjcy', 'ѓ'),
    ('gl', '≷'), ('glE', '⪒'), ('gla', '⪥'), ('glj', '⪤'), ('gnE', '≩'), ('gnap', '⪊'),
    ('gnapprox', '⪊'), ('gne', '⪈'), ('gneq', '⪈'), ('gneqq', '≩'), ('gnsim', '⋧'), ('gopf', '𝕘'),
    ('grave', '`'), ('gscr', 'ℊ'), ('gsim', '≳'), ('gsime', '⪎'), ('gsiml', '⪐'), ('gt', '>'),
    ('gtcc', '⪧'), ('gtcir', '⩺'), ('gtdot', '⋗'), ('gtlPar', '⦕'), ('gtquest', '⩼'), ('gtrapprox', '⪆'),
    ('gtrarr', '⥸'), ('gtrdot', '⋗'), ('gtreqless', '⋛'), ('gtreqqless', '⪌'), ('gtrless', '≷'), ('gtrsim', '≳'),
    ('gvertneqq', '≩︀'), ('gvnE', '≩︀'), ('hArr', '⇔'), ('hairsp', ' '), ('half', '½'), ('hamilt', 'ℋ'),
    ('hardcy', 'ъ'), ('harr', '↔'), ('harrcir', '⥈'), ('harrw', '↭'), ('hbar', 'ℏ'), ('hcirc', 'ĥ'),
    ('hearts', '♥'), ('heartsuit', '♥'), ('hellip', '…'), ('hercon', '⊹'), ('hfr', '𝔥'), ('hksearow', '⤥'),
    ('hkswarow', '⤦'), ('hoarr', '⇿'), ('homtht', '∻'), ('hookleftarrow', '↩'), ('hookrightarrow', '↪'), ('hopf', '𝕙'),
    ('horbar', '―'), ('hscr', '𝒽'), ('hslash', 'ℏ'), ('hstrok', 'ħ'), ('hybull', '⁃'), ('hyphen', '‐'),
    ('iacute', 'í'), ('ic', '⁣'), ('icirc', 'î'), ('icy', 'и'), ('iecy', 'е'), ('iexcl', '¡'),
    ('iff', '⇔'), ('ifr', '𝔦'), ('igrave', 'ì'), ('ii', 'ⅈ'), ('iiiint', '⨌'), ('iiint', '∭'),
    ('iinfin', '⧜'), ('iiota', '℩'), ('ijlig', 'ĳ'), ('imacr', 'ī'), ('image', 'ℑ'), ('imagline', 'ℐ'),
    ('imagpart', 'ℑ'), ('imath', 'ı'), ('imof', '⊷'), ('imped', 'Ƶ'), ('in', '∈'), ('incare', '℅'),
    ('infin', '∞'), ('infintie', '⧝'), ('inodot', 'ı'), ('int', '∫'), ('intcal', '⊺'), ('integers', 'ℤ'),
    ('intercal', '⊺'), ('intlarhk', '⨗'), ('intprod', '⨼'), ('iocy', 'ё'), ('iogon', 'į'), ('iopf', '𝕚'),
    ('iota', 'ι'), ('iprod', '⨼'), ('iquest', '¿'), ('iscr', '𝒾'), ('isin', '∈'), ('isinE', '⋹'),
    ('isindot', '⋵'), ('isins', '⋴'), ('isinsv', '⋳'), ('isinv', '∈'), ('it', '⁢'), ('itilde', 'ĩ'),
    ('iukcy', 'і'), ('iuml', 'ï'), ('jcirc', 'ĵ'), ('jcy', 'й'), ('jfr', '𝔧'), ('jmath', 'ȷ'),
    ('jopf', '𝕛'), ('jscr', '𝒿'), ('jsercy', 'ј'), ('jukcy', 'є'), ('kappa', 'κ'), ('kappav', 'ϰ'),
    ('kcedil', 'ķ'), ('kcy', 'к'), ('kfr', '𝔨'), ('kgreen', 'ĸ'), ('khcy', 'х'), ('kjcy', 'ќ'),
    ('kopf', '𝕜'), ('kscr', '𝓀'), ('lAarr', '⇚'), ('lArr', '⇐'), ('lAtail', '⤛'), ('lBarr', '⤎'),
    ('lE', '≦'), ('lEg', '⪋'), ('lHar', '⥢'), ('lacute', 'ĺ'), ('laemptyv', '⦴'), ('lagran', 'ℒ'),
    ('lambda', 'λ'), ('lang', '⟨'), ('langd', '⦑'), ('langle', '⟨'), ('lap', '⪅'), ('laquo', '«'),
    ('larr', '←'), ('larrb', '⇤'), ('larrbfs', '⤟'), ('larrfs', '⤝'), ('larrhk', '↩'), ('larrlp', '↫'),
    ('larrpl', '⤹'), ('larrsim', '⥳'), ('larrtl', '↢'), ('lat', '⪫'), ('latail', '⤙'), ('late', '⪭'),
    ('lates', '⪭︀'), ('lbarr', '⤌'), ('lbbrk', '❲'), ('lbrace', '{'), ('lbrack', '['), ('lbrke', '⦋'),
    ('lbrksld', '⦏'), ('lbrkslu', '⦍'), ('lcaron', 'ľ'), ('lcedil', 'ļ'), ('lceil', '⌈'), ('lcub', '{'),
    ('lcy', 'л'), ('ldca', '⤶'), ('ldquo', '“'), ('ldquor', '„'), ('ldrdhar', '⥧'), ('ldrushar', '⥋'),
    ('ldsh', '↲'), ('le', '≤'), ('leftarrow', '←'), ('leftarrowtail', '↢'), ('leftharpoondown', '↽'), ('leftharpoonup', '↼'),
    ('leftleftarrows', '⇇'), ('leftrightarrow', '↔'), ('leftrightarrows', '⇆'), ('leftrightharpoons', '⇋'), ('leftrightsquigarrow', '↭'), ('leftthreetimes', '⋋'),
    ('leg', '⋚'), ('leq', '≤'), ('leqq', '≦'), ('leqslant', '⩽'), ('les', '⩽'), ('lescc', '⪨'),
    ('lesdot', '⩿'), ('lesdoto', '⪁'), ('lesdotor', '⪃'), ('lesg', '⋚︀'), ('lesges', '⪓'), ('lessapprox', '⪅'),
    ('lessdot', '⋖'), ('lesseqgtr', '⋚'), ('lesseqqgtr', '⪋'), ('lessgtr', '≶'), ('lesssim', '≲'), ('lfisht', '⥼'),
    ('lfloor', '⌊'), ('lfr', '𝔩'), ('lg', '≶'), ('lgE', '⪑'), ('lhard', '↽'), ('lharu', '↼'),
    ('lharul', '⥪'), ('lhblk', '▄'), ('ljcy', 'љ'), ('ll', '≪'), ('llarr', '⇇'), ('llcorner', '⌞'),
    ('llhard', '⥫'), ('lltri', '◺'), ('lmidot', 'ŀ'), ('lmoust', '⎰'), ('lmoustache', '⎰'), ('lnE', '≨'),
    ('lnap', '⪉'), ('lnapprox', '⪉'), ('lne', '⪇'), ('lneq', '⪇'), ('lneqq', '≨'), ('lnsim', '⋦'),
    ('loang', '⟬'), ('loarr', '⇽'), ('lobrk', '⟦'), ('longleftarrow', '⟵'), ('longleftrightarrow', '⟷'), ('longmapsto', '⟼'),
    ('longrightarrow', '⟶'), ('looparrowleft', '↫'), ('looparrowright', '↬'), ('lopar', '⦅'), ('lopf', '𝕝'), ('loplus', '⨭'),
    ('lotimes', '⨴'), ('lowast', '∗'), ('lowbar', '_'), ('loz', '◊'), ('lozenge', '◊'), ('lozf', '⧫'),
    ('lpar', '('), ('lparlt', '⦓'), ('lrarr', '⇆'), ('lrcorner', '⌟'), ('lrhar', '⇋'), ('lrhard', '⥭'),
    ('lrm', '‎'), ('lrtri', '⊿'), ('lsaquo', '‹'), ('lscr', '𝓁'), ('lsh', '↰'), ('lsim', '≲'),
    ('lsime', '⪍'), ('lsimg', '⪏'), ('lsqb', '['), ('lsquo', '‘'), ('lsquor', '‚'), ('lstrok', 'ł'),
    ('lt', '<'), ('ltcc', '⪦'), ('ltcir', '⩹'), ('ltdot', '⋖'), ('lthree', '⋋'), ('ltimes', '⋉'),
    ('ltlarr', '⥶'), ('ltquest', '⩻'), ('ltrPar', '⦖'), ('ltri', '◃'), ('ltrie', '⊴'), ('ltrif', '◂'),
    ('lurdshar', '⥊'), ('luruhar', '⥦'), ('lvertneqq', '≨︀'), ('lvnE', '≨︀'), ('mDDot', '∺'), ('macr', '¯'),
    ('male', '♂'), ('malt', '✠'), ('maltese', '✠'), ('map', '↦'), ('mapsto', '↦'), ('mapstodown', '↧'),
    ('mapstoleft', '↤'), ('mapstoup', '↥'), ('marker', '▮'), ('mcomma', '⨩'), ('mcy', 'м'), ('mdash', '—'),
    ('measuredangle', '∡'), ('mfr', '𝔪'), ('mho', '℧'), ('micro', 'µ'), ('mid', '∣'), ('midast', '*'),
    ('midcir', '⫰'), ('middot', '·'), ('minus', '−'), ('minusb', '⊟'), ('minusd', '∸'), ('minusdu', '⨪'),
    ('mlcp', '⫛'), ('mldr', '…'), ('mnplus', '∓'), ('models', '⊧'), ('mopf', '𝕞'), ('mp', '∓'),
    ('mscr', '𝓂'), ('mstpos', '∾'), ('mu', 'μ'), ('multimap', '⊸'), ('mumap', '⊸'), ('nGg', '⋙̸'),
    ('nGt', '≫⃒'), ('nGtv', '≫̸'), ('nLeftarrow', '⇍'), ('nLeftrightarrow', '⇎'), ('nLl', '⋘̸'), ('nLt', '≪⃒'),
    ('nLtv', '≪̸'), ('nRightarrow', '⇏'), ('nVDash', '⊯'), ('nVdash', '⊮'), ('nabla', '∇'), ('nacute', 'ń'),
    ('nang', '∠⃒'), ('nap', '≉'), ('napE', '⩰̸'), ('napid', '≋̸'), ('napos', 'ŉ'), ('napprox', '≉'),
    ('natur', '♮'), ('natural', '♮'), ('naturals', 'ℕ'), ('nbsp', ' '), ('nbump', '≎̸'), ('nbumpe', '≏̸'),
    ('ncap', '⩃'), ('ncaron', 'ň'), ('ncedil', 'ņ'), ('ncong', '≇'), ('ncongdot', '⩭̸'), ('ncup', '⩂'),
    ('ncy', 'н'), ('ndash', '–'), ('ne', '≠'), ('neArr', '⇗'), ('nearhk', '⤤'), ('nearr', '↗'),
    ('nearrow', '↗'), ('nedot', '≐̸'), ('nequiv', '≢'), ('nesear', '⤨'), ('nesim', '≂̸'), ('nexist', '∄'),
    ('nexists', '∄'), ('nfr', '𝔫'), ('ngE', '≧̸'), ('nge', '≱'), ('ngeq', '≱'), ('ngeqq', '≧̸'),
    ('ngeqslant', '⩾̸'), ('nges', '⩾̸'), ('ngsim', '≵'), ('ngt', '≯'), ('ngtr', '≯'), ('nhArr', '⇎'),
    ('nharr', '↮'), ('nhpar', '⫲'), ('ni', '∋'), ('nis', '⋼'), ('nisd', '⋺'), ('niv', '∋'),
    ('njcy', 'њ'), ('nlArr', '⇍'), ('nlE', '≦̸'), ('nlarr', '↚'), ('nldr', '‥'), ('nle', '≰'),
    ('nleftarrow', '↚'), ('nleftrightarrow', '↮'), ('nleq', '≰'), ('nleqq', '≦̸'), ('nleqslant', '⩽̸'), ('nles', '⩽̸'),
    ('nless', '≮'), ('nlsim', '≴'), ('nlt', '≮'), ('nltri', '⋪'), ('nltrie', '⋬'), ('nmid', '∤'),
    ('nopf', '𝕟'), ('not', '¬'), ('notin', '∉'), ('notinE', '⋹̸'), ('notindot', '⋵̸'), ('notinva', '∉'),
    ('notinvb', '⋷'), ('notinvc', '⋶'), ('notni', '∌'), ('notniva', '∌'), ('notnivb', '⋾'), ('notnivc', '⋽'),
    ('npar', '∦'), ('nparallel', '∦'), ('nparsl', '⫽⃥'), ('npart', '∂̸'), ('npolint', '⨔'), ('npr', '⊀'),
    ('nprcue', '⋠'), ('npre', '⪯̸'), ('nprec', '⊀'), ('npreceq', '⪯̸'), ('nrArr', '⇏'), ('nrarr', '↛'),
    ('nrarrc', '⤳̸'), ('nrarrw', '↝̸'), ('nrightarrow', '↛'), ('nrtri', '⋫'), ('nrtrie', '⋭'), ('nsc', '⊁'),
    ('nsccue', '⋡'), ('nsce', '⪰̸'), ('nscr', '𝓃'), ('nshortmid', '∤'), ('nshortparallel', '∦'), ('nsim', '≁'),
    ('nsime', '≄'), ('nsimeq', '≄'), ('nsmid', '∤'), ('nspar', '∦'), ('nsqsube', '⋢'), ('nsqsupe', '⋣'),
    ('nsub', '⊄'), ('nsubE', '⫅̸'), ('nsube', '⊈'), ('nsubset', '⊂⃒'), ('nsubseteq', '⊈'), ('nsubseteqq', '⫅̸'),
    ('nsucc', '⊁'), ('nsucceq', '⪰̸'), ('nsup', '⊅'), ('nsupE', '⫆̸'), ('nsupe', '⊉'), ('nsupset', '⊃⃒'),
    ('nsupseteq', '⊉'), ('nsupseteqq', '⫆̸'), ('ntgl', '≹'), ('ntilde', 'ñ'), ('ntlg', '≸'), ('ntriangleleft', '⋪'),
    ('ntrianglelefteq', '⋬'), ('ntriangleright', '⋫'), ('ntrianglerighteq', '⋭'), ('nu', 'ν'), ('num', '#'), ('numero', '№'),
    ('numsp', ' '), ('nvDash', '⊭'), ('nvHarr', '⤄'), ('nvap', '≍⃒'), ('nvdash', '⊬'), ('nvge', '≥⃒'),
    ('nvgt', '>⃒'), ('nvinfin', '⧞'), ('nvlArr', '⤂'), ('nvle', '≤⃒'), ('nvlt', '<⃒'), ('nvltrie', '⊴⃒'),
    ('nvrArr', '⤃'), ('nvrtrie', '⊵⃒'), ('nvsim', '∼⃒'), ('nwArr', '⇖'), ('nwarhk', '⤣'), ('nwarr', '↖'),
    ('nwarrow', '↖'), ('nwnear', '⤧'), ('oS', 'Ⓢ'), ('oacute', 'ó'), ('oast', '⊛'), ('ocir', '⊚'),
    ('ocirc', 'ô'), ('ocy', 'о'), ('odash', '⊝'), ('odblac', 'ő'), ('odiv', '⨸'), ('odot', '⊙'),
    ('odsold', '⦼'), ('oelig', 'œ'), ('ofcir', '⦿'), ('ofr', '𝔬'), ('ogon', '˛'), ('ograve', 'ò'),
    ('ogt', '⧁'), ('ohbar', '⦵'), ('ohm', 'Ω'), ('oint', '∮'), ('olarr', '↺'), ('olcir', '⦾'),
    ('olcross', '⦻'), ('oline', '‾'), ('olt', '⧀'), ('omacr', 'ō'), ('omega', 'ω'), ('omicron', 'ο'),
    ('omid', '⦶'), ('ominus', '⊖'), ('oopf', '𝕠'), ('opar', '⦷'), ('operp', '⦹'), ('oplus', '⊕'),
    ('or', '∨'), ('orarr', '↻'), ('ord', '⩝'), ('order', 'ℴ'), ('orderof', 'ℴ'), ('ordf', 'ª'),
    ('ordm', 'º'), ('origof', '⊶'), ('oror', '⩖'), ('orslope', '⩗'), ('orv', '⩛'), ('oscr', 'ℴ'),
    ('oslash', 'ø'), ('osol', '⊘'), ('otilde', 'õ'), ('otimes', '⊗'), ('otimesas', '⨶'), ('ouml', 'ö'),
    ('ovbar', '⌽'), ('par', '∥'), ('para', '¶'), ('parallel', '∥'), ('parsim', '⫳'), ('parsl', '⫽'),
    ('part', '∂'), ('pcy', 'п'), ('percnt', '%'), ('period', '.'), ('permil', '‰'), ('perp', '⊥'),
    ('pertenk', '‱'), ('pfr', '𝔭'), ('phi', 'φ'), ('phiv', 'ϕ'), ('phmmat', 'ℳ'), ('phone', '☎'),
    ('pi', 'π'), ('pitchfork', '⋔'), ('piv', 'ϖ'), ('planck', 'ℏ'), ('planckh', 'ℎ'), ('plankv', 'ℏ'),
    ('plus', '+'), ('plusacir', '⨣'), ('plusb', '⊞'), ('pluscir', '⨢'), ('plusdo', '∔'), ('plusdu', '⨥'),
    ('pluse', '⩲'), ('plusmn', '±'), ('plussim', '⨦'), ('plustwo', '⨧'), ('pm', '±'), ('pointint', '⨕'),
    ('popf', '𝕡'), ('pound', '£'), ('pr', '≺'), ('prE', '⪳'), ('prap', '⪷'), ('prcue', '≼'),
    ('pre', '⪯'), ('prec', '≺'), ('precapprox', '⪷'), ('preccurlyeq', '≼'), ('preceq', '⪯'), ('precnapprox', '⪹'),
    ('precneqq', '⪵'), ('precnsim', '⋨'), ('precsim', '≾'), ('prime', '′'), ('primes', 'ℙ'), ('prnE', '⪵'),
    ('prnap', '⪹'), ('prnsim', '⋨'), ('prod', '∏'), ('profalar', '⌮'), ('profline', '⌒'), ('profsurf', '⌓'),
    ('prop', '∝'), ('propto', '∝'), ('prsim', '≾'), ('prurel', '⊰'), ('pscr', '𝓅'), ('psi', 'ψ'),
    ('puncsp', ' '), ('qfr', '𝔮'), ('qint', '⨌'), ('qopf', '𝕢'), ('qprime', '⁗'), ('qscr', '𝓆'),
    ('quaternions', 'ℍ'), ('quatint', '⨖'), ('quest', '?'), ('questeq', '≟'), ('quot', '"'), ('rAarr', '⇛'),
    ('rArr', '⇒'), ('rAtail', '⤜'), ('rBarr', '⤏'), ('rHar', '⥤'), ('race', '∽̱'), ('racute', 'ŕ'),
    ('radic', '√'), ('raemptyv', '⦳'), ('rang', '⟩'), ('rangd', '⦒'), ('range', '⦥'), ('rangle', '⟩'),
    ('raquo', '»'), ('rarr', '→'), ('rarrap', '⥵'), ('rarrb', '⇥'), ('rarrbfs', '⤠'), ('rarrc', '⤳'),
    ('rarrfs', '⤞'), ('rarrhk', '↪'), ('rarrlp', '↬'), ('rarrpl', '⥅'), ('rarrsim', '⥴'), ('rarrtl', '↣'),
    ('rarrw', '↝'), ('ratail', '⤚'), ('ratio', '∶'), ('rationals', 'ℚ'), ('rbarr', '⤍'), ('rbbrk', '❳'),
    ('rbrace', '}'), ('rbrack', ']'), ('rbrke', '⦌'), ('rbrksld', '⦎'), ('rbrkslu', '⦐'), ('rcaron', 'ř'),
    ('rcedil', 'ŗ'), ('rceil', '⌉'), ('rcub', '}'), ('rcy', 'р'), ('rdca', '⤷'), ('rdldhar', '⥩'),
    ('rdquo', '”'), ('rdquor', '”'), ('rdsh', '↳'), ('real', 'ℜ'), ('realine', 'ℛ'), ('realpart', 'ℜ'),
    ('reals', 'ℝ'), ('rect', '▭'), ('reg', '®'), ('rfisht', '⥽'), ('rfloor', '⌋'), ('rfr', '𝔯'),
    ('rhard', '⇁'), ('rharu', '⇀'), ('rharul', '⥬'), ('rho', 'ρ'), ('rhov', 'ϱ'), ('rightarrow', '→'),
    ('rightarrowtail', '↣'), ('rightharpoondown', '⇁'), ('rightharpoonup', '⇀'), ('rightleftarrows', '⇄'), ('rightleftharpoons', '⇌'), ('rightrightarrows', '⇉'),
    ('rightsquigarrow', '↝'), ('rightthreetimes', '⋌'), ('ring', '˚'), ('risingdotseq', '≓'), ('rlarr', '⇄'), ('rlhar', '⇌'),
    ('rlm', '‏'), ('rmoust', '⎱'), ('rmoustache', '⎱'), ('rnmid', '⫮'), ('roang', '⟭'), ('roarr', '⇾'),
    ('robrk', '⟧'), ('ropar', '⦆'), ('ropf', '𝕣'), ('roplus', '⨮'), ('rotimes', '⨵'), ('rpar', ')'),
    ('rpargt', '⦔'), ('rppolint', '⨒'), ('rrarr', '⇉'), ('rsaquo', '›'), ('rscr', '𝓇'), ('rsh', '↱'),
    ('rsqb', ']'), ('rsquo', '’'), ('rsquor', '’'), ('rthree', '⋌'), ('rtimes', '⋊'), ('rtri', '▹'),
    ('rtrie', '⊵'), ('rtrif', '▸'), ('rtriltri', '⧎'), ('ruluhar', '⥨'), ('rx', '℞'), ('sacute', 'ś'),
    ('sbquo', '‚'), ('sc', '≻'), ('scE', '⪴'), ('scap', '⪸'), ('scaron', 'š'), ('sccue', '≽'),
    ('sce', '⪰'), ('scedil', 'ş'), ('scirc', 'ŝ'), ('scnE', '⪶'), ('scnap', '⪺'), ('scnsim', '⋩'),
    ('scpolint', '⨓'), ('scsim', '≿'), ('scy', 'с'), ('sdot', '⋅'), ('sdotb', '⊡'), ('sdote', '⩦'),
    ('seArr', '⇘'), ('searhk', '⤥'), ('searr', '↘'), ('searrow', '↘'), ('sect', '§'), ('semi', ';'),
    ('seswar', '⤩'), ('setminus', '∖'), ('setmn', '∖'), ('sext', '✶'), ('sfr', '𝔰'), ('sfrown', '⌢'),
    ('sharp', '♯'), ('shchcy', 'щ'), ('shcy', 'ш'), ('shortmid', '∣'), ('shortparallel', '∥'), ('shy', '­'),
    ('sigma', 'σ'), ('sigmaf', 'ς'), ('sigmav', 'ς'), ('sim', '∼'), ('simdot', '⩪'), ('sime', '≃'),
    ('simeq', '≃'), ('simg', '⪞'), ('simgE', '⪠'), ('siml', '⪝'), ('simlE', '⪟'), ('simne', '≆'),
    ('simplus', '⨤'), ('simrarr', '⥲'), ('slarr', '←'), ('smallsetminus', '∖'), ('smashp', '⨳'), ('smeparsl', '⧤'),
    ('smid', '∣'), ('smile', '⌣'), ('smt', '⪪'), ('smte', '⪬'), ('smtes', '⪬︀'), ('softcy', 'ь'),
    ('sol', '/'), ('solb', '⧄'), ('solbar', '⌿'), ('sopf', '𝕤'), ('spades', '♠'), ('spadesuit', '♠'),
    ('spar', '∥'), ('sqcap', '⊓'), ('sqcaps', '⊓︀'), ('sqcup', '⊔'), ('sqcups', '⊔︀'), ('sqsub', '⊏'),
    ('sqsube', '⊑'), ('sqsubset', '⊏'), ('sqsubseteq', '⊑'), ('sqsup', '⊐'), ('sqsupe', '⊒'), ('sqsupset', '⊐'),
    ('sqsupseteq', '⊒'), ('squ', '□'), ('square', '□'), ('squarf', '▪'), ('squf', '▪'), ('srarr', '→'),
    ('sscr', '𝓈'), ('ssetmn', '∖'), ('ssmile', '⌣'), ('sstarf', '⋆'), ('star', '☆'), ('starf', '★'),
    ('straightepsilon', 'ϵ'), ('straightphi', 'ϕ'), ('strns', '¯'), ('sub', '⊂'), ('subE', '⫅'), ('subdot', '⪽'),
    ('sube', '⊆'), ('subedot', '⫃'), ('submult', '⫁'), ('subnE', '⫋'), ('subne', '⊊'), ('subplus', '⪿'),
    ('subrarr', '⥹'), ('subset', '⊂'), ('subseteq', '⊆'), ('subseteqq', '⫅'), ('subsetneq', '⊊'), ('subsetneqq', '⫋'),
    ('subsim', '⫇'), ('subsub', '⫕'), ('subsup', '⫓'), ('succ', '≻'), ('succapprox', '⪸'), ('succcurlyeq', '≽'),
    ('succeq', '⪰'), ('succnapprox', '⪺'), ('succneqq', '⪶'), ('succnsim', '⋩'), ('succsim', '≿'), ('sum', '∑'),
    ('sung', '♪'), ('sup1', '¹'), ('sup2', '²'), ('sup3', '³'), ('sup', '⊃'), ('supE', '⫆'),
    ('supdot', '⪾'), ('supdsub', '⫘'), ('supe', '⊇'), ('supedot', '⫄'), ('suphsol', '⟉'), ('suphsub', '⫗'),
    ('suplarr', '⥻'), ('supmult', '⫂'), ('supnE', '⫌'), ('supne', '⊋'), ('supplus', '⫀'), ('supset', '⊃'),
    ('supseteq', '⊇'), ('supseteqq', '⫆'), ('supsetneq', '⊋'), ('supsetneqq', '⫌'), ('supsim', '⫈'), ('supsub', '⫔'),
    ('supsup', '⫖'), ('swArr', '⇙'), ('swarhk', '⤦'), ('swarr', '↙'), ('swarrow', '↙'), ('swnwar', '⤪'),
    ('szlig', 'ß'), ('target', '⌖'), ('tau', 'τ'), ('tbrk', '⎴'), ('tcaron', 'ť'), ('tcedil', 'ţ'),
    ('tcy', 'т'), ('tdot', '⃛'), ('telrec', '⌕'), ('tfr', '𝔱'), ('there4', '∴'), ('therefore', '∴'),
    ('theta', 'θ'), ('thetasym', 'ϑ'), ('thetav', 'ϑ'), ('thickapprox', '≈'), ('thicksim', '∼'), ('thinsp', ' '),
    ('thkap', '≈'), ('thksim', '∼'), ('thorn', 'þ'), ('tilde', '˜'), ('times', '×'), ('timesb', '⊠'),
    ('timesbar', '⨱'), ('timesd', '⨰'), ('tint', '∭'), ('toea', '⤨'), ('top', '⊤'), ('topbot', '⌶'),
    ('topcir', '⫱'), ('topf', '𝕥'), ('topfork', '⫚'), ('tosa', '⤩'), ('tprime', '‴'), ('trade', '™'),
    ('triangle', '▵'), ('triangledown', '▿'), ('triangleleft', '◃'), ('trianglelefteq', '⊴'), ('triangleq', '≜'), ('triangleright', '▹'),
    ('trianglerighteq', '⊵'), ('tridot', '◬'), ('trie', '≜'), ('triminus', '⨺'), ('triplus', '⨹'), ('trisb', '⧍'),
    ('tritime', '⨻'), ('trpezium', '⏢'), ('tscr', '𝓉'), ('tscy', 'ц'), ('tshcy', 'ћ'), ('tstrok', 'ŧ'),
    ('twixt', '≬'), ('twoheadleftarrow', '↞'), ('twoheadrightarrow', '↠'), ('uArr', '⇑'), ('uHar', '⥣'), ('uacute', 'ú'),
    ('uarr', '↑'), ('ubrcy', 'ў'), ('ubreve', 'ŭ'), ('ucirc', 'û'), ('ucy', 'у'), ('udarr', '⇅'),
    ('udblac', 'ű'), ('udhar', '⥮'), ('ufisht', '⥾'), ('ufr', '𝔲'), ('ugrave', 'ù'), ('uharl', '↿'),
    ('uharr', '↾'), ('uhblk', '▀'), ('ulcorn', '⌜'), ('ulcorner', '⌜'), ('ulcrop', '⌏'), ('ultri', '◸'),
    ('umacr', 'ū'), ('uml', '¨'), ('uogon', 'ų'), ('uopf', '𝕦'), ('uparrow', '↑'), ('updownarrow', '↕'),
    ('upharpoonleft', '↿'), ('upharpoonright', '↾'), ('uplus', '⊎'), ('upsi', 'υ'), ('upsih', 'ϒ'), ('upsilon', 'υ'),
    ('upuparrows', '⇈'), ('urcorn', '⌝'), ('urcorner', '⌝'), ('urcrop', '⌎'), ('uring', 'ů'), ('urtri', '◹'),
    ('uscr', '𝓊'), ('utdot', '⋰'), ('utilde', 'ũ'), ('utri', '▵'), ('utrif', '▴'), ('uuarr', '⇈'),
    ('uuml', 'ü'), ('uwangle', '⦧'), ('vArr', '⇕'), ('vBar', '⫨'), ('vBarv', '⫩'), ('vDash', '⊨'),
    ('vangrt', '⦜'), ('varepsilon', 'ϵ'), ('varkappa', 'ϰ'), ('varnothing', '∅'), ('varphi', 'ϕ'), ('varpi', 'ϖ'),
    ('varpropto', '∝'), ('varr', '↕'), ('varrho', 'ϱ'), ('varsigma', 'ς'), ('varsubsetneq', '⊊︀'), ('varsubsetneqq', '⫋︀'),
    ('varsupsetneq', '⊋︀'), ('varsupsetneqq', '⫌︀'), ('vartheta', 'ϑ'), ('vartriangleleft', '⊲'), ('vartriangleright', '⊳'), ('vcy', 'в'),
    ('vdash', '⊢'), ('vee', '∨'), ('veebar', '⊻'), ('veeeq', '≚'), ('vellip', '⋮'), ('verbar', '|'),
    ('vert', '|'), ('vfr', '𝔳'), ('vltri', '⊲'), ('vnsub', '⊂⃒'), ('vnsup', '⊃⃒'), ('vopf', '𝕧'),
    ('vprop', '∝'), ('vrtri', '⊳'), ('vscr', '𝓋'), ('vsubnE', '⫋︀'), ('vsubne', '⊊︀'), ('vsupnE', '⫌︀'),
    ('vsupne', '⊋︀'), ('vzigzag', '⦚'), ('wcirc', 'ŵ'), ('wedbar', '⩟'), ('wedge', '∧'), ('wedgeq', '≙'),
    ('weierp', '℘'), ('wfr', '𝔴'), ('wopf', '𝕨'), ('wp', '℘'), ('wr', '≀'), ('wreath', '≀'),
    ('wscr', '𝓌'), ('xcap', '⋂'), ('xcirc', '◯'), ('xcup', '⋃'), ('xdtri', '▽'), ('xfr', '𝔵'),
    ('xhArr', '⟺'), ('xharr', '⟷'), ('xi', 'ξ'), ('xlArr', '⟸'), ('xlarr', '⟵'), ('xmap', '⟼'),
    ('xnis', '⋻'), ('xodot', '⨀'), ('xopf', '𝕩'), ('xoplus', '⨁'), ('xotime', '⨂'), ('xrArr', '⟹'),
    ('xrarr', '⟶'), ('xscr', '𝓍'), ('xsqcup', '⨆'), ('xuplus', '⨄'), ('xutri', '△'), ('xvee', '⋁'),
    ('xwedge', '⋀'), ('yacute', 'ý'), ('yacy', 'я'), ('ycirc', 'ŷ'), ('ycy', 'ы'), ('yen', '¥'),
    ('yfr', '𝔶'), ('yicy', 'ї'), ('yopf', '𝕪'), ('yscr', '𝓎'), ('yucy', 'ю'), ('yuml', 'ÿ'),
    ('zacute', 'ź'), ('zcaron', 'ž'), ('zcy', 'з'), ('zdot', 'ż'), ('zeetrf', 'ℨ'), ('zeta', 'ζ'),
    ('zfr', '𝔷'), ('zhcy', 'ж'), ('zigrarr', '⇝'), ('zopf', '𝕫'), ('zscr', '𝓏'), ('zwj', '‍'),
    ('zwnj', '‌');

-- html.sql

-- HTML in texts: platforms send '&amp;' for '&', and some '&#39;' for an apostrophe.

-- code_point: what a numeric reference means (HTML 5, 13.2.5.80): the numbers 128 to 159 are Windows-1252, what can
-- be no character is the replacement character, what should be none is left out. `p_digits` as decimal or hexadecimal.
create or replace function private.code_point(p_digits text, p_is_hex boolean) returns text
language plpgsql immutable strict set search_path = '' as $$
declare digits text := ltrim(p_digits, '0'); code int;
        windows_1252 constant int[] := array[8364, 129, 8218, 402, 8222, 8230, 8224, 8225, 710, 8240, 352, 8249, 338, 141,
            381, 143, 144, 8216, 8217, 8220, 8221, 8226, 8211, 8212, 732, 8482, 353, 8250, 339, 157, 382, 376];
begin
    code := case when length(digits) > 7 then 1114112
                 when p_is_hex then ('x' || lpad(digits, 8, '0'))::bit(32)::int
                 else ('0' || digits)::int end;
    return case
        when code = 0 or code between 55296 and 57343 or code > 1114111 then chr(65533)
        when code between 128 and 159 then chr(windows_1252[code - 127])
        when code between 1 and 8 or code = 11 or code between 14 and 31 or code = 127
          or code between 64976 and 65007 or code & 65534 = 65534 then ''
        else chr(code) end;
end $$;

-- decode_rare_html: the long way, entity by entity.
create or replace function private.decode_rare_html(p_text text) returns text
language sql stable strict set search_path = '' as $$
    select string_agg(case
        when m[1] ~ '^&#[0-9]' then private.code_point(substr(m[1], 3, length(m[1]) - 3), false)
        when m[1] ~ '^&#[xX]' then private.code_point(substr(m[1], 4, length(m[1]) - 4), true)
        when m[1] ~ '^&.+;$' then coalesce(
            (select e.text from private.html_entities as e where e.name = substr(m[1], 2, length(m[1]) - 2)), m[1])
        else m[1] end, '' order by ord)
    from regexp_matches(p_text, '([^&]+|&(?:#[0-9]+|#[xX][0-9a-fA-F]+|[A-Za-z][A-Za-z0-9]{1,31});|&)', 'g')
         with ordinality as t(m, ord);
$$;

-- decode_html: one pass, so that '&amp;#39;' becomes '&#39;' and not an apostrophe. Unknown entities stay, and so does
-- a name without its semicolon: '&copy=1' in a link is no copyright sign. Most texts have no entity, and nearly all
-- others the usual five alone. Both stand in a function of SQL without settings of its own, which the planner puts into
-- the mapping itself: a call costs more than all the replacing. The ampersand comes last, so that '&amp;lt;' becomes
-- '&lt;'.
create or replace function private.decode_html(p_text text) returns text
language sql stable as $$
    select case
        when strpos(p_text, '&') = 0 then p_text
        when strpos(replace(replace(replace(replace(replace(p_text, '&#39;', ''''), '&quot;', '"'), '&lt;', '<'),
                                    '&gt;', '>'), '&amp;', ''), '&') = 0
        then replace(replace(replace(replace(replace(p_text, '&#39;', ''''), '&quot;', '"'), '&lt;', '<'),
                             '&gt;', '>'), '&amp;', '&')
        else private.decode_rare_html(p_text) end;
$$;

-- conversions.sql

-- Conversions: the named ways from a JSON value to a typed column. A value that is not what it should be raises PT422 or a
-- data exception, and its record is rejected with that reason.
--
-- The usual case of each is a function of SQL without settings of its own: the planner puts it into the mapping itself, so
-- that it costs no call (docs/decisions/023). None may be strict, or be declared stabler than what it holds: it would be
-- called instead. What is named `_exact`, `bad_` or `wrong_` is called for the unusual case.

-- wrong_type: refuse a value that is not of the type it should be.
create or replace function private.wrong_type(p_value jsonb, p_path text, p_wanted text) returns text
language plpgsql immutable set search_path = '' as $$
begin
    if p_value is null or p_value = 'null' then
        return null;
    end if;
    raise exception using errcode = 'PT422', message = format('%s: %s where %s is due', p_path,
        jsonb_typeof(p_value), p_wanted);
end $$;

-- text_in: the text of a member that is a string or a number; null is null, all else an error.
create or replace function private.text_in(p_of jsonb, p_name text, p_path text) returns text
language sql immutable as $$
    select case jsonb_typeof(p_of -> p_name)
        when 'string' then p_of ->> p_name when 'number' then p_of ->> p_name when 'null' then null
        else private.wrong_type(p_of -> p_name, p_path, 'text') end;
$$;

-- string_in: the text of a member that is a string.
create or replace function private.string_in(p_of jsonb, p_name text, p_path text, p_wanted text) returns text
language sql immutable as $$
    select case jsonb_typeof(p_of -> p_name) when 'string' then p_of ->> p_name when 'null' then null
        else private.wrong_type(p_of -> p_name, p_path, p_wanted) end;
$$;

-- bad_epoch: times are whole Unix seconds. A number of milliseconds lies beyond the year 9999 and comes here.
create or replace function private.bad_epoch(p_seconds bigint) returns timestamptz
language plpgsql immutable strict set search_path = '' as $$
begin
    raise exception using errcode = 'PT422', message = format('%s is no time in Unix seconds', p_seconds);
end $$;

-- epoch: whole Unix seconds, up to the end of the year 9999.
create or replace function private.epoch(p_seconds bigint) returns timestamptz
language sql immutable as $$
    select case when p_seconds between 0 and 253402300799 then to_timestamp(p_seconds) else private.bad_epoch(p_seconds) end;
$$;

-- bad_time: refuse a text that is no ISO 8601 time.
create or replace function private.bad_time(p_value text, p_path text) returns timestamptz
language plpgsql immutable set search_path = '' as $$
begin
    raise exception using errcode = 'PT422', message = format('%s: %s is no time with its offset', p_path, p_value);
end $$;

-- moment: ISO 8601 with its offset, a T or a space before the hour. Words that Postgres would take for a time ("now",
-- "infinity"), and times without an offset, are none.
create or replace function private.moment(p_value text, p_path text) returns timestamptz
language sql stable as $$
    select case when p_value ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$' then p_value::timestamptz
                when p_value is not null then private.bad_time(p_value, p_path) end;
$$;

-- bad_gid: refuse a text that is no global id of GraphQL.
create or replace function private.bad_gid(p_value text, p_path text) returns text
language plpgsql immutable set search_path = '' as $$
begin
    raise exception using errcode = 'PT422', message = format('%s: %s is no GraphQL id', p_path, p_value);
end $$;

-- gid_tail: what a GraphQL id ends with: gid://shopify/Order/1 is 1; null where it is no such id.
create or replace function private.gid_tail(p_value text) returns text
language sql immutable as $$
    select substring(p_value from '^gid://[^/]+/[^/]+/([^/?]+)');
$$;

-- gid: what a GraphQL id ends with; what is no such id is an error.
create or replace function private.gid(p_value text, p_path text) returns text
language sql immutable as $$
    select case when p_value is not null then coalesce(private.gid_tail(p_value), private.bad_gid(p_value, p_path)) end;
$$;

-- minor_units: a fraction of whole numbers as a whole number of the currency's smallest unit, or an error. Never a
-- float, never rounded: `numeric` divides large numbers inexactly, so nothing is divided before it is known to go.
create or replace function private.minor_units(p_value numeric, p_divisor numeric, p_currency text, p_path text)
returns bigint
language plpgsql stable set search_path = '' as $$
declare digits int; units numeric;
begin
    if p_value is null then
        return null;
    end if;
    select c.digits into digits from private.currencies as c where c.code = p_currency;
    if not found then
        raise exception using errcode = 'PT422', message = format('%s: unknown currency %s', p_path, p_currency);
    end if;
    if p_value in ('NaN', 'Infinity', '-Infinity') then
        raise exception using errcode = 'PT422', message = format('%s: %s is no money', p_path, p_value);
    end if;
    units := p_value * (10 ^ digits)::int;
    if mod(units, p_divisor) <> 0 then
        raise exception using errcode = 'PT422', message = format('%s: %s %s is no whole number of its smallest unit',
            p_path, trim_scale(p_value / p_divisor), p_currency);
    end if;
    return div(units, p_divisor)::bigint;
end $$;

-- money_exact: {amount, divisor, currency_code}, where the divisor is not the currency's own. The fast path, divisor
-- as expected, stands in the generated mapping.
create or replace function private.money_exact(p_money jsonb, p_currency text, p_path text) returns bigint
language plpgsql stable set search_path = '' as $$
begin
    if p_money is null or p_money = 'null' then
        return null;
    end if;
    if jsonb_typeof(p_money) <> 'object' then
        perform private.wrong_type(p_money, p_path, 'money');
    end if;
    if (p_money ->> 'currency_code') is distinct from p_currency then
        raise exception using errcode = 'PT422', message = format('%s is in %s, the record in %s', p_path,
            coalesce(p_money ->> 'currency_code', 'no currency'), coalesce(p_currency, 'none'));
    end if;
    if coalesce(p_money ->> 'amount', '') = '' or coalesce(p_money ->> 'divisor', '') !~ '^[1-9][0-9]{0,17}$' then
        raise exception using errcode = 'PT422', message = format('%s: %s is no money', p_path, p_money);
    end if;
    return private.minor_units((p_money ->> 'amount')::bigint, (p_money ->> 'divisor')::bigint, p_currency, p_path);
end $$;

-- money: {amount, divisor, currency_code} in the record's currency, with that currency's own divisor.
create or replace function private.money(p_money jsonb, c private.currencies, p_currency text, p_path text) returns bigint
language sql stable as $$
    select case when p_money ->> 'currency_code' = (c).code and p_money ->> 'divisor' = (c).divisor
        then coalesce((p_money ->> 'amount')::bigint, private.money_exact(p_money, p_currency, p_path))
        when jsonb_typeof(p_money) = 'null' then null else private.money_exact(p_money, p_currency, p_path) end;
$$;

-- major_exact: a decimal in major units. JSON floats carry noise far below the smallest unit (3.8000000000000003):
-- noise is cut, a real fraction is an error.
create or replace function private.major_exact(p_value numeric, p_currency text, p_path text) returns bigint
language plpgsql stable set search_path = '' as $$
declare rounded numeric := round(p_value, 6);
begin
    if abs(rounded - p_value) > 0.0000001 then
        rounded := p_value;
    end if;
    return private.minor_units(rounded, 1, p_currency, p_path);
end $$;

-- major: a decimal in major units without a fraction of the smallest one.
create or replace function private.major(p_value numeric, c private.currencies, p_currency text, p_path text) returns bigint
language sql stable as $$
    select case when p_value * (c).scale = trunc(p_value * (c).scale) then (p_value * (c).scale)::bigint
        else private.major_exact(p_value, p_currency, p_path) end;
$$;

-- hundredths_exact: a bare integer that counts 1/100 of the currency, whatever its own smallest unit is.
create or replace function private.hundredths_exact(p_value bigint, p_currency text, p_path text) returns bigint
language sql stable set search_path = '' as $$
    select private.minor_units(p_value, 100, p_currency, p_path);
$$;

-- hundredths: a bare integer that counts 1/100 of a currency, where that is its smallest unit.
create or replace function private.hundredths(p_value bigint, c private.currencies, p_currency text, p_path text) returns bigint
language sql stable as $$
    select case when (c).digits = 2 then p_value else private.hundredths_exact(p_value, p_currency, p_path) end;
$$;

-- decimal_money_exact: {amount, currencyCode} whose amount is text in major units ("55.0"), of another currency than
-- the record's or with more digits than the currency has.
create or replace function private.decimal_money_exact(p_money jsonb, p_currency text, p_path text) returns bigint
language plpgsql stable set search_path = '' as $$
begin
    if p_money is null or p_money = 'null' then
        return null;
    end if;
    if jsonb_typeof(p_money) <> 'object' then
        perform private.wrong_type(p_money, p_path, 'money');
    end if;
    if coalesce(p_money ->> 'currencyCode', p_currency) is distinct from p_currency then
        raise exception using errcode = 'PT422', message = format('%s is in %s, the record in %s', p_path,
            p_money ->> 'currencyCode', coalesce(p_currency, 'none'));
    end if;
    if coalesce(p_money ->> 'amount', '') !~ '^-?\d{1,18}(\.\d{1,18})?$' then
        raise exception using errcode = 'PT422', message = format('%s: %s is no money', p_path, p_money);
    end if;
    return private.minor_units((p_money ->> 'amount')::numeric, 1, p_currency, p_path);
end $$;

-- decimal_money: {amount: "55.0", currencyCode} in the record's currency, which is meant where none is named.
create or replace function private.decimal_money(p_money jsonb, c private.currencies, p_currency text, p_path text) returns bigint
language sql stable as $$
    select case when p_money is null or jsonb_typeof(p_money) = 'null' then null
        when coalesce(p_money ->> 'currencyCode', (c).code) = (c).code
         and (p_money ->> 'amount')::numeric * (c).scale = trunc((p_money ->> 'amount')::numeric * (c).scale)
        then ((p_money ->> 'amount')::numeric * (c).scale)::bigint
        else private.decimal_money_exact(p_money, p_currency, p_path) end;
$$;

-- own_money: the same in a currency of its own.
create or replace function private.own_money(p_money jsonb, p_path text) returns bigint
language sql stable as $$
    select private.decimal_money_exact(p_money, coalesce(p_money ->> 'currencyCode', p_money ->> 'currency_code'), p_path);
$$;

-- joined_texts: a list of texts as one, ', ' between them.
create or replace function private.joined_texts(p_value jsonb, p_path text) returns text
language plpgsql immutable set search_path = '' as $$
begin
    if p_value is null or p_value = 'null' then
        return null;
    end if;
    if jsonb_typeof(p_value) <> 'array' then
        perform private.wrong_type(p_value, p_path, 'a list of texts');
    end if;
    return (select string_agg(t, ', ' order by ord) from jsonb_array_elements_text(p_value) with ordinality as e(t, ord));
end $$;
