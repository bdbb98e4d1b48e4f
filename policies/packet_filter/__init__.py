"""What a device lets pass between segments, as values and as nftables' own words."""
