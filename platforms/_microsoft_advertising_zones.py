"""Microsoft Advertising's time zones: its own names, and the IANA zones that they stand for.

https://learn.microsoft.com/advertising/guides/time-zones gives each name's offset. Where a place of the name has left
that offset since, the zone here is one that has kept it.
"""

_ZONES = """
AbuDhabiMuscat Asia/Dubai
Adelaide Australia/Adelaide
Alaska America/Anchorage
AlmatyNovosibirsk Asia/Novosibirsk
AmsterdamBerlinBernRomeStockholmVienna Europe/Berlin
Arizona America/Phoenix
AstanaDhaka Asia/Dhaka
AthensBuckarestIstanbul Europe/Athens
AtlanticTimeCanada America/Halifax
AucklandWellington Pacific/Auckland
Azores Atlantic/Azores
Baghdad Asia/Baghdad
BakuTbilisiYerevan Asia/Baku
BangkokHanoiJakarta Asia/Bangkok
BeijingChongqingHongKongUrumqi Asia/Shanghai
BelgradeBratislavaBudapestLjubljanaPrague Europe/Budapest
BogotaLimaQuito America/Bogota
Brasilia America/Sao_Paulo
Brisbane Australia/Brisbane
BrusselsCopenhagenMadridParis Europe/Paris
Bucharest Europe/Bucharest
BuenosAiresGeorgetown America/Argentina/Buenos_Aires
Cairo Africa/Cairo
CanberraMelbourneSydney Australia/Sydney
CapeVerdeIsland Atlantic/Cape_Verde
CaracasLaPaz America/Caracas
CasablancaMonrovia Africa/Monrovia
CentralAmerica America/Guatemala
CentralTimeUSCanada America/Chicago
ChennaiKolkataMumbaiNewDelhi Asia/Kolkata
ChihuahuaLaPazMazatlan America/Mazatlan
Darwin Australia/Darwin
EasternTimeUSCanada America/New_York
Ekaterinburg Asia/Yekaterinburg
FijiKamchatkaMarshallIsland Pacific/Fiji
Greenland America/Nuuk
GreenwichMeanTimeDublinEdinburghLisbonLondon Europe/London
GuadalajaraMexicoCityMonterrey America/Mexico_City
GuamPortMoresby Pacific/Port_Moresby
HararePretoria Africa/Harare
Hawaii Pacific/Honolulu
HelsinkiKyivRigaSofiaTallinnVilnius Europe/Kyiv
Hobart Australia/Hobart
IndianaEast America/Indiana/Indianapolis
InternationalDateLineWest Etc/GMT+12
IrkutskUlaanBataar Asia/Irkutsk
IslamabadKarachiTashkent Asia/Tashkent
Jerusalem Asia/Jerusalem
Kabul Asia/Kabul
Kathmandu Asia/Kathmandu
Krasnoyarsk Asia/Krasnoyarsk
KualaLumpurSingapore Asia/Singapore
KuwaitRiyadh Asia/Riyadh
MidAtlantic America/Noronha
MidwayIslandAndSamoa Pacific/Pago_Pago
MoscowStPetersburgVolgograd Europe/Moscow
MountainTimeUSCanada America/Denver
Nairobi Africa/Nairobi
Newfoundland America/St_Johns
Nukualofa Pacific/Tongatapu
OsakaSapporoTokyo Asia/Tokyo
PacificTimeUSCanadaTijuana America/Los_Angeles
Perth Australia/Perth
Rangoon Asia/Yangon
Santiago America/Santiago
SarajevoSkopjeWarsawZagreb Europe/Warsaw
Saskatchewan America/Regina
Seoul Asia/Seoul
SolomonIslandNewCaledonia Pacific/Guadalcanal
SriJayawardenepura Asia/Colombo
Taipei Asia/Taipei
Tehran Asia/Tehran
Vladivostok Asia/Vladivostok
WestCentralAfrica Africa/Lagos
Yakutsk Asia/Yakutsk
"""
BY_NAME = dict(line.split() for line in _ZONES.split("\n") if line)
# The reporting service spells these in its own way.
_IN_REPORTS = {
    "AthensBuckarestIstanbul": "AthensIslandanbulMinsk",
    "IslamabadKarachiTashkent": "IslandamabadKarachiTashkent",
    "MidwayIslandAndSamoa": "MidwayIslandandSamoa",
    "SolomonIslandNewCaledonia": "MagadanSolomonIslandNewCaledonia",
}
_FOR_REPORTS = {zone: _IN_REPORTS.get(name, name) for name, zone in BY_NAME.items()}


def zone_of(name: object) -> str:
    """The IANA zone of an account; UTC for a name we do not know, as one odd account must not hide all others."""
    return BY_NAME.get(name, "UTC") if isinstance(name, str) else "UTC"


def report_zone(zone: str) -> str:
    """What to call an account's zone in a report: without it, "today" is California's."""
    return _FOR_REPORTS.get(zone, "GreenwichMeanTimeDublinEdinburghLisbonLondon")
