"""How well a link carries: delay, loss, jitter and MOS (ITU-T G.107)."""
