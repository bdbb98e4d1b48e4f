"""Object identifiers that are asked for, by the names they have in their MIBs."""

from typing import Final

SYS_UP_TIME: Final = "1.3.6.1.2.1.1.3.0"
# IF-MIB (RFC 2863); each is followed by the interface's index.
IF_TABLE_LAST_CHANGE: Final = "1.3.6.1.2.1.31.1.5.0"
IF_NAME: Final = "1.3.6.1.2.1.31.1.1.1.1"
IF_DESCR: Final = "1.3.6.1.2.1.2.2.1.2"
IF_SPEED: Final = "1.3.6.1.2.1.2.2.1.5"
IF_HIGH_SPEED: Final = "1.3.6.1.2.1.31.1.1.1.15"
IF_ADMIN_STATUS: Final = "1.3.6.1.2.1.2.2.1.7"
IF_OPER_STATUS: Final = "1.3.6.1.2.1.2.2.1.8"
IF_LAST_CHANGE: Final = "1.3.6.1.2.1.2.2.1.9"
IF_IN_OCTETS: Final = "1.3.6.1.2.1.2.2.1.10"
IF_IN_DISCARDS: Final = "1.3.6.1.2.1.2.2.1.13"
IF_IN_ERRORS: Final = "1.3.6.1.2.1.2.2.1.14"
IF_OUT_OCTETS: Final = "1.3.6.1.2.1.2.2.1.16"
IF_OUT_DISCARDS: Final = "1.3.6.1.2.1.2.2.1.19"
IF_OUT_ERRORS: Final = "1.3.6.1.2.1.2.2.1.20"
IF_HC_IN_OCTETS: Final = "1.3.6.1.2.1.31.1.1.1.6"
IF_HC_OUT_OCTETS: Final = "1.3.6.1.2.1.31.1.1.1.10"
IF_COUNTER_DISCONTINUITY: Final = "1.3.6.1.2.1.31.1.1.1.19"
# HOST-RESOURCES-MIB (RFC 2790).
HR_STORAGE_TYPE: Final = "1.3.6.1.2.1.25.2.3.1.2"
HR_STORAGE_SIZE: Final = "1.3.6.1.2.1.25.2.3.1.5"
HR_STORAGE_USED: Final = "1.3.6.1.2.1.25.2.3.1.6"
HR_STORAGE_RAM: Final = "1.3.6.1.2.1.25.2.1.2"
HR_PROCESSOR_LOAD: Final = "1.3.6.1.2.1.25.3.3.1.2"
# UCD-SNMP-MIB, in KB, and the idle share of the last minute in percent.
UCD_MEM_TOTAL: Final = "1.3.6.1.4.1.2021.4.5.0"
UCD_MEM_FREE: Final = "1.3.6.1.4.1.2021.4.6.0"
UCD_MEM_BUFFER: Final = "1.3.6.1.4.1.2021.4.14.0"
UCD_MEM_CACHED: Final = "1.3.6.1.4.1.2021.4.15.0"
UCD_CPU_IDLE: Final = "1.3.6.1.4.1.2021.11.11.0"
UCD_SYSTEM: Final = (UCD_MEM_TOTAL, UCD_MEM_FREE, UCD_MEM_BUFFER, UCD_MEM_CACHED, UCD_CPU_IDLE)
# ENTITY-SENSOR-MIB (RFC 3433) and the names in ENTITY-MIB.
SENSOR_TYPE: Final = "1.3.6.1.2.1.99.1.1.1.1"
SENSOR_SCALE: Final = "1.3.6.1.2.1.99.1.1.1.2"
SENSOR_PRECISION: Final = "1.3.6.1.2.1.99.1.1.1.3"
SENSOR_VALUE: Final = "1.3.6.1.2.1.99.1.1.1.4"
SENSOR_STATUS: Final = "1.3.6.1.2.1.99.1.1.1.5"
ENTITY_NAME: Final = "1.3.6.1.2.1.47.1.1.1.1.7"
# UPS-MIB (RFC 1628).
UPS_BATTERY_STATUS: Final = "1.3.6.1.2.1.33.1.2.1.0"
UPS_SECONDS_ON_BATTERY: Final = "1.3.6.1.2.1.33.1.2.2.0"
UPS_MINUTES_LEFT: Final = "1.3.6.1.2.1.33.1.2.3.0"
UPS_CHARGE: Final = "1.3.6.1.2.1.33.1.2.4.0"
UPS_OUTPUT_SOURCE: Final = "1.3.6.1.2.1.33.1.4.1.0"
UPS: Final = (
    UPS_BATTERY_STATUS,
    UPS_SECONDS_ON_BATTERY,
    UPS_MINUTES_LEFT,
    UPS_CHARGE,
    UPS_OUTPUT_SOURCE,
)
# LLDP-MIB (IEEE 802.1AB-2005).
LLDP_LOCAL_CHASSIS_SUBTYPE: Final = "1.0.8802.1.1.2.1.3.1.0"
LLDP_LOCAL_CHASSIS: Final = "1.0.8802.1.1.2.1.3.2.0"
LLDP_LOCAL_PORT: Final = "1.0.8802.1.1.2.1.3.7.1"
LLDP_REMOTE: Final = "1.0.8802.1.1.2.1.4.1.1"
# Notifications (RFC 3418, 2863 and 1628).
TRAP_OID: Final = "1.3.6.1.6.3.1.1.4.1.0"
COLD_START: Final = "1.3.6.1.6.3.1.1.5.1"
WARM_START: Final = "1.3.6.1.6.3.1.1.5.2"
LINK_DOWN: Final = "1.3.6.1.6.3.1.1.5.3"
LINK_UP: Final = "1.3.6.1.6.3.1.1.5.4"
IF_INDEX: Final = "1.3.6.1.2.1.2.2.1.1"
LLDP_CHANGED: Final = "1.0.8802.1.1.2.0.0.1"
# As it is written now, and as it comes out of a trap of version 1.
UPS_ON_BATTERY: Final = frozenset({"1.3.6.1.2.1.33.2.1", "1.3.6.1.2.1.33.2.0.1"})
