"""DLMS/COSEM meters in Telegraf: TOML in, InfluxDB line protocol out."""

__version__ = "0.1.0"
