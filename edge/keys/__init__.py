"""Keys of tunnels: rotation of this edge's and its peers' keys, preshared keys, revocation."""
