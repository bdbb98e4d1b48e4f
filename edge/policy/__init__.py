"""The signed policy of an edge: model, schema, store and transactions."""
