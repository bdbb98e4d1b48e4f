"""The headings of NetBox's tables in the languages that it speaks, and what they stand for."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final

# Those of its exports (as the screen has them) and of its import templates.
_ENGLISH: Final = (
    "name=name; slug=slug; status=status; facility=facility; region=region; group=group; "
    "tenant=tenant; description=description; latitude=latitude; longitude=longitude; "
    "level=level; parent=parent; label=label; termination-a=termination a|side a name; "
    "termination-b=termination b|side b name; device-a=device a|side a device|side a; "
    "device-b=device b|side b device|side b; site=site; role=role|device role; "
    "type=type|device type; platform=platform; manufacturer=manufacturer; "
    "ipv4-address=ipv4 address|primary ip4|primary ipv4; ip-address=ip address|primary ip"
)
_WORDS: Final[Mapping[str, str]] = {
    "en": _ENGLISH,
    "cs": (
        "name=jméno; slug=url zkratka|slug; status=stav; facility=zařízení; region=region; "
        "group=skupina; tenant=tenant; description=popis; latitude=zeměpisná šířka; "
        "longitude=zeměpisná délka; label=štítek; termination-a=ukončení a; "
        "termination-b=ukončení b; device-a=zařízení a|strana a; device-b=zařízení b|strana b; "
        "site=lokalita|stránky; role=role; type=typ; platform=platforma; manufacturer=výrobce; "
        "ip-address=ip adresa; ipv4-address=ipv4 adresa"
    ),
    "da": (
        "name=navn; slug=slug; status=status; facility=faciliteterne|facilitet; "
        "region=regionen; group=gruppe; tenant=lejer; description=beskrivelse; "
        "latitude=breddegrad; longitude=længde; label=mærke|etiket; termination-a=opsigelse a; "
        "termination-b=opsigelse b; device-a=enhed a|side a; device-b=enhed b|side b; "
        "site=område; role=rolle; type=type; platform=platformen|platform; "
        "manufacturer=producent; ip-address=ip adresse; ipv4-address=ipv4 adresse"
    ),
    "de": (
        "name=name; slug=url slug; status=status; facility=einrichtung; region=region; "
        "group=gruppe; tenant=mandant; description=beschreibung; latitude=breitengrad; "
        "longitude=längengrad; label=label; termination-a=abschlusspunkt a; "
        "termination-b=abschlusspunkt b; device-a=gerät a|seite a; device-b=gerät b|seite b; "
        "site=standort; role=rolle; type=typ; platform=betriebssystem; "
        "manufacturer=hersteller; ip-address=ip adresse; ipv4-address=ipv4 adresse"
    ),
    "es": (
        "name=nombre; slug=babosa|identificador corto; status=estado; "
        "facility=instalación|instalaciones; region=región; group=grupo; tenant=inquilino; "
        "description=descripción; latitude=latitud; longitude=longitud; label=etiqueta; "
        "termination-a=terminación a; termination-b=terminación b; "
        "device-a=dispositivo a|lado a; device-b=dispositivo b|lado b; site=sitio; "
        "role=rol|papel; type=tipo; platform=plataforma; manufacturer=fabricante; "
        "ip-address=dirección ip; ipv4-address=dirección ipv4"
    ),
    "fr": (
        "name=nom; slug=identifiant|slug; status=statut; facility=datacentre|installation; "
        "region=région; group=groupe; tenant=entité; description=description; "
        "latitude=latitude; longitude=longitude; label=libellé|étiquette; "
        "termination-a=terminaison a; termination-b=terminaison b; device-a=appareil a|côté a; "
        "device-b=appareil b|côté b; site=site; role=rôle; type=type; platform=plateforme; "
        "manufacturer=fabricant; ip-address=adresse ip; ipv4-address=adresse ipv4"
    ),
    "it": (
        "name=nome; slug=lumaca|pallottola; status=status|stato; "
        "facility=struttura|servizio, struttura; region=regione; group=gruppo; tenant=tenant; "
        "description=descrizione; latitude=latitudine; longitude=longitudine; label=etichetta; "
        "termination-a=terminazione a; termination-b=terminazione b; "
        "device-a=dispositivo a|lato a; device-b=dispositivo b|lato b; site=sito; role=ruolo; "
        "type=tipo; platform=piattaforma; manufacturer=produttore; ip-address=indirizzo ip; "
        "ipv4-address=indirizzo ipv4"
    ),
    "ja": (
        "name=名前; slug=slug; status=ステータス|状態; facility=ファシリティ|施設; "
        "region=リージョン; group=グループ; "
        "tenant=テナント; description=説明; latitude=緯度; longitude=経度; label=ラベル; "
        "termination-a=終端 a; termination-b=終端 b; device-a=デバイス a|サイド a; "
        "device-b=デバイス b|サイド b; "
        "site=サイト; role=ロール; type=タイプ; platform=プラットフォーム; "
        "manufacturer=メーカ; "
        "ip-address=ip アドレス; ipv4-address=ipv4 アドレス"
    ),
    "ko": (
        "name=이름; slug=slug; status=상태; facility=시설; region=지역; group=그룹; "
        "tenant=테넌트; "
        "description=설명; latitude=위도; longitude=경도; label=레이블; termination-a=종단 a; "
        "termination-b=종단 b; device-a=장비 a|a측; device-b=장비 b|b측; site=사이트; "
        "role=역할; type=유형; "
        "platform=플랫폼; manufacturer=제조사; ip-address=ip 주소; ipv4-address=ipv4 주소"
    ),
    "lv": (
        "name=nosaukums; slug=url identifikators; status=statuss; facility=objekts; "
        "region=reģions; group=grupa; tenant=īrnieks; description=apraksts; latitude=platums; "
        "longitude=garums; label=etiķete; termination-a=savienojums a; "
        "termination-b=savienojums b; device-a=iekārta a|a puse; device-b=iekārta b|b puse; "
        "site=vieta; role=loma; type=veids|tips; platform=platforma; manufacturer=ražotājs; "
        "ip-address=ip adrese; ipv4-address=ipv4 adrese"
    ),
    "nl": (
        "name=naam; slug=slug; status=status; facility=faciliteit; region=regio; group=groep; "
        "tenant=tenant; description=omschrijving; latitude=breedtegraad; "
        "longitude=lengtegraad; label=label; termination-a=beëindiging a; "
        "termination-b=eindpunt b; device-a=apparaat a|kant a; device-b=apparaat b|kant b; "
        "site=site; role=rol|functie; type=type; platform=platform; manufacturer=fabrikant; "
        "ip-address=ip adres; ipv4-address=ipv4 adres"
    ),
    "pl": (
        "name=nazwa; slug=uproszczona nazwa; status=status; facility=obiekty|obiekt; "
        "region=region; group=grupa; tenant=najemca; description=opis; latitude=swoboda; "
        "longitude=długość geograficzna; label=etykieta; termination-a=wypowiedzenie a; "
        "termination-b=strona b; device-a=urządzenie a|strona a; device-b=urządzenie b; "
        "site=placówka|miejsce; role=rola|roli; type=typ; platform=platforma; "
        "manufacturer=producent; ip-address=adres ip; ipv4-address=adres ipv4"
    ),
    "pt": (
        "name=nome; slug=slug; status=status; facility=facility; region=região; group=grupo; "
        "tenant=inquilino; description=descrição; latitude=latitude; longitude=longitude; "
        "label=rótulo; termination-a=terminação a; termination-b=terminação b; "
        "device-a=dispositivo a|lado a; device-b=dispositivo b|lado b; site=site; role=função; "
        "type=tipo; platform=plataforma; manufacturer=fabricante; ip-address=endereço ip; "
        "ipv4-address=endereço ipv4"
    ),
    "ru": (
        "name=имя; slug=подстрока; status=статус; facility=объект; region=регион; "
        "group=группа; tenant=собственник; description=описание; latitude=широта; "
        "longitude=долгота; label=лейбл; termination-a=точка подключения a; "
        "termination-b=точка подключения б; device-a=устройство a|сторона а; "
        "device-b=устройство б|сторона b; site=площадка; role=роль; type=тип; "
        "platform=платформа; manufacturer=производитель; ip-address=ip адрес; "
        "ipv4-address=адрес ipv4"
    ),
    "tr": (
        "name=i̇sim; slug=kısa isim|kısa ad; status=durum; facility=tesis|tesise; "
        "region=bölge; group=grup; tenant=kiracı; description=açıklama; latitude=enlem; "
        "longitude=boylam; label=etiket|etiketlemek; termination-a=fesih a; "
        "termination-b=sonlandırma b; device-a=aygıt a|a tarafı; device-b=aygıt b|b tarafı; "
        "site=site|sitesi; role=rol; type=tür|türü; platform=platform; manufacturer=üretici; "
        "ip-address=ip adresi; ipv4-address=ipv4 adresi"
    ),
    "uk": (
        "name=назва; slug=скорочення; status=статус; facility=об'єкт; region=регіон; "
        "group=група; tenant=орендар; description=опис; latitude=широта; longitude=довгота; "
        "label=етикетка; termination-a=кінець а; termination-b=кінець б; "
        "device-a=пристрій а|сторона а; device-b=пристрій б|сторона б; site=тех. майданчик; "
        "role=роль; type=тип; platform=платформа; manufacturer=виробник; ip-address=ip адреса; "
        "ipv4-address=адреса ipv4"
    ),
    "zh": (
        "name=名称; slug=缩写; status=状态; facility=设施; region=地区; group=组; tenant=租户; "
        "description=描述; latitude=纬度; longitude=经度; label=标记; termination-a=本端a; "
        "termination-b=对端b; device-a=设备a|a端; device-b=设备b|b端; site=站点; "
        "role=角色; type=类型; "
        "platform=平台|操作系统; manufacturer=厂商; ip-address=ip地址; ipv4-address=ipv4 地址"
    ),
}


def plain_heading(text: str) -> str:
    """Return a heading in small letters with single spaces."""
    small = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.sub(r"[_\-]+", " ", small).split())


def columns_of(headings: Sequence[str]) -> Mapping[str, int]:
    """Return where the columns that are known stand, by our names, in the likeliest language.

    Where two languages fit, the words of both count, those of the first one first.
    """
    places: dict[str, int] = {}
    for at, heading in enumerate(headings):
        places.setdefault(plain_heading(heading), at)
    found = [_found(words, places) for words in _WORDS.values()]
    best = max(found, key=len)
    free = {name: at for name, at in found[0].items() if at not in best.values()}
    return {**free, **best}


def _found(words: str, places: Mapping[str, int]) -> dict[str, int]:
    """Return where the columns of one language stand."""
    found: dict[str, int] = {}
    for part in words.split("; "):
        name, _, several = part.partition("=")
        at = next((places[word] for word in several.split("|") if word in places), None)
        if at is not None and at not in found.values():
            found[name] = at
    return found
